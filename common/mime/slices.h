/* SPDX-License-Identifier: ISC */
/*
 * slices.h - signatures of many messages, turned: a row of bits for each place of a signature, and
 * in it a bit for each message.  A search reads the rows of its needle's runs, a few hundred octets
 * of a thousand messages, instead of a signature each.  What it says is what the signatures say.
 *   block  32 octets: magic, kind, messages, bits, sum; then 8 octets a message: number, check;
 *          then a row for each bit: of 64 messages each, 8 octets; its sum
 * Blocks follow each other.  They are read with distrust: what fits no sum is not known.
 */
#ifndef MIME_SLICES_H
#define MIME_SLICES_H

#include "mime/signature.h"

enum {
	SLICES_MESSAGES_MAX = 1024, /* of a block */
	SLICES_BITS_MAX = 1 << 15,  /* of a signature; longer ones are not turned */
};

enum slices_kind { SLICES_TEXTS, SLICES_HEADS, SLICES_KINDS };

/* What a block knows of a message. */
struct sliced {
	uint32_t number; /* the caller's: rising */
	uint32_t
	    check; /* the caller's: another message of that number has another one */
};

struct slices_block {
	enum slices_kind kind;
	size_t n, n_bits;
	const char *messages, *rows; /* borrow */
};

/* slices_take - may a signature be turned? Of no bits: that of an empty text */
bool slices_take(struct span signature);
/*
 * slices_put - a block.
 *   signatures  n of them, all of one length, each of which slices_take takes
 */
void slices_put(struct buf *out, enum slices_kind, const struct sliced *,
    const struct span *signatures, size_t n);
/*
 * slices_next - takes a block off *in.  E_OK, E_BAD (damaged, or the end: in stays as it is).
 *   out  borrows from in
 */
MUST_USE int slices_next(struct span *in, struct slices_block *out);
/* slices_are_sound - do all rows of a block fit their sums?  slices_look sees to those it reads */
bool slices_are_sound(const struct slices_block *);
struct sliced slices_message(const struct slices_block *, size_t i); /* i < n */
/*
 * slices_look - which messages may have the needle, a bit each.
 *   may      room for SLICES_MESSAGES_MAX / 64
 *   returns  E_OK, E_BAD (damaged: nothing is known)
 */
MUST_USE int slices_look(
    const struct slices_block *, const struct signature_probe *, uint64_t *may);

#endif
