/* SPDX-License-Identifier: ISC */
/* append_stream.c - octets of a message on their way into its file: lines end in CRLF. */
#include "imapd/append_stream.h"

/* Where the next LF without a CR is; text.n: nowhere. */
static size_t
find_bare_lf(struct span text, size_t from, bool after_cr)
{
	size_t at = from;
	for (;;) {
		at += span_find(span_from(text, at), '\n');
		if (at >= text.n || !(at ? text.p[at - 1] == '\r' : after_cr))
			return at;
		at++;
	}
}

static bool
has_bare_cr(struct span text, bool after_cr)
{
	if (after_cr && text.n && text.p[0] != '\n')
		return true;
	for (size_t at = span_find(text, '\r'); at + 1 < text.n;
	     at += 1 + span_find(span_from(text, at + 1), '\r'))
		if (text.p[at + 1] != '\n')
			return true;
	return false;
}

static struct span
fix_lines(struct stream *t, struct span text)
{
	size_t lf = find_bare_lf(text, 0, t->after_cr), done = 0;
	if (lf == text.n)
		return text;
	t->is_no_text = true;
	buf_reset(&t->fixed);
	for (; lf < text.n; lf = find_bare_lf(text, done, false)) {
		buf_put(&t->fixed, text.p + done, lf - done);
		buf_put(&t->fixed, "\r\n", 2);
		done = lf + 1;
	}
	buf_span(&t->fixed, span_from(text, done));
	return buf_as_span(&t->fixed);
}

int
stream_piece(void *ctx, struct span piece)
{
	struct stream *t = ctx;
	if (piece.n == 0)
		return E_OK;
	t->has_nul = t->has_nul || span_find(piece, '\0') < piece.n;
	t->is_no_text =
	    t->is_no_text || (t->is_binary && has_bare_cr(piece, t->after_cr));
	struct span fixed = fix_lines(t, piece);
	t->after_cr = piece.p[piece.n - 1] == '\r';
	if (t->has_nul || (t->is_binary && t->is_no_text))
		return E_BAD;
	return incoming_write(t->to, fixed);
}
