/* SPDX-License-Identifier: ISC */
/*
 * fuzz_sts_asks.c - what relays tell the process sts, and what it answers: read, it is written the same again.
 * fuzz: queue/sts/asks.c common/net/dns.c
 */
#include "queue/sts/sts.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum { ARENA_BYTES = 1 << 20 };

static void
check_same(struct span in, const struct buf *anew)
{
	if (!span_eq(in, buf_as_span(anew)))
		bug("an ask became another one");
}

/* Lines that have no end, or too many, are cut; then it stays as it is. */
static void
check_note(const struct sts_note *n, struct span in)
{
	struct buf anew = {0}, again = {0};
	struct sts_note got;
	sts_note_put(&anew, n);
	struct rd r = rd_of(buf_as_span(&anew));
	if (sts_note_get(&r, &got) != E_OK)
		bug("a note became none");
	sts_note_put(&again, &got);
	check_same(buf_as_span(&anew), &again);
	check_same(in, &anew);
	buf_free(&anew);
	buf_free(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct span in = span_make(p, n);
	struct arena arena = {.max_bytes = ARENA_BYTES};
	struct sts_answer a;
	struct sts_note note;
	struct buf anew = {0};
	struct rd r = rd_of(in);
	if (sts_note_get(&r, &note) == E_OK)
		check_note(&note, in);
	r = rd_of(in);
	if (sts_answer_get(&r, &arena, &a) == E_OK) {
		sts_answer_put(&anew, &a);
		check_same(in, &anew);
	}
	arena_reset(&arena);
	buf_free(&anew);
	return 0;
}
