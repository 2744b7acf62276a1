/* SPDX-License-Identifier: ISC */
/*
 * fuzz_arc.c - a message with a chain of ARC, behind it the answers of the DNS: it ends, comes to the same again,
 * asks nothing where the structure is bad, and a pass is whole.
 * fuzz: common/dkim/arc.c common/dkim/arc_set.c common/dkim/canon.c common/dkim/key_record.c common/dkim/signature.c common/dkim/tag.c common/dkim/verify.c
 * fuzz: common/mime/header.c common/mime/lex.c common/mime/idn.c common/tls/hash.c common/tls/pubkey.c common/net/lookups.c common/net/dns.c tests/fuzz/answers.c
 * libs: -lgnutls -lidn2
 */
#include "dkim/arc.h"
#include "tests/fuzz/answers.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* A seal and a message's signature of each set. */
enum { QUESTIONS_MAX = 2 * ARC_SETS_MAX };

static void
check_pass(const struct arc_check *c)
{
	if (c->n == 0 || c->oldest_pass > c->n)
		bug("a pass of nothing");
	for (size_t i = 0; i < c->n; i++)
		if (c->sets[i].seal_verdict.result != DKIM_PASS ||
		    c->sets[i].seal.instance != i + 1)
			bug("a pass with a seal that is none");
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct span in = span_make(p, n);
	size_t end = span_find(in, '\0');
	struct answers answers = {.in = span_from(in, end < n ? end + 1 : n)};
	struct lookups l;
	lookups_init(&l);
	struct arc_check *c = arc_check_new(span_head(in, end));
	bool was_done = c->is_done;
	while (arc_check(c, &l, 1000) == E_MORE)
		if (!answers_give(&answers, &l))
			bug("it waits for nothing");
	if (answers.n_asked > (was_done ? 0 : QUESTIONS_MAX))
		bug("it asked too much");
	if (c->cv == ARC_PASS)
		check_pass(c);
	else if ((c->cv == ARC_FAIL) != (c->why[0] != '\0'))
		bug("a failure without a reason, or the other way round");
	if (arc_next(c) > ARC_SETS_MAX)
		bug("an instance past the last one");
	arc_check_free(&c);
	lookups_done(&l);
	return 0;
}
