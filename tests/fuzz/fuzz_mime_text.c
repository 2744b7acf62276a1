/* SPDX-License-Identifier: ISC */
/*
 * fuzz_mime_text.c - a needle and a message: what is searched in place is found as in a plain search of all text; and
 * the preview.
 * fuzz: common/mime/casemap.c common/mime/charset.c common/mime/charset_row.c common/mime/decode.c common/mime/find.c common/mime/header.c common/mime/html.c common/mime/lex.c common/mime/param.c common/mime/preview.c common/mime/text.c common/mime/transfer.c common/mime/tree.c common/mime/word.c common/mime/words.c
 * libs: -lunistring
 */
#include <stdlib.h>
#include <string.h>

#include "mime/casemap.h"
#include "mime/preview.h"
#include "mime/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct plain {
	struct span needle;
	bool is_found;
};

static int
look(void *ctx, struct span utf8)
{
	struct plain *p = ctx;
	struct buf folded = {0};
	if (!utf8_valid(utf8))
		abort();
	casemap_fold(&folded, utf8);
	p->is_found |= p->needle.n == 0 || (folded.len && memmem(folded.p, folded.len, p->needle.p, p->needle.n));
	buf_free(&folded);
	return E_OK;
}

static void
check(const struct tree *t, enum text_where where, struct span needle, struct text_scratch *scratch)
{
	struct plain plain = {.needle = needle, .is_found = needle.n == 0};
	if (text_each(t, where, look, &plain, scratch) != E_OK)
		abort();
	if (text_contains(t, where, needle, scratch) != plain.is_found)
		abort();
}

/* The first line is the needle, the second a name of a field. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span message = span_make(data, n);
	struct span words = span_cut(&message, '\n'), name = span_cut(&message, '\n');
	struct text_scratch scratch = {0};
	struct arena arena = {0};
	struct buf needle = {0}, preview = {0};
	struct tree t;
	casemap_fold(&needle, words);
	tree_make(message, &arena, &t);
	check(&t, TEXT_BODY, buf_as_span(&needle), &scratch);
	check(&t, TEXT_TEXT, buf_as_span(&needle), &scratch);
	(void)text_field_contains(message, name, buf_as_span(&needle), &scratch);
	preview_put(&preview, &t, &arena);
	if (!utf8_valid(buf_as_span(&preview)) || preview.len > 4 * PREVIEW_CHARS_MAX)
		abort();
	text_scratch_free(&scratch);
	buf_free(&needle);
	buf_free(&preview);
	arena_reset(&arena);
	return 0;
}
