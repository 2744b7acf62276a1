/* SPDX-License-Identifier: ISC */
/* session.h - POP3 after the login: one client after another, of one account. */
#ifndef POP3D_SESSION_H
#define POP3D_SESSION_H

#include "pop3d/drop.h"
#include "proc/io.h"

enum {
	POP3_LINE_MAX = 255, /* octets of a command with CRLF: RFC 2449 4 */
	POP3_ERRORS_MOST = 20,
	POP3_IN_MAX = 16384,
	POP3_OUT_MAX = 1 << 20,
	POP3_WRITE_CHUNK = 256 * 1024,
	POP3_READ_MAX = 256 * 1024, /* bytes: a larger message is mapped */
};

struct session {
	struct io io;
	struct drop drop;
	struct buf text; /* own: a small message that is sent */
	/* days for which a message is left at least, RFC 2449 6.7; POP3_KEEP_ALWAYS */
	int32_t expire_days;
	unsigned errors;
	bool is_over;
	bool is_utf8;              /* the client said UTF8: heads may have it */
	bool has_tls, is_loopback; /* how it came */
	struct span mechanisms;    /* borrow: what it was offered before its login */
};

int pop3_session_run(void); /* the role */

#endif
