/* SPDX-License-Identifier: ISC */
/* preview.c - the first words of a message. */
#include "mime/preview.h"

#include "mime/charset.h"
#include "mime/decode.h"
#include "mime/html.h"

enum { FIRST_LOOK_BYTES = 4096, LOOK_GROWTH = 4 };

/* Lines of text/plain; those that quote another message only when asked. */
static void
plain_words(struct span text, bool with_quotes, struct words *out)
{
	while (text.n && !words_are_full(out)) {
		struct span line = span_cut(&text, '\n');
		if (!with_quotes && line.n && line.p[0] == '>')
			continue;
		while (line.n && !words_are_full(out))
			words_put(out, utf8_next(&line));
		words_put(out, ' ');
	}
}

static void
text_words(struct span text, bool is_html, struct words *out)
{
	if (is_html) {
		html_words(text, out);
		return;
	}
	plain_words(text, false, out);
	if (out->n_chars == 0)
		plain_words(text, true, out);
}

/* Decodes as much as is needed.  Returns true when there are words. */
static bool
part_words(const struct part_text *t, bool is_html, struct buf *out)
{
	struct buf decoded = {0}, utf8 = {0};
	struct words words = {.out = out, .max_chars = PREVIEW_CHARS_MAX};
	size_t at = out->len, look = FIRST_LOOK_BYTES;
	for (;; look *= LOOK_GROWTH) {
		buf_cut(out, at);
		words.n_chars = 0;
		words.has_blank = false;
		text_words(part_text_utf8(t, look, &decoded, &utf8), is_html, &words);
		if (words_are_full(&words) || look >= t->body.n ||
		    look >= PREVIEW_LOOK_BYTES_MAX)
			break;
	}
	buf_free(&decoded);
	buf_free(&utf8);
	return words.n_chars > 0;
}

static bool
is_attachment(const struct part *p)
{
	return span_istarts(p->fields.disposition, SPAN("attachment"));
}

/* The first part of this subtype that has words. */
static bool
subtype_put(struct buf *out, const struct tree *t, const char *subtype, bool is_html,
    struct arena *arena)
{
	struct part_text text;
	const struct part *p = &t->root;
	while (p) {
		if (part_is(p, "text", subtype) && !is_attachment(p) &&
		    part_text_of(t, p, arena, &text) == E_OK &&
		    part_words(&text, is_html, out))
			return true;
		if (p->kind == PART_MESSAGE) /* not into it */
			p = part_next_over(p);
		else
			p = part_next(p);
	}
	return false;
}

void
preview_put(struct buf *out, const struct tree *t, struct arena *arena)
{
	if (!subtype_put(out, t, "plain", false, arena))
		subtype_put(out, t, "html", true, arena);
}
