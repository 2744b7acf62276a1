/* SPDX-License-Identifier: ISC */
/* decode.h - the text of a part, its transfer encoding undone, in UTF-8. */
#ifndef MIME_DECODE_H
#define MIME_DECODE_H

#include "mime/transfer.h"
#include "mime/tree.h"

struct part_text {
	struct span body; /* borrow: the message */
	enum transfer_kind transfer;
	struct span charset; /* borrow: the arena; "" when none is named */
	bool is_ascii_like;  /* octets below 128 are ASCII in it */
	bool is_utf8;        /* so it says */
};

/* part_text_of - E_OK, E_BAD (a part that is no text, or in an encoding that nobody knows) */
MUST_USE int part_text_of(
    const struct tree *, const struct part *, struct arena *, struct part_text *out);
/*
 * part_text_bytes - the first max_bytes octets without their transfer encoding; in place when they
 * have none.
 *   decoded  emptied when it is used
 */
struct span part_text_bytes(
    const struct part_text *, size_t max_bytes, struct buf *decoded);
/*
 * part_text_utf8 - the same in UTF-8; in place when they are ASCII.  An unknown charset is guessed.
 *   utf8     emptied when it is used; when it is full it holds what fits
 */
struct span part_text_utf8(
    const struct part_text *, size_t max_bytes, struct buf *decoded, struct buf *utf8);

#endif
