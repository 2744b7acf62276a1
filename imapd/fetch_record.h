/* SPDX-License-Identifier: ISC */
/*
 * fetch_record.h - the beginning of a FETCH answer, and what stands in the message's record: put
 * with one look for room a message, since FETCH 1:* (UID FLAGS) is what every client begins with.
 */
#ifndef IMAPD_FETCH_RECORD_H
#define IMAPD_FETCH_RECORD_H

#include "imapd/fetch_att.h"
#include "imapd/selected.h"

enum {
	FETCH_OF_RECORD = FETCH_UID | FETCH_FLAGS | FETCH_MODSEQ | FETCH_INTERNALDATE |
	                  FETCH_SIZE | FETCH_EMAILID | FETCH_SAVEDATE,
	FLAGS_TEXTS = 64, /* sets of system flags, with \Recent */
};

/* Texts of flags said before: "(\Seen $Junk)". */
struct flags_texts {
	const struct selected *selected; /* borrow */

	struct {
		uint64_t keywords;
		struct buf text; /* own; empty: none yet */
	} of[FLAGS_TEXTS];
};

void flags_texts_init(struct flags_texts *, const struct selected *);
void flags_texts_done(struct flags_texts *);
/* fetch_record_put - "* 5 FETCH (", or by UID "* 25996 UIDFETCH (", and these of FETCH_OF_RECORD, a blank behind each */
void fetch_record_put(struct buf *out, struct flags_texts *, uint32_t seq,
    const struct store_record *, unsigned whats);
/* fetch_end - what was put last ends in a blank: ")" CRLF */
void fetch_end(struct buf *out);

#endif
