/* SPDX-License-Identifier: ISC */
/*
 * fuzz_relay_order.c - hops and orders, as they come from another process; what is read is written again and is the same.
 * fuzz: queue/relay/order.c common/spool/dsn.c
 */
#include <stdlib.h>
#include <string.h>

#include "queue/relay/order.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
same(struct span read, const struct buf *written)
{
	if (buf_done(written) != E_OK || !span_eq(read, buf_as_span(written)))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena arena = {.max_bytes = 1 << 20};
	struct rd r = rd_of(span_make(data, n));
	struct buf out = {0};
	struct order o;
	struct hop hop;
	if (hop_get(&r, &hop) == E_OK) {
		hop_put(&out, &hop);
		same(span_make(data, n - r.in.n), &out);
	}
	r = rd_of(span_make(data, n));
	while (r.in.n && order_get(&r, &arena, &o) == E_OK)
		if (o.n_rcpts == 0 || o.n_rcpts > ORDER_RCPTS_MAX)
			abort();
	buf_free(&out);
	arena_reset(&arena);
	return 0;
}
