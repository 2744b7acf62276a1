/* SPDX-License-Identifier: ISC */
/*
 * numset.h - sets of numbers as ascending, disjoint, not adjacent ranges: UIDs, sequence numbers.
 * Pure.
 */
#ifndef STORE_NUMSET_H
#define STORE_NUMSET_H

#include "base/buf.h"

struct num_range {
	uint32_t from, to; /* both inside; from <= to, never 0 */
};

struct numset {
	struct num_range *ranges; /* own */
	size_t n, cap;
};

enum { NUMSET_RANGES_MOST = 1 << 20 };

void numset_free(struct numset *);  /* and empty again */
void numset_reset(struct numset *); /* empty; keeps the memory */
/*
 * numset_add - any order; cheapest at the end.  E_OK, E_LIMIT (past NUMSET_RANGES_MOST ranges: not
 * added)
 */
MUST_USE int numset_add(struct numset *, uint32_t from, uint32_t to);
/* numset_add_common - what from has of asked.  E_OK, E_LIMIT as above */
MUST_USE int numset_add_common(
    struct numset *, const struct numset *from, struct num_range asked);
/* numset_toggle - into an empty set: what is in one of the two, and not in both.  E_OK, E_LIMIT */
MUST_USE int numset_toggle(
    struct numset *, const struct numset *a, const struct numset *b);
bool numset_has(const struct numset *, uint32_t number);
uint64_t numset_count(const struct numset *); /* numbers in it */
/* the first that is not below number; 0: none */
uint32_t numset_from(const struct numset *, uint32_t number);
/* numset_put - "1:3,5": RFC 9051 sequence-set; nothing when it is empty */
void numset_put(struct buf *out, const struct numset *);
/*
 * numset_encode, numset_decode - u32 n, then n x (u32 from, u32 to): for asks.  E_OK, E_BAD (not
 * ascending, too many)
 */
void numset_encode(struct buf *out, const struct num_range *, size_t n);
MUST_USE int numset_decode(struct rd *, struct numset *out);

#endif
