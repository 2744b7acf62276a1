/* SPDX-License-Identifier: ISC */
/* msgid.c - message ids. */
#include "mime/msgid.h"

static bool
is_blank(char c)
{
	return ch_space(c) || ch_ctl(c);
}

/*
 * The usual case: no quotes, backslashes or blanks in it.  Returns its length between the brackets,
 * 0: it is another.
 */
static size_t
plain_len(struct span s)
{
	for (size_t i = 1; i < s.n && i <= MSGID_BYTES_MAX + 1; i++) {
		if (s.p[i] == '>')
			return i - 1;
		if (s.p[i] <= ' ' || s.p[i] == 127 || s.p[i] == '"' || s.p[i] == '\\' ||
		    s.p[i] == '<')
			return 0;
	}
	return 0;
}

/* Puts what stands between the brackets.  Returns the length with both of them; 0: this is none. */
static size_t
id_read(struct span s, struct buf *out)
{
	bool is_quoted = false;
	size_t at = out->len, plain = plain_len(s);
	if (plain) {
		buf_put(out, s.p + 1, plain);
		return plain + 2;
	}
	for (size_t i = 1; i < s.n && out->len - at <= MSGID_BYTES_MAX; i++) {
		char c = s.p[i];
		if (c == '>' && !is_quoted)
			return out->len > at && out->len - at <= MSGID_BYTES_MAX ? i + 1
			                                                         : 0;
		if (c == '<' && !is_quoted)
			return 0;
		if (c == '"') {
			is_quoted = !is_quoted;
			continue;
		}
		if (c == '\\' && is_quoted && i + 1 < s.n)
			c = s.p[++i];
		if (!is_blank(c))
			buf_ch(out, c);
	}
	return 0;
}

int
msgid_next(struct span *in, struct buf *out)
{
	size_t at = out->len;
	for (;;) {
		*in = span_from(*in, span_find(*in, '<'));
		if (in->n == 0)
			return E_MORE;
		size_t n = id_read(*in, out);
		*in = span_from(*in, n ? n : 1);
		if (n)
			return E_OK;
		buf_cut(out, at);
	}
}
