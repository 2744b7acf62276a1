/* SPDX-License-Identifier: ISC */
/*
 * fuzz_envelope.c - what is an envelope is one again when it is put.
 * fuzz: common/spool/envelope.c common/base/base.c common/base/buf.c common/base/span.c common/base/arena.c
 * fuzz: common/base/clock.c common/base/id.c common/base/log.c
 */
#include <stdlib.h>
#include <string.h>

#include "spool/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena arena = {.max_bytes = 1 << 20};
	struct buf again = {0};
	struct envelope e;
	if (envelope_get(span_make(data, n), &arena, &e) == E_OK) {
		envelope_put(&again, &e);
		/* one of the version before has no time of release, and is put as one that has */
		bool is_old = data[0] == 1 && again.len == n + 8;
		if (!is_old && !span_eq(buf_as_span(&again), span_make(data, n)))
			abort();
	}
	buf_free(&again);
	arena_reset(&arena);
	return 0;
}
