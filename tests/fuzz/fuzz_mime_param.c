/* SPDX-License-Identifier: ISC */
/*
 * fuzz_mime_param.c - Content-Type and Content-Disposition: names are none empty, values are UTF-8 on one line.
 * fuzz: common/mime/param.c common/mime/word.c common/mime/header.c common/mime/lex.c common/mime/transfer.c common/mime/charset*.c
 */
#include <stdlib.h>
#include <string.h>

#include "mime/param.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
check(const struct param_field *f)
{
	size_t n_raw = 0, n_text = 0;
	for (const struct param *p = f->raw; p; p = p->next, n_raw++)
		if (p->name.n == 0 || !p->value.p)
			abort();
	for (const struct param *p = f->text; p; p = p->next, n_text++) {
		struct span s = p->value;
		if (p->name.n == 0 || span_find(s, '\n') < s.n ||
		    span_find(s, '\r') < s.n || span_find(s, '\0') < s.n)
			abort();
		if (s.n < PARAM_VALUE_BYTES_MAX / 4 && !utf8_valid(s))
			abort();
	}
	if (n_raw > PARAM_COUNT_MAX || n_text > n_raw)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena arena = {0};
	struct param_field f;
	param_type_parse(span_make(data, n), &arena, &f);
	check(&f);
	param_disposition_parse(span_make(data, n), &arena, &f);
	check(&f);
	arena_reset(&arena);
	return 0;
}
