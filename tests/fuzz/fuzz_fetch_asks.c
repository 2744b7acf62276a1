/* SPDX-License-Identifier: ISC */
/*
 * fuzz_fetch_asks.c - what is asked of the process that fetches, and what it answers: read, it is written the same again.
 * fuzz: common/net/fetch_asks.c common/net/dns.c
 */
#include "net/fetch.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum { ARENA_BYTES = 1 << 20 };

static void
check_same(struct span in, const struct buf *anew)
{
	if (!span_eq(in, buf_as_span(anew)))
		bug("an ask became another one");
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct span in = span_make(p, n);

	static const enum fetch_asks kinds[] = {FETCH_GET, FETCH_POST, FETCH_ASK};
	struct fetch_answer a;
	struct arena arena = {.max_bytes = ARENA_BYTES};
	struct buf anew = {0};
	struct rd r;
	for (size_t i = 0; i < COUNT(kinds); i++) {
		struct fetch_question q;
		r = rd_of(in);
		if (fetch_question_get(&r, kinds[i], &q) == E_OK) {
			fetch_question_put(&anew, &q);
			check_same(in, &anew);
			if (span_find(q.path, ' ') < q.path.n ||
			    span_find(q.path, '\r') < q.path.n ||
			    span_find(q.host, ':') < q.host.n)
				bug("a URL with more in it");
			if (span_find(q.type, '\r') < q.type.n ||
			    span_find(q.type, '\n') < q.type.n)
				bug("a header field with more in it");
			if (span_find(q.authorization, '\r') < q.authorization.n ||
			    span_find(q.authorization, '\n') < q.authorization.n)
				bug("a secret with more in it");
		}
		buf_reset(&anew);
	}
	r = rd_of(in);
	if (fetch_answer_get(&r, &arena, &a) == E_OK) {
		fetch_answer_put(&anew, &a);
		check_same(in, &anew);
	}
	arena_reset(&arena);
	buf_free(&anew);
	return 0;
}
