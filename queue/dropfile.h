/* SPDX-License-Identifier: ISC */
/*
 * dropfile.h - a file of spool/drop/: what sendmail(1) wrote.  Any local user may write any bytes
 * there.
 *   "MERPDRP1", u32 length of the envelope, SHA-256 of the envelope, the envelope
 *   (spool/envelope.h), the message.
 * The envelope's size and digest are those of the message, in which lines end in CRLF.  Who sent it
 * is no part of it: that is the owner of the file.  All pure.
 */
#ifndef QUEUE_DROPFILE_H
#define QUEUE_DROPFILE_H

#include "spool/envelope.h"

enum {
	DROP_LEAD_BYTES = 8 + 4 + 32, /* what stands before the envelope */
	/* Received lines of a message: more is a loop (RFC 5321 6.3) */
	DROP_HOPS_MOST = 100,
};

/* drop_head_put - lead and envelope; the message follows */
void drop_head_put(struct buf *out, const struct envelope *);
/*
 * drop_lead_get - the length of the envelope.  lead: DROP_LEAD_BYTES.  E_OK, E_BAD, E_LIMIT (past
 * ENVELOPE_BYTES_MAX)
 */
MUST_USE int drop_lead_get(struct span lead, uint32_t *envelope_bytes);
/*
 * drop_envelope_get - the envelope, as lead says it is, and sound: addresses that mail may be sent
 * to, at least one.
 *   returns  E_OK, E_BAD, E_LIMIT (arena).  Spans borrow from envelope.
 */
MUST_USE int drop_envelope_get(
    struct span lead, struct span envelope, struct arena *, struct envelope *out);
/*
 * drop_address_is_sound - local-part@domain, without blanks, controls and <>, UTF-8, of at most
 * ENVELOPE_PATH_MAX octets: nothing in it can end a line or a command.  RFC 5321 4.1.2 in the
 * rough; who looks it up has the last word.
 */
bool drop_address_is_sound(struct span);

/* What a message shows as it passes; zero is the beginning. */
struct drop_scan {
	bool has_bare; /* a CR or LF that is no line end: RFC 5321 2.3.8 */
	bool is_head_over;
	unsigned n_received;
	char last;
	unsigned column;  /* octets of the line so far, up to 9: "received:" */
	bool is_received; /* they are the beginning of that */
	bool has_high;    /* an octet past ASCII */
};

void drop_scan_feed(struct drop_scan *, struct span);
/*
 * drop_scan_end - E_OK, E_BAD (a bare CR or LF, or the last line has no end), E_LIMIT (more than
 * DROP_HOPS_MOST hops)
 */
MUST_USE int drop_scan_end(const struct drop_scan *);

#endif
