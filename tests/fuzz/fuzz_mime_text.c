/* SPDX-License-Identifier: ISC */
/*
 * fuzz_mime_text.c - a needle and a message: what is searched in place is found as in a plain search of all text; and
 * the preview.
 * fuzz: common/mime/casemap.c common/mime/charset*.c common/mime/decode.c common/mime/find.c common/mime/header.c common/mime/html.c common/mime/lex.c common/mime/param.c common/mime/preview.c common/mime/signature.c common/mime/text.c common/mime/transfer.c common/mime/tree.c common/mime/word.c common/mime/words.c
 * libs: -lunistring
 */
#include <stdlib.h>
#include <string.h>

#include "mime/casemap.h"
#include "mime/decode.h"
#include "mime/header.h"
#include "mime/preview.h"
#include "mime/signature.h"
#include "mime/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct plain {
	struct span needle;
	bool is_found;
};

static void
look(struct plain *p, struct span utf8)
{
	struct buf folded = {0};
	if (!utf8_valid(utf8))
		abort();
	casemap_fold(&folded, utf8);
	p->is_found |=
	    folded.len && memmem(folded.p, folded.len, p->needle.p, p->needle.n);
	buf_free(&folded);
}

static void
look_head(struct plain *p, struct span head)
{
	struct header_field field;
	struct buf line = {0};
	for (; header_next(&head, &field) == E_OK; buf_reset(&line)) {
		buf_span(&line, field.name);
		buf_put(&line, ": ", 2);
		text_value_put(&line, field.value);
		look(p, buf_as_span(&line));
	}
	buf_free(&line);
}

/* Every head and every text, decoded. */
static void
look_all(struct plain *p, const struct tree *t, enum text_where where)
{
	struct part_text text;
	struct arena arena = {0};
	struct buf decoded = {0}, utf8 = {0};
	for (const struct part *part = &t->root; part; part = part_next(part)) {
		if (where == TEXT_TEXT && part->head_at < part->body_at)
			look_head(p, part_head(t, part));
		if (part_text_of(t, part, &arena, &text) == E_OK)
			look(p, part_text_utf8(
				    &text, TEXT_DECODED_BYTES_MAX, &decoded, &utf8));
	}
	buf_free(&decoded);
	buf_free(&utf8);
	arena_reset(&arena);
}

static void
check(const struct tree *t, enum text_where where, struct span needle,
    struct text_scratch *scratch)
{
	struct plain plain = {.needle = needle, .is_found = needle.n == 0};
	if (needle.n)
		look_all(&plain, t, where);
	if (text_contains(t, where, needle, scratch) != plain.is_found)
		abort();
}

/* What is found, the signatures do not rule out. */
static void
check_signatures(const struct tree *t, struct arena *arena, struct span needle,
    struct text_scratch *scratch)
{
	struct signatures s;
	struct signature_probe p;
	signatures_make(t, arena, &s);
	signature_probe_init(&p, needle);
	if (text_contains(t, TEXT_BODY, needle, scratch) &&
	    !signature_may_have(s.texts, &p))
		abort();
	if (text_contains(t, TEXT_TEXT, needle, scratch) &&
	    !signature_may_have(s.texts, &p) && !signature_may_have(s.heads, &p))
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
	check_signatures(&t, &arena, buf_as_span(&needle), &scratch);
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
