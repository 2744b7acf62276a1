/* SPDX-License-Identifier: ISC */
/*
 * reply.h - what a server answers, RFC 5321 4.2 and 4.2.1, with the enhanced status code of RFC
 * 2034.  A line has at most REPLY_LINE_MAX octets, a reply REPLY_LINES_MAX lines and
 * REPLY_BYTES_MAX octets of text: a server that says more is not listened to.
 */
#ifndef QUEUE_RELAY_REPLY_H
#define QUEUE_RELAY_REPLY_H

#include "base/buf.h"

enum {
	REPLY_LINE_MAX = 2048,
	REPLY_LINES_MAX = 128,
	REPLY_BYTES_MAX = 65536,
	REPLY_STATUS_MAX = 12
};

struct reply {
	uint16_t code; /* 200 to 599 */
	unsigned n_lines;
	struct buf text;    /* own: what follows the code, a LF between lines */
	struct span status; /* borrow: text; "5.1.1", or empty */
};

void reply_reset(struct reply *);
void reply_free(struct reply *);
/*
 * reply_add - one line, without CRLF.
 *   returns  E_MORE (more lines follow), E_OK (it is whole), E_BAD (no reply, or another code than
 *            the line before), E_LIMIT.  Never blocks
 */
MUST_USE int reply_add(struct reply *, struct span line);

static inline bool
reply_is_good(const struct reply *r)
{
	return r->code >= 200 && r->code < 300;
}

/*
 * reply_reason - for people and reports: "5.1.1 WHO said: 550 5.1.1 no such user".  fallback:
 * status without its class, "1.1", where the server gave none that fits its code
 */
void reply_reason(
    const struct reply *, struct span who, const char *fallback, struct buf *out);
/* "WHO said: 550 5.1.1 no such user" */
void reply_said(const struct reply *, struct span who, struct buf *out);

#endif
