/* SPDX-License-Identifier: ISC */
/*
 * fuzz_imap_fuzzy.c - words that are looked for in a text, about so: the first octet says how long they are.  A score is within its
 * limits; a text is all that is looked for in itself.
 * fuzz: imapd/fuzzy.c common/mime/casemap.c common/mime/charset*.c common/mime/find.c
 * libs: -lunistring
 */
#include <stdlib.h>

#include "imapd/fuzzy.h"
#include "mime/casemap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
check(bool ok)
{
	if (!ok)
		abort();
}

static void
look(struct span wanted, struct span text)
{
	static struct fuzzy f;
	fuzzy_init(&f, wanted);
	check(f.n <= FUZZY_WORDS_MAX && fuzzy_score(&f) == 0);
	bool is_best = fuzzy_look(&f, text, 80);
	unsigned score = fuzzy_score(&f);
	check(score <= 80 && (!is_best || f.n == 0));
	check(fuzzy_look(&f, wanted, FUZZY_SCORE_MAX));
	check(fuzzy_score(&f) == (f.n ? FUZZY_SCORE_MAX : 0));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf wanted = {0}, text = {0};
	if (n == 0)
		return 0;
	struct span all = span_make(data + 1, n - 1), head = span_head(all, data[0]);
	look(head, span_from(all, head.n)); /* also what is no UTF-8 */
	casemap_fold(&wanted, head);
	casemap_fold(&text, span_from(all, head.n));
	look(buf_as_span(&wanted), buf_as_span(&text));
	check(n < 9 || fuzzy_near((int64_t)data[1], data[2], data[3], data[4]) <=
			   FUZZY_SCORE_MAX);
	buf_free(&wanted);
	buf_free(&text);
	return 0;
}
