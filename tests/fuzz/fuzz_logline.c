/* SPDX-License-Identifier: ISC */
/*
 * fuzz_logline.c - lines of a log, which anybody may have written; in words they have no control characters.
 * fuzz: common/ctl/logline.c
 */
#include <stdlib.h>

#include "ctl/logline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
words(const struct logline *l, const char *template)
{
	struct buf b = {0};
	logline_words(&b, l, template);
	for (size_t i = 0; i < b.len && template; i++)
		if (ch_ctl(b.p[i]))
			abort();
	buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct logline l;
	if (logline_parse(span_make(data, n), 1796000000, &l) == E_OK) {
		words(&l, "{a}[ {mid}] {b}[{c}[ {d}]]");
		words(&l, NULL);
	}
	return 0;
}
