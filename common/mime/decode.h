/* SPDX-License-Identifier: ISC */
/* decode.h - the text of a part, its transfer encoding undone, in UTF-8. */
#ifndef MIME_DECODE_H
#define MIME_DECODE_H

#include "mime/transfer.h"
#include "mime/tree.h"

struct part_text {
	struct span body;         /* borrow: the message */
	enum transfer_kind transfer;
	struct span charset;      /* borrow: the arena; "" when none is named */
	bool is_ascii_like;       /* octets below 128 are ASCII in it */
};

/* part_text_of - E_OK, E_BAD (a part that is no text, or in an encoding that nobody knows) */
MUST_USE int part_text_of(const struct tree *, const struct part *, struct arena *, struct part_text *out);
/*
 * part_text_decode - of the first max_bytes octets as they stand.  An unknown charset is guessed.
 *   decoded  emptied; what is between the two conversions
 *   out      emptied; UTF-8.  When it is full it holds what fits
 */
void part_text_decode(const struct part_text *, size_t max_bytes, struct buf *decoded, struct buf *out);

#endif
