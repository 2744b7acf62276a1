/* SPDX-License-Identifier: ISC */
/* session.h - ManageSieve after the login: one client after another, of one account. */
#ifndef MANAGESIEVE_SESSION_H
#define MANAGESIEVE_SESSION_H

#include "base/arena.h"
#include "proc/io.h"
#include "sieve/scripts.h"

struct jail;

enum {
	MANAGE_LINE_MAX = 8192, /* octets of a line of a command with CRLF */
	/* octets of a command: a script of SIEVE_SCRIPT_BYTES_MAX and names, both as literals */
	MANAGE_COMMAND_MAX = (1 << 20) + 4 * MANAGE_LINE_MAX,
	MANAGE_SKIP_MAX =
	    64
	    << 20, /* octets of the literals of too long a command, which are read away */
	MANAGE_ERRORS_MOST = 20,
	MANAGE_IN_MAX = 65536,
	MANAGE_OUT_MAX = 2 << 20,
};

struct session {
	struct io io;
	struct sieve_scripts scripts; /* own */
	struct buf text;              /* own: the command, with its literals */
	struct arena arena;           /* own: of one command */
	unsigned errors;
	bool is_over;
	bool has_tls;           /* how it came */
	bool may_return;        /* to a front: UNAUTHENTICATE */
	struct span mechanisms; /* borrow: what it was offered before its login */
};

void managesieve_jail(struct jail *);
int managesieve_session_run(void); /* the role */

#endif
