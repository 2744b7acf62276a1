/* SPDX-License-Identifier: ISC */
/* keywords.h - names of keywords, a bit each, in any case.  Pure. */
#ifndef MOVE_KEYWORDS_H
#define MOVE_KEYWORDS_H

#include "base/arena.h"
#include "store/store.h"

struct keywords {
	struct span names[STORE_KEYWORDS_MAX]; /* borrow: arena */
	size_t n;
	unsigned n_left_out; /* times that one had no room, or is none */
};

/* keywords_bit - of this name, which gets one when it has none.  0: it is left out */
uint64_t keywords_bit(struct keywords *, struct arena *, struct span name);
/* keywords_of - the names of bits; out has room for STORE_KEYWORDS_MAX */
size_t keywords_of(const struct keywords *, uint64_t bits, struct span *out);

#endif
