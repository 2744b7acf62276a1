/* SPDX-License-Identifier: ISC */
/*
 * envelope.h - the head of a message as IMAP's ENVELOPE, and what SORT, SEARCH and THREAD ask of it.
 * RFC 3501 7.4.2 and 9, RFC 9051 7.5.2, RFC 5256 2 and 3, RFC 5957.
 */
#ifndef MIME_ENVELOPE_H
#define MIME_ENVELOPE_H

#include "base/arena.h"
#include "base/buf.h"

enum {
	ENVELOPE_ADDRESSES_MAX = 1000,  /* of one field; those behind are left out */
	ENVELOPE_REFERENCES_MAX = 1000, /* ids; of more the first and the last are kept */
};

/*
 * envelope_put - "(" date subject from sender reply-to to cc bcc in-reply-to message-id ")", as it is sent.
 * Encoded words stay as they are (RFC 3501), folds are undone.  What is 7 bit is quoted, else it is a literal.
 *   head  of the message; it may go on with the body
 */
void envelope_put(struct buf *out, struct span head);

/* Strings are decoded and folded by casemap (RFC 5051) where it says so; empty when absent. */
struct envelope_facts {
	bool has_sent;       /* the Date field is one */
	int64_t sent_sec;    /* UTC, Unix time */
	int32_t sent_day;    /* as written, zone disregarded (RFC 3501 6.4.4): days since 1970-01-01 */
	bool is_reply;       /* RFC 5256 2.1: "Re:", "Fwd:", "(fwd)" and the like were taken off */
	struct span base_subject;              /* folded */
	struct span from, to, cc;              /* folded addr-mailbox of the first address (RFC 5256 3) */
	struct span display_from, display_to;  /* folded display name of it, else mailbox@host (RFC 5957) */
	struct span message_id;                /* normalised (RFC 5256): without the brackets and needless quotes */
	struct span references;                /* normalised ids, oldest first, an LF between; else that of In-Reply-To */
};

/* envelope_facts - all spans in the arena; empty where it is full */
void envelope_facts(struct span head, struct arena *, struct envelope_facts *out);

/*
 * imap_string_put - a string as IMAP sends it: quoted when it may be (7 bit, no CR, LF or NUL), else a literal.
 * NULs, which no literal may hold (RFC 3501 9), are left out.
 */
void imap_string_put(struct buf *out, struct span s);
void imap_nstring_put(struct buf *out, struct span s); /* NIL where s.p is NULL */

#endif
