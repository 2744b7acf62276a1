/* SPDX-License-Identifier: ISC */
/* lex.c - blanks, comments and quoted strings. */
#include "mime/lex.h"

bool
lex_is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\0';
}

struct span
lex_take(struct lex *l, size_t n)
{
	struct span s = span_head(l->in, n);
	l->in = span_from(l->in, n);
	return s;
}

/* Length of the quoted string that s begins with; 0: it is not closed. */
static size_t
quoted_len(struct span s)
{
	for (size_t i = 1; i < s.n; i++) {
		if (s.p[i] == '"')
			return i + 1;
		if (s.p[i] == '\\')
			i++;
	}
	return 0;
}

/*
 * Length of the comment that s begins with, those inside it too; 0: it is not closed, or too deep.
 */
static size_t
comment_len(struct span s)
{
	int depth = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\')
			i++;
		else if (s.p[i] == '(' && ++depth > LEX_COMMENT_DEPTH_MAX)
			return 0;
		else if (s.p[i] == ')' && --depth == 0)
			return i + 1;
	}
	return 0;
}

bool
lex_blanks(struct lex *l, struct span *text)
{
	size_t before = l->in.n;
	for (;;) {
		size_t n = 0;
		while (n < l->in.n && lex_is_blank(l->in.p[n]))
			n++;
		l->in = span_from(l->in, n);
		if (l->has_no_paren || l->in.n == 0 || l->in.p[0] != '(')
			break;
		n = comment_len(l->in);
		l->has_no_paren = n == 0;
		if (n == 0)
			break;
		struct span comment = lex_take(l, n);
		if (text)
			*text = span_make(comment.p + 1, n - 2);
	}
	return l->in.n < before;
}

bool
lex_quoted(struct lex *l, struct span *out)
{
	if (l->has_no_quote || l->in.n == 0 || l->in.p[0] != '"')
		return false;
	size_t n = quoted_len(l->in);
	l->has_no_quote = n == 0;
	if (n == 0)
		return false;
	struct span quoted = lex_take(l, n);
	*out = span_make(quoted.p + 1, n - 2);
	return true;
}

void
lex_unquote(struct buf *out, struct span inner)
{
	for (size_t i = 0; i < inner.n; i++) {
		char c = inner.p[i];
		if (c == '\\' && i + 1 < inner.n)
			c = inner.p[++i];
		if (c != '\r' && c != '\n' && c != '\0')
			buf_ch(out, c);
	}
}
