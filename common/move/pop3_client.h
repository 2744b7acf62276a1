/* SPDX-License-Identifier: ISC */
/*
 * pop3_client.h - the client's side of a POP3 conversation, as far as UIDLs take it: log in, LIST,
 * UIDL, heads by TOP.  Nothing is fetched or removed.  The server is a stranger: every line, count
 * and wait has a limit.
 */
#ifndef MOVE_POP3_CLIENT_H
#define MOVE_POP3_CLIENT_H

#include "move/pop3_uidls.h"
#include "move/server_login.h"
#include "proc/io.h"

enum {
	POP3_LINE_MAX = 65536,   /* octets of a line */
	POP3_HEAD_MAX = 1 << 20, /* octets of a head */
	POP3_IDLE_MS = 120000,   /* each wait */
	POP3_LOGIN_MS = 60000,   /* until it is logged in */
	POP3_HEAD_LINES_MAX = 100000,
	POP3_LIST_LINES_MAX = 2 * SOURCE_MESSAGES_MAX,
	POP3_CAPA_LINES_MAX = 1000,
	POP3_AHEAD = 50, /* TOPs under way, where the server has PIPELINING */
};

struct pop3 {
	struct io io;          /* own */
	struct tls_conn *conn; /* own; NULL: none */
	bool is_in, has_pipelining;
	size_t line_bytes;      /* of io, borrowed: the last line */
	struct failure failure; /* own (why) */
};

/* Each returns E_OK or E_IO: the conversation is over; failure says why. */
void pop3_init(struct pop3 *, int fd); /* takes fd */
MUST_USE int pop3_login(struct pop3 *, const struct server_login *);
MUST_USE int pop3_messages(struct pop3 *, struct pop3_messages *out);
/* pop3_heads - out: room for as many; *n: those that the server showed */
MUST_USE int pop3_heads(
    struct pop3 *, const struct pop3_messages *, struct head_sum *out, size_t *n);
void pop3_done(struct pop3 *); /* says QUIT, does not wait for its answer */

#endif
