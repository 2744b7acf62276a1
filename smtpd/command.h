/* SPDX-License-Identifier: ISC */
/* command.h - the table of commands: the only dispatcher, and every gate. */
#ifndef SMTPD_COMMAND_H
#define SMTPD_COMMAND_H

#include "smtpd/path.h"
#include "smtpd/session.h"

/*
 * A handler's return value is its reply.  argument: what follows the verb, without blanks around
 * it.
 */
typedef enum reply command_fn(struct session *, struct span argument);

struct command_line {
	struct span verb, argument; /* borrow: the line */
};

/*
 * command_split - RFC 5321 2.4: a verb, then a blank and an argument.  Pure.  E_OK, E_BAD (no verb)
 */
MUST_USE int command_split(struct span line, struct command_line *out);
/* command_run - one line; counts and gates it, and calls its handler.  Logs what is refused */
enum reply command_run(struct session *, struct span line);
/* those that this kind of listener knows, with blanks between */
void command_verbs(enum listen_kind, struct buf *out);

command_fn cmd_helo, cmd_ehlo, cmd_lhlo; /* cmd_helo.c */
command_fn cmd_mail;                     /* cmd_mail.c */
command_fn cmd_rcpt;                     /* cmd_rcpt.c */
command_fn cmd_data;                     /* cmd_data.c */
command_fn cmd_bdat,
    cmd_bdat_refused; /* cmd_bdat.c; refused: a chunk comes all the same */
command_fn cmd_burl;  /* cmd_burl.c */
bool burl_is_offered(const struct session *);
command_fn cmd_rset, cmd_noop, cmd_quit, cmd_help; /* cmd_control.c */
command_fn cmd_vrfy;                               /* cmd_vrfy.c */
command_fn cmd_starttls;                           /* cmd_starttls.c */
command_fn cmd_etrn;                               /* cmd_etrn.c */
command_fn cmd_xclient, cmd_xforward;              /* cmd_xclient.c */
command_fn cmd_auth;                               /* cmd_auth.c */

/* cmd_rcpt.c: the address of an argument "TO:<...>", for looking ahead.  E_OK, E_BAD, E_LIMIT */
MUST_USE int rcpt_argument(struct span argument, struct path *out, struct span *params);
/* rcpt_address_put - as path_put; an address without a domain gets ours */
void rcpt_address_put(struct buf *out, const struct path *, const struct limits *);
bool auth_is_offered(const struct session *); /* cmd_helo.c */
struct auth_conn;
/*
 * auth_conn_of - cmd_auth.c: the connection, as auth is told of it; out borrows from type and data,
 * which the caller frees
 */
void auth_conn_of(
    const struct session *, struct buf *type, struct buf *data, struct auth_conn *out);

#endif
