/* SPDX-License-Identifier: ISC */
/*
 * fuzz_told.c - what a keeper left of changes of METADATA: it is refused, or says what it says once more.
 * fuzz: common/store/told.c common/store/metadata_name.c
 */
#include <stdlib.h>

#include "store/told.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
check(bool ok)
{
	if (!ok)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct told_ring t;
	struct buf again = {.max = TOLD_BYTES_MOST};
	unsigned changes = 0;
	if (told_get(span_make(data, n), &t) == E_OK) {
		const struct told_change *c = told_next(&t, 0);
		for (; c; c = told_next(&t, c->number)) {
			check(c->by == 0 && metadata_entry_check(span_of(c->entry)));
			changes++;
		}
		check(changes <= TOLD_KEPT);
		told_put(&again, &t);
		check(span_eq(buf_as_span(&again), span_make(data, n)));
		told_add(&t, 1, SPAN("/private/comment"), 1);
		check(told_next(&t, t.number - 1)->by == 1);
	}
	buf_free(&again);
	return 0;
}
