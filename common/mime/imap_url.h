/* SPDX-License-Identifier: ISC */
/*
 * imap_url.h - IMAP URLs that mean a mailbox, a message, or a part of one: RFC 5092 11, with PARTIAL
 * (URL-PARTIAL, RFC 5550 3.4) and URLAUTH (RFC 4467).  Pure.
 */
#ifndef MIME_IMAP_URL_H
#define MIME_IMAP_URL_H

#include "base/arena.h"
#include "base/span.h"

enum { IMAP_URL_MAX = 8192 }; /* octets */

enum imap_url_access {
	URL_NO_ACCESS,
	URL_SUBMIT,
	URL_USER,
	URL_AUTHUSER,
	URL_ANONYMOUS
};

/* What is not there is empty or 0. */
struct imap_url {
	bool is_absolute; /* imap://, or // and a server */
	bool
	    is_relative; /* to a mailbox: it begins with ;UID=, ;SECTION= or ;PARTIAL= */
	struct span user, auth, host; /* user: decoded; host with its port */
	struct span mailbox;          /* decoded: UTF-8 */
	bool has_search;              /* "?": a list of messages */
	uint32_t uidvalidity, uid;
	struct span section; /* decoded; without brackets */
	bool has_partial;
	uint64_t from, octets; /* of PARTIAL; octets 0: to the end */
	struct span expire;    /* as written: RFC 3339 */
	enum imap_url_access access;
	struct span access_user; /* decoded; of submit+ and user+ */
	struct span rump;        /* the URL up to the verifier, of a URL with access */
	struct span mechanism, token; /* the verifier */
};

/*
 * imap_url_parse - the whole of text.
 *   out      borrows from text, and from the arena what had to be decoded
 *   returns  E_OK, E_BAD (syntax, or NUL), E_LIMIT (> IMAP_URL_MAX, or the arena is full)
 */
MUST_USE int imap_url_parse(struct span text, struct arena *, struct imap_url *out);

#endif
