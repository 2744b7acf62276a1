/* SPDX-License-Identifier: ISC */
/* word.c - encoded words made UTF-8. */
#include "mime/word.h"

#include "mime/charset.h"
#include "mime/header.h"
#include "mime/lex.h"
#include "mime/transfer.h"
#include "mime/word_at.h"

enum {
	CHARSET_BYTES_MAX = 80, /* of a word, with its language */
	/* beside what stood in the field: decoders ask for a little more than they fill */
	ROOM_EXTRA = 16,
};

/* Length of the text up to its "?="; text.n when it has none before another word begins. */
static size_t
text_len(struct span text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] != '?')
			continue;
		if (i + 1 < text.n && text.p[i + 1] == '=')
			return i;
		if (i && text.p[i - 1] == '=')
			break;
	}
	return text.n;
}

bool
word_at(struct span s, struct word *out)
{
	if (s.n < 8 || s.p[0] != '=' || s.p[1] != '?')
		return false;
	size_t n = 2;
	while (n < s.n && n < CHARSET_BYTES_MAX && s.p[n] > ' ' && s.p[n] != '?')
		n++;
	if (n == 2 || n + 3 >= s.n || s.p[n] != '?' || s.p[n + 2] != '?')
		return false;
	char e = ch_lower(s.p[n + 1]);
	if (e != 'b' && e != 'q')
		return false;
	struct span text = span_from(s, n + 3);
	size_t text_n = text_len(text);
	if (text_n == text.n)
		return false;
	out->charset = span_make(s.p + 2, n - 2);
	out->charset = span_head(out->charset, span_find(out->charset, '*'));
	out->is_base64 = e == 'b';
	out->text = span_head(text, text_n);
	out->n = n + 3 + text_n + 2;
	return out->charset.n > 0;
}

/* RFC 2047 4.2 */
static void
q_decode(struct buf *out, struct span text)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		if (c == '=' && i + 2 < text.n && ch_hex(text.p[i + 1]) >= 0 &&
		    ch_hex(text.p[i + 2]) >= 0) {
			buf_ch(out,
			    (char)(ch_hex(text.p[i + 1]) << 4 | ch_hex(text.p[i + 2])));
			i += 2;
		} else {
			buf_ch(out, c == '_' ? ' ' : c);
		}
	}
}

/*
 * Words that stand side by side, as long as their charset is the same: a character may be split
 * between them.
 */
struct joined {
	struct span charset;
	struct buf bytes; /* own */
};

static void
joined_flush(struct joined *j, struct buf *out)
{
	size_t at = out->len;
	if (j->bytes.len &&
	    charset_to_utf8(j->charset, buf_as_span(&j->bytes), out) != E_OK)
		bug("a charset was known and is not");
	for (; at < out->len; at++)
		if (out->p[at] == '\r' || out->p[at] == '\n' || out->p[at] == '\0')
			out->p[at] = ' ';
	buf_reset(&j->bytes);
}

static void
joined_add(struct joined *j, const struct word *w, struct buf *out)
{
	if (!span_ieq(j->charset, w->charset))
		joined_flush(j, out);
	j->charset = w->charset;
	if (w->is_base64)
		transfer_decode(TRANSFER_BASE64, w->text, &j->bytes);
	else
		q_decode(&j->bytes, w->text);
}

/*
 * Length of what is no encoded word of a known charset; *w is the one that follows, w->n 0 at the
 * end.
 */
static size_t
plain_len(struct span s, struct word *w)
{
	size_t at = 0;
	for (;;) {
		at += span_search(span_from(s, at), SPAN("=?"));
		if (at == s.n)
			break;
		if (word_at(span_from(s, at), w) && charset_is_known(w->charset))
			return at;
		at++;
	}
	w->n = 0;
	return s.n;
}

static bool
is_blank(struct span s)
{
	size_t n = 0;
	while (n < s.n && ch_space(s.p[n]))
		n++;
	return n == s.n;
}

static void
line_decode(struct buf *out, struct span line)
{
	struct joined joined = {.bytes = {.max = line.n + ROOM_EXTRA}};
	bool is_behind_word = false;
	while (line.n) {
		struct word w;
		size_t n = plain_len(line, &w);
		struct span plain = span_head(line, n);
		/* blanks between two encoded words are no part of the text (RFC 2047 6.2) */
		if (n && !(is_behind_word && w.n && is_blank(plain))) {
			joined_flush(&joined, out);
			charset_guess(plain, out);
		}
		line = span_from(line, n + w.n);
		is_behind_word = w.n > 0;
		if (is_behind_word)
			joined_add(&joined, &w, out);
	}
	joined_flush(&joined, out);
	buf_free(&joined.bytes);
}

void
word_decode(struct buf *out, struct span raw)
{
	struct buf line = {.max = raw.n + ROOM_EXTRA};
	header_unfold(&line, raw);
	line_decode(out, buf_as_span(&line));
	buf_free(&line);
}
