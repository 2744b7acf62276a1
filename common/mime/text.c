/* SPDX-License-Identifier: ISC */
/* text.c - the text of a message, searched. */
#include "mime/text.h"

#include "mime/casemap.h"
#include "mime/decode.h"
#include "mime/find.h"
#include "mime/header.h"
#include "mime/word.h"

struct look {
	struct text_scratch *scratch; /* borrow */
	struct span needle;           /* folded */
	bool is_ascii;                /* the needle */
	bool has_line_end;
};

void
text_scratch_free(struct text_scratch *s)
{
	arena_reset(&s->arena);
	buf_free(&s->decoded);
	buf_free(&s->utf8);
	buf_free(&s->folded);
}

static struct look
look_for(struct span needle, struct text_scratch *scratch)
{
	return (struct look){.scratch = scratch,
	    .needle = needle,
	    .is_ascii = span_is_ascii(needle),
	    .has_line_end = span_find(needle, '\n') < needle.n};
}

/* ---- fields ---- */

/* May there be encoded words in it?  A '?' is rarer than a '='. */
static bool
has_words(struct span raw)
{
	for (struct span left = raw; left.n;) {
		left = span_from(left, span_find(left, '?'));
		if (left.n && left.p > raw.p && left.p[-1] == '=')
			return true;
		left = span_from(left, 1);
	}
	return false;
}

void
text_value_put(struct buf *out, struct span raw)
{
	if (has_words(raw) || !span_is_ascii(raw))
		word_decode(out, raw);
	else
		header_unfold(out, raw);
}

static void
field_put(struct buf *out, const struct header_field *f)
{
	buf_span(out, f->name);
	buf_put(out, ": ", 2);
	text_value_put(out, f->value);
}

static bool
utf8_contains(struct look *l, struct span utf8)
{
	if (span_is_ascii(utf8))
		return l->is_ascii && find_any_case(utf8, l->needle);
	buf_reset(&l->scratch->folded);
	casemap_fold(&l->scratch->folded, utf8);
	return casemap_search(buf_as_span(&l->scratch->folded), l->needle);
}

/* ---- all of a message, text by text ---- */

/* All fields decoded, a line each: a needle never has a line end in it that a field could have. */
static struct span
head_lines(struct span head, struct text_scratch *s)
{
	struct header_field field;
	buf_reset(&s->utf8);
	while (header_next(&head, &field) == E_OK) {
		field_put(&s->utf8, &field);
		buf_ch(&s->utf8, '\n');
	}
	return buf_as_span(&s->utf8);
}

/* What says that it is UTF-8 is folded as it is: bad octets are the same to both. */
static struct span
body_text(const struct part_text *t, struct text_scratch *s)
{
	return t->is_utf8
	           ? part_text_bytes(t, TEXT_DECODED_BYTES_MAX, &s->decoded)
	           : part_text_utf8(t, TEXT_DECODED_BYTES_MAX, &s->decoded, &s->utf8);
}

bool
text_each(const struct tree *tree, enum text_where where, struct text_scratch *scratch,
    text_fn *fn, void *ctx)
{
	struct part_text text;
	bool is_over = false;
	for (const struct part *p = &tree->root; p && !is_over; p = part_next(p)) {
		if (where == TEXT_TEXT && p->head_at < p->body_at)
			is_over =
			    fn(ctx, true, head_lines(part_head(tree, p), scratch));
		if (!is_over && part_text_of(tree, p, &scratch->arena, &text) == E_OK)
			is_over = fn(ctx, false, body_text(&text, scratch));
	}
	arena_reset(&scratch->arena);
	return is_over;
}

static bool
has_needle(void *ctx, bool is_head, struct span utf8)
{
	struct look *l = ctx;
	return !(is_head && l->has_line_end) && utf8_contains(l, utf8);
}

bool
text_contains(const struct tree *tree, enum text_where where, struct span needle,
    struct text_scratch *scratch)
{
	struct look l = look_for(needle, scratch);
	return needle.n == 0 || text_each(tree, where, scratch, has_needle, &l);
}

/* ---- one field ---- */

bool
text_field_contains(struct span head, struct span name, struct span needle,
    struct text_scratch *scratch)
{
	struct look l = look_for(needle, scratch);
	struct header_field field;
	while (header_find(&head, name, &field) == E_OK) {
		buf_reset(&scratch->utf8);
		text_value_put(&scratch->utf8, field.value);
		if (needle.n == 0 || utf8_contains(&l, buf_as_span(&scratch->utf8)))
			return true;
	}
	return false;
}

void
text_field_put(struct buf *out, struct span head, struct span name)
{
	struct header_field field;
	struct buf utf8 = {0};
	while (header_find(&head, name, &field) == E_OK) {
		if (utf8.len)
			buf_ch(&utf8, '\n');
		text_value_put(&utf8, field.value);
	}
	casemap_fold(out, buf_as_span(&utf8));
	buf_free(&utf8);
}
