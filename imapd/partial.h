/* SPDX-License-Identifier: ISC */
/*
 * partial.h - PARTIAL, a window on what is found: RFC 9394 3 and 4, RFC 5267 4.4.  Of SEARCH, SORT
 * and UID FETCH.  Pure.
 */
#ifndef IMAPD_PARTIAL_H
#define IMAPD_PARTIAL_H

#include "imapd/parse.h"

struct partial {
	bool is_there;
	bool is_from_end;     /* -1 is the last */
	uint32_t first, last; /* as written, without the sign; never 0 */
};

/* partial_parse - "1:500" or "-1:-100".  E_OK, E_BAD */
MUST_USE int partial_parse(struct parse *, struct partial *out);
/* partial_put - as it was written */
void partial_put(struct buf *, const struct partial *);
/* partial_most - so many from the end that it counts from are enough to answer it */
uint32_t partial_most(const struct partial *);
/*
 * partial_window - of n that were found, in their order: *at is the index of the first in it; the
 * number of those in it is returned.
 */
size_t partial_window(const struct partial *, size_t n, size_t *at);

#endif
