/* SPDX-License-Identifier: ISC */
/*
 * signature.h - what may stand in a text, in few octets: a bit for each run of three, four and five
 * octets of what is folded (casemap.h) without a blank in it, at the place that a hash of it says.  What text_contains
 * finds has all of its runs there; so a message without one of them need not be read.  Works for
 * any part of a word, and any language.
 * The number of bits is 64, a power of two above it, or one and a half of that, so that many messages
 * have signatures of one length (slices.h); up to SIGNATURE_BYTES_MAX octets, about a third of them
 * set; no octet: of a text that is empty.
 */
#ifndef MIME_SIGNATURE_H
#define MIME_SIGNATURE_H

#include "mime/text.h"

enum {
	SIGNATURE_BYTES_MAX = 16 << 10,
	/* of heads, or of texts of a message; more has no signature */
	SIGNATURE_TEXT_MAX = 2 << 20,
	/* parts of a message with a signature */
	SIGNATURE_PARTS_MAX = 1000,
	SIGNATURE_RUNS_MAX = 32, /* of a needle; those of its beginning */
};

/* The two of a message.  p is NULL where there is none: its text has to be read. */
struct signatures {
	struct span heads, texts; /* borrow: the arena */
};

/*
 * signatures_make - of all heads, and of all text parts.  Without one: what is too long, or too
 * varied
 */
void signatures_make(const struct tree *, struct arena *, struct signatures *out);

/* The runs of a needle. */
struct signature_probe {
	bool is_empty; /* the needle */
	unsigned n;
	uint32_t at[SIGNATURE_RUNS_MAX];
};

void signature_probe_init(struct signature_probe *, struct span folded_needle);
/*
 * signature_may_have - false: the needle is not in the text; true where there is no signature.
 * Pure
 */
bool signature_may_have(struct span signature, const struct signature_probe *);

/* signature_bits_next - lengths of signatures, from 64 bits on: the one after this */
size_t signature_bits_next(size_t n_bits);
/* signature_place - where a run of a probe is in a signature of so many bits: their order stays */
size_t signature_place(uint32_t at, size_t n_bits);

#endif
