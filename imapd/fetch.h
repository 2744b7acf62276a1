/* SPDX-License-Identifier: ISC */
/*
 * fetch.h - the FETCH answer of one message: RFC 9051 7.5.2.  What is asked of it is fetch_att.h's.
 */
#ifndef IMAPD_FETCH_H
#define IMAPD_FETCH_H

#include "imapd/fetch_record.h"
#include "imapd/message.h"
#include "imapd/respond.h"

enum { FETCH_PIECE_BYTES = 128 << 10 }; /* of a message put into the output at a time */

struct fetch {
	struct session *s;             /* borrow */
	const struct fetch_atts *atts; /* borrow */
	struct message message;        /* the one that is answered now */
	struct flags_texts flags;
	struct buf made; /* what is put together before its length is known */
	/* R_DONE, or what is said at the end: the first thing that went wrong */
	enum reply reply;
};

void fetch_init(struct fetch *, struct session *, const struct fetch_atts *);
void fetch_done(struct fetch *);
/*
 * fetch_put - all that is asked of a message, sent as it becomes much: never more than IMAP_OUT_MAX
 * waits.
 *   more     enum fetch_what, beside what was asked for
 *   returns  false: the client is gone or does not read
 */
bool fetch_put(struct fetch *, uint32_t seq, unsigned more);

/* fetch_send - text, in pieces.  false: as fetch_put */
bool fetch_send(struct fetch *, struct span text);
/* fetch_body.c: one section and a blank behind it.  false: as fetch_put */
bool fetch_section_put(struct fetch *, const struct fetch_section *);
/* fetch_hide_nuls - what a literal may not hold is shown as 0x80: RFC 9051 7.5.2 */
void fetch_hide_nuls(char *, size_t);
/* fetch_failed - notes why a message's answer is not whole */
void fetch_failed(struct fetch *, enum reply);

#endif
