/* SPDX-License-Identifier: ISC */
/*
 * fuzz_agent_order.c - what placers and agents tell each other, and the slots of what agents remember: the first octet says
 * which.  What was read is written, and read again the same.
 * fuzz: deliver/order.c common/spool/address.c deliver/turn_letter.c deliver/recall.c common/store/directions.c common/proc/ask.c common/tls/hash.c
 * libs: -lgnutls
 */
#include <stdlib.h>
#include <string.h>

#include "deliver/order.h"
#include "deliver/recall.h"
#include "deliver/turn.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
try_order(struct span in)
{
	struct agent_order o;
	struct buf again = {0};
	if (order_get(in, &o) != E_OK)
		return;
	order_put(&again, &o);
	buf_span(&again, o.message);
	if (again.len != in.n)
		abort();
	buf_free(&again);
}

static void
try_answer(struct span in)
{
	struct arena arena = {.max_bytes = 1 << 20};
	struct agent_answer a, b;
	struct buf one = {0}, two = {0};
	if (answer_get(in, &arena, &a) == E_OK) {
		answer_put(&one, &a);
		if (answer_get(buf_as_span(&one), &arena, &b) != E_OK)
			abort();
		answer_put(&two, &b);
		if (!span_eq(buf_as_span(&one), buf_as_span(&two)))
			abort();
	}
	arena_reset(&arena);
	buf_free(&one);
	buf_free(&two);
}

static void
try_letter(struct span in)
{
	struct arena arena = {.max_bytes = 1 << 20};
	struct turn_letter a, b;
	struct buf one = {0};
	if (turn_letter_get(in, &arena, &a) == E_OK) {
		turn_letter_put(&one, &a);
		if (turn_letter_get(buf_as_span(&one), &arena, &b) != E_OK ||
		    !id_eq(a.id, b.id) || a.send.n_rcpts != b.send.n_rcpts)
			abort();
	}
	arena_reset(&arena);
	buf_free(&one);
}

static void
try_pieces(struct span in)
{
	struct buf out = {.max = 100};
	struct rd r = rd_of(in);
	if (order_piece(&r, &out) == E_OK && out.len + 1 != in.n)
		abort();
	buf_free(&out);
}

static void
try_slot(struct span in)
{
	unsigned char bytes[RECALL_SLOT_BYTES] = {0}, again[RECALL_SLOT_BYTES];
	struct recall_slot s;
	memcpy(bytes, in.p, in.n < sizeof bytes ? in.n : sizeof bytes);
	if (recall_slot_decode(bytes, &s) != E_OK)
		return;
	recall_slot_encode(&s, again);
	if (memcmp(bytes, again, sizeof again) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static void (*const tries[])(struct span) = {
	    try_order, try_answer, try_pieces, try_slot, try_letter};
	if (n)
		tries[p[0] % COUNT(tries)](span_make(p + 1, n - 1));
	return 0;
}
