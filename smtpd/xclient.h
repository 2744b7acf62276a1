/* SPDX-License-Identifier: ISC */
/*
 * xclient.h - attributes of XCLIENT and XFORWARD, as Postfix has them: "NAME=xtext ADDR=...".  What
 * a proxy or a filter that we trust says of the client it speaks for.  Pure.
 */
#ifndef SMTPD_XCLIENT_H
#define SMTPD_XCLIENT_H

#include "base/buf.h"

enum xattr {
	XATTR_NAME,
	XATTR_ADDR, /* "192.0.2.1", "2001:db8::1": as inet_ntop writes it */
	XATTR_PORT,
	XATTR_PROTO, /* "SMTP", "ESMTP" */
	XATTR_HELO,
	XATTR_LOGIN,
	XATTR_DESTADDR,
	XATTR_DESTPORT,
	XATTR_IDENT,
	XATTR_SOURCE, /* "LOCAL", "REMOTE" */
	XATTR_COUNT
};

enum xattr_state {
	XATTR_ABSENT,
	XATTR_SET,
	XATTR_UNAVAILABLE, /* "[UNAVAILABLE]": there is none, for ever */
	XATTR_TEMPORARY,   /* "[TEMPUNAVAIL]": it cannot be known now */
};

enum xattr_verb { XVERB_CLIENT = 1, XVERB_FORWARD = 2 };

enum { XATTR_VALUE_MAX = 255 }; /* octets, decoded */

struct xattrs {
	struct {
		enum xattr_state state;
		struct buf value; /* own; of XATTR_SET alone */
	} all[XATTR_COUNT];
}; /* {0}: nothing is known */

/*
 * xattrs_parse - the argument of one command, into what is known already; an attribute that comes
 * again counts.
 *   returns  E_OK, E_BAD (syntax, or a value that the attribute cannot have), E_DENY (an attribute
 *            that the verb has not).  What came before it stays
 */
MUST_USE int xattrs_parse(struct span in, enum xattr_verb, struct xattrs *);
void xattrs_reset(struct xattrs *); /* all absent; frees */
bool xattrs_any(const struct xattrs *);
/* the value; "[UNAVAILABLE]" and its like; empty: absent */
struct span xattr_text(const struct xattrs *, enum xattr);
/* xattr_names - " NAME ADDR ...": what EHLO says */
void xattr_names(enum xattr_verb, struct buf *out);

#endif
