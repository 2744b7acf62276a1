/* SPDX-License-Identifier: ISC */
/*
 * envelope.h - the head of a message as IMAP's ENVELOPE, and what SORT, SEARCH and THREAD ask of
 * it.  RFC 3501 7.4.2 and 9, RFC 9051 7.5.2, RFC 5256 2 and 3, RFC 5957 3.  (The envelope of SMTP
 * is common/spool's.)
 */
#ifndef MIME_ENVELOPE_H
#define MIME_ENVELOPE_H

#include "mime/address.h"

/* ids kept of a message: the first and the last ones */
enum { ENVELOPE_REFERENCES_MAX = 1000 };

/* Of several fields of one name the first; all addresses.  Absent: p is NULL, or the list is. */
struct imap_envelope {
	/* on one line, encoded words as they stand */
	struct span date, subject, in_reply_to, message_id;
	struct span references; /* raw */
	struct address *from, *sender, *reply_to, *to, *cc, *bcc;
};

/*
 * imap_envelope_parse
 *   head  of the message; may go on with the body
 *   out   borrow: head and the arena
 */
void imap_envelope_parse(struct span head, struct arena *, struct imap_envelope *out);
/*
 * imap_envelope_put - "(" date subject from sender reply-to to cc bcc in-reply-to message-id ")",
 * as it is sent
 */
void imap_envelope_put(struct buf *out, const struct imap_envelope *);

/* Strings are decoded, and folded by casemap (RFC 5051) where it says so; empty when absent. */
struct envelope_facts {
	bool has_sent; /* the Date field is one */
	/* RFC 5256 2.1: "Re:", "Fwd:", "(fwd)" and the like were taken off */
	bool is_reply;
	/* as written, zone disregarded (RFC 3501 6.4.4): days since 1970-01-01 */
	int32_t sent_day;
	int64_t sent_sec;         /* UTC, Unix time */
	struct span base_subject; /* folded */
	/* folded addr-mailbox of the first address (RFC 5256 3) */
	struct span from, to, cc;
	/* folded display name of it, else mailbox@host (RFC 5957) */
	struct span display_from, display_to;
	struct span message_id; /* normalised (msgid.h) */
	/* normalised, oldest first, an LF between; else the first of In-Reply-To */
	struct span references;
};

/* envelope_facts_find - all spans in the arena; empty where it is full */
void envelope_facts_find(
    const struct imap_envelope *, struct arena *, struct envelope_facts *out);

#endif
