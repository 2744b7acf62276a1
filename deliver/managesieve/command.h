/* SPDX-License-Identifier: ISC */
/* command.h - the table of commands after the login: the only dispatcher, and the words of replies. */
#ifndef MANAGESIEVE_COMMAND_H
#define MANAGESIEVE_COMMAND_H

#include "deliver/managesieve/session.h"
#include "deliver/managesieve/syntax.h"

/* What a handler returns: command.c says how it is told. */
enum reply {
	R_SAID, /* the handler did */
	R_DONE,
	R_NONEXISTENT,
	R_ALREADYEXISTS,
	R_ACTIVE,
	R_BAD_NAME,
	R_EMPTY,
	R_MAXSIZE,
	R_MAXSCRIPTS,
	R_QUOTA,
	R_TRYLATER,
	R_LOGGED_IN,
	R_COUNT
};

/* One command of a client: runs it, replies. */
void command_run(struct session *, struct span text);
void command_too_long(struct session *); /* replies to one with too long a literal */
/*
 * command_result - of a function of sieve/scripts.h: E_DENY is denied; what of E_LIMIT.  what may be
 * NULL where that cannot be
 */
enum reply command_result(int err, enum reply denied, const enum sieve_quota *what);

enum reply cmd_capability(struct session *, const struct syntax_command *);
enum reply cmd_noop(struct session *, const struct syntax_command *);
enum reply cmd_logout(struct session *, const struct syntax_command *);
enum reply cmd_unauthenticate(struct session *, const struct syntax_command *);
enum reply cmd_logged_in(struct session *, const struct syntax_command *);
enum reply cmd_havespace(struct session *, const struct syntax_command *);
enum reply cmd_putscript(struct session *, const struct syntax_command *);
enum reply cmd_checkscript(struct session *, const struct syntax_command *);
enum reply cmd_listscripts(struct session *, const struct syntax_command *);
enum reply cmd_getscript(struct session *, const struct syntax_command *);
enum reply cmd_setactive(struct session *, const struct syntax_command *);
enum reply cmd_deletescript(struct session *, const struct syntax_command *);
enum reply cmd_renamescript(struct session *, const struct syntax_command *);

#endif
