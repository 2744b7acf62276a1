/* SPDX-License-Identifier: ISC */
/* syntax.c - atoms, strings and numbers of commands. */
#include "deliver/managesieve/syntax.h"

/* ---- literals ---- */

/* RFC 5804 4: "0", or no zero at the beginning. */
static int
number(struct span s, uint32_t *out)
{
	if (s.n > 1 && s.p[0] == '0')
		return E_BAD;
	return span_u32(s, out);
}

/* Where the quoted string ends that begins at i: behind its quote; s.n + 1: it does not. */
static size_t
quoted_end(struct span s, size_t i)
{
	for (i++; i < s.n && s.p[i] != '"'; i++)
		if (s.p[i] == '\\')
			i++;
	return i < s.n ? i + 1 : s.n + 1;
}

enum syntax_tail
syntax_tail(struct span line, uint64_t *n)
{
	size_t i = 0, open = line.n;
	*n = 0;
	while (i < line.n) {
		if (line.p[i] == '{')
			open = i;
		i = line.p[i] == '"' ? quoted_end(line, i) : i + 1;
	}
	if (i > line.n || open >= line.n || !span_ends(line, SPAN("}")))
		return SYNTAX_ENDS;
	struct span digits = span_head(span_from(line, open + 1), line.n - open - 2);
	bool has_plus = span_ends(digits, SPAN("+"));
	int err = span_u64(span_head(digits, digits.n - has_plus), UINT64_MAX, n);
	if (err == E_LIMIT)
		*n = UINT64_MAX;
	if (err == E_BAD)
		return SYNTAX_ENDS; /* and no string either: the command is refused */
	return has_plus ? SYNTAX_LITERAL : SYNTAX_WAITS;
}

/* in is behind the '{' */
static int
take_literal(struct span *in, struct span *out)
{
	struct span rest = *in, digits = span_cut(&rest, '+');
	uint32_t n;
	if (number(digits, &n) != E_OK || !span_take(&rest, '}') ||
	    !span_take(&rest, '\r') || !span_take(&rest, '\n') || rest.n < n)
		return E_BAD;
	*out = span_head(rest, n);
	*in = span_from(rest, n);
	return E_OK;
}

/* ---- quoted strings ---- */

/* Without escapes it stays where it is; in is behind the quote. */
static int
take_quoted(struct span *in, struct arena *arena, struct span *out)
{
	size_t end = 0, escapes = 0;
	for (; end < in->n && in->p[end] != '"'; end++) {
		char c = in->p[end];
		if (c == '\0' || c == '\r' || c == '\n')
			return E_BAD;
		if (c != '\\')
			continue;
		end++;
		if (end == in->n || (in->p[end] != '"' && in->p[end] != '\\'))
			return E_BAD;
		escapes++;
	}
	if (end == in->n)
		return E_BAD;
	*out = span_head(*in, end);
	*in = span_from(*in, end + 1);
	if (!utf8_valid(*out))
		return E_BAD;
	if (escapes == 0)
		return E_OK;
	char *p = arena_get(arena, out->n);
	size_t n = 0;
	if (!p)
		return E_LIMIT;
	for (size_t i = 0; i < out->n; i++) {
		i += out->p[i] == '\\';
		p[n++] = out->p[i];
	}
	*out = span_make(p, n);
	return E_OK;
}

/* ---- commands ---- */

static bool
is_atom_char(char c)
{
	return !ch_ctl(c) && (unsigned char)c < 0x80 && c != ' ' && c != '(' &&
	       c != ')' && c != '{' && c != '"' && c != '\\';
}

static int
take_atom(struct span *in, struct span *out)
{
	size_t n = 0;
	while (n < in->n && is_atom_char(in->p[n]))
		n++;
	if (n == 0 || n > SYNTAX_ATOM_MAX)
		return E_BAD;
	*out = span_head(*in, n);
	*in = span_from(*in, n);
	return E_OK;
}

static int
take_string(struct span *in, struct arena *arena, struct span *out)
{
	if (span_take(in, '"'))
		return take_quoted(in, arena, out);
	return span_take(in, '{') ? take_literal(in, out) : E_BAD;
}

static int
take_argument(struct span *in, struct arena *arena, struct syntax_argument *out)
{
	size_t n = 0;
	while (n < in->n && ch_digit(in->p[n]))
		n++;
	if (n == 0) {
		out->kind = SYNTAX_STRING;
		return take_string(in, arena, &out->text);
	}
	out->kind = SYNTAX_NUMBER;
	int err = number(span_head(*in, n), &out->number);
	*in = span_from(*in, n);
	return err == E_OK ? E_OK : E_BAD;
}

int
syntax_command(struct span text, struct arena *arena, struct syntax_command *out)
{
	*out = (struct syntax_command){.n = 0};
	int err = take_atom(&text, &out->verb);
	while (err == E_OK && text.n) {
		if (out->n == SYNTAX_ARGUMENTS_MAX)
			return E_LIMIT;
		err = span_take(&text, ' ')
		          ? take_argument(&text, arena, &out->arguments[out->n++])
		          : E_BAD;
	}
	return err;
}

int
syntax_string(struct span text, struct arena *arena, struct span *out)
{
	int err = take_string(&text, arena, out);
	return err == E_OK && text.n ? E_BAD : err;
}

/* ---- what we send ---- */

static bool
can_be_quoted(struct span s)
{
	size_t n = s.n;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\0' || s.p[i] == '\r' || s.p[i] == '\n')
			return false;
		n += s.p[i] == '"' || s.p[i] == '\\';
	}
	return n <= SYNTAX_QUOTED_MAX && utf8_valid(s);
}

void
syntax_put_string(struct buf *out, struct span s)
{
	if (!can_be_quoted(s)) {
		buf_putf(out, "{%zu}\r\n", s.n);
		buf_span(out, s);
		return;
	}
	buf_ch(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_ch(out, '\\');
		buf_ch(out, s.p[i]);
	}
	buf_ch(out, '"');
}
