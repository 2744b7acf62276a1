/* SPDX-License-Identifier: ISC */
/* lex.c - tokens of a script. */
#include "sieve/lex.h"

#include <string.h>

static bool
is_ident_char(char c)
{
	return ch_alnum(c) || c == '_';
}

static void
skip(struct sieve_lex *l, size_t n)
{
	for (size_t i = 0; i < n; i++)
		l->in_line += l->in.p[i] == '\n';
	l->in = span_from(l->in, n);
}

/* A bracket comment; the slash and the star are there. */
static void
skip_bracket_comment(struct sieve_lex *l)
{
	struct span rest = span_from(l->in, 2);
	size_t at = span_search(rest, SPAN("*/"));
	if (at == rest.n) {
		sieve_error(
		    l->errors, l->in_line, "the comment that begins here has no end");
		skip(l, l->in.n);
	} else {
		skip(l, at + 4);
	}
}

static void
skip_blanks(struct sieve_lex *l)
{
	while (l->in.n) {
		char c = l->in.p[0];
		if (ch_space(c) || c == '\r' || c == '\n')
			skip(l, 1);
		else if (c == '#')
			skip(l, span_find(l->in, '\n'));
		else if (c == '/' && l->in.n > 1 && l->in.p[1] == '*')
			skip_bracket_comment(l);
		else
			return;
	}
}

static void
lex_ident(struct sieve_lex *l)
{
	size_t n = 0;
	while (n < l->in.n && is_ident_char(l->in.p[n]))
		n++;
	l->text = span_head(l->in, n);
	if (n > SIEVE_IDENT_BYTES_MAX) {
		sieve_error(l->errors, l->line,
		    "an identifier of %zu octets is too long (most are %d)", n,
		    SIEVE_IDENT_BYTES_MAX);
		l->text.n = SIEVE_IDENT_BYTES_MAX;
	}
	skip(l, n);
}

static unsigned
unit_shift(char c)
{
	switch (ch_lower(c)) {
	case 'k':
		return 10;
	case 'm':
		return 20;
	case 'g':
		return 30;
	default:
		return 0;
	}
}

static void
lex_number(struct sieve_lex *l)
{
	size_t n = 0;
	bool is_large = false;
	uint64_t value = 0;
	unsigned shift = 0;
	while (n < l->in.n && ch_digit(l->in.p[n])) {
		unsigned digit = (unsigned)(l->in.p[n++] - '0');
		is_large |= value > (UINT64_MAX - digit) / 10;
		value = value * 10 + digit;
	}
	if (n < l->in.n && (shift = unit_shift(l->in.p[n])) > 0)
		n++;
	is_large |= shift && value >> (64 - shift);
	if (n < l->in.n && is_ident_char(l->in.p[n])) {
		while (n < l->in.n && is_ident_char(l->in.p[n]))
			n++;
		sieve_error(l->errors, l->line, "'%.*s' is no number",
		    SPAN_ARG(span_head(l->in, n < 40 ? n : 40)));
		is_large = false;
		shift = 0;
	} else if (is_large) {
		sieve_error(
		    l->errors, l->line, "a number is larger than 18446744073709551615");
	}
	l->token = TOKEN_NUMBER;
	l->number = is_large ? 0 : value << shift;
	skip(l, n);
}

/* One octet of a string that is not plain: line ends become CRLF, NUL is nothing that mail has. */
static void
put_char(struct sieve_lex *l, struct buf *out, char c, char before)
{
	if (c == '\n' && before != '\r')
		buf_ch(out, '\r');
	if (c == '\0')
		sieve_error(l->errors, l->in_line, "a string has an octet that is 0");
	else
		buf_ch(out, c);
}

/* Where its copy finds no memory the script ends: no string is read as another one. */
static void
take_text(struct sieve_lex *l, struct buf *out)
{
	l->token = TOKEN_STRING;
	l->text = arena_span(l->arena, buf_as_span(out));
	if (l->text.n < out->len) {
		sieve_error(l->errors, l->line, SIEVE_NO_MEMORY);
		l->in = (struct span){NULL, 0};
		l->is_full = true;
	}
	buf_free(out);
}

static void
lex_quoted(struct sieve_lex *l)
{
	struct buf out = {.max = 2 * SIEVE_SCRIPT_BYTES_MAX};
	size_t n = 1;
	while (n < l->in.n && l->in.p[n] != '"') {
		if (l->in.p[n] == '\\' && n + 1 < l->in.n)
			n++;
		put_char(l, &out, l->in.p[n], l->in.p[n - 1]);
		n++;
	}
	if (n == l->in.n)
		sieve_error(
		    l->errors, l->line, "the string that begins here has no end");
	skip(l, n < l->in.n ? n + 1 : n);
	take_text(l, &out);
}

/* Does the line begin with "text:", a comment or nothing behind it? */
static bool
is_multi_line(struct span in)
{
	struct span rest;
	if (!span_istarts(in, SPAN("text:")))
		return false;
	rest = span_from(in, 5);
	while (rest.n && ch_space(rest.p[0]))
		rest = span_from(rest, 1);
	return !rest.n || rest.p[0] == '#' || rest.p[0] == '\n' || rest.p[0] == '\r';
}

static void
lex_multi_line(struct sieve_lex *l)
{
	struct buf out = {.max = 2 * SIEVE_SCRIPT_BYTES_MAX};
	skip(l, span_find(l->in, '\n'));
	skip(l, l->in.n ? 1 : 0);
	while (l->in.n) {
		size_t n = span_find(l->in, '\n');
		struct span line = span_head(l->in, n);
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		if (span_eqs(line, ".")) {
			skip(l, n < l->in.n ? n + 1 : n);
			take_text(l, &out);
			return;
		}
		if (line.n > 1 && line.p[0] == '.' && line.p[1] == '.')
			line = span_from(line, 1);
		if (memchr(line.p, 0, line.n))
			sieve_error(
			    l->errors, l->in_line, "a string has an octet that is 0");
		buf_span(&out, line);
		if (n < l->in.n)
			buf_str(&out, "\r\n");
		skip(l, n < l->in.n ? n + 1 : n);
	}
	sieve_error(l->errors, l->line,
	    "the text that begins here has no line with a single dot");
	take_text(l, &out);
}

static void
lex_garbage(struct sieve_lex *l)
{
	char c = l->in.p[0];
	size_t n = 1;
	while (n < l->in.n && l->in.p[n] == c)
		n++;
	if (c >= ' ' && c <= '~')
		sieve_error(l->errors, l->line, "unexpected character '%c'", c);
	else
		sieve_error(
		    l->errors, l->line, "unexpected octet 0x%02x", (unsigned char)c);
	l->token = TOKEN_GARBAGE;
	skip(l, n);
}

static enum sieve_token
single(char c)
{
	static const struct {
		char c;
		enum sieve_token token;
	} rows[] = {{'[', TOKEN_LIST}, {']', TOKEN_LIST_END}, {'(', TOKEN_TESTS},
	    {')', TOKEN_TESTS_END}, {'{', TOKEN_BLOCK}, {'}', TOKEN_BLOCK_END},
	    {',', TOKEN_COMMA}, {';', TOKEN_SEMICOLON}};

	for (size_t i = 0; i < COUNT(rows); i++)
		if (rows[i].c == c)
			return rows[i].token;
	return TOKEN_GARBAGE;
}

void
lex_next(struct sieve_lex *l)
{
	char c;
	skip_blanks(l);
	l->line = l->in_line;
	l->text = (struct span){NULL, 0};
	l->token = TOKEN_END;
	if (!l->in.n)
		return;
	c = l->in.p[0];
	if (c == '"') {
		lex_quoted(l);
	} else if (is_multi_line(l->in)) {
		lex_multi_line(l);
	} else if (ch_digit(c)) {
		lex_number(l);
	} else if (is_ident_char(c)) {
		l->token = TOKEN_IDENT;
		lex_ident(l);
	} else if (c == ':' && l->in.n > 1 && is_ident_char(l->in.p[1]) &&
		   !ch_digit(l->in.p[1])) {
		skip(l, 1);
		l->token = TOKEN_TAG;
		lex_ident(l);
	} else if ((l->token = single(c)) != TOKEN_GARBAGE) {
		skip(l, 1);
	} else {
		lex_garbage(l);
	}
}

void
lex_begin(struct sieve_lex *l, struct span script, struct arena *arena,
    struct sieve_errors *errors)
{
	*l = (struct sieve_lex){
	    .in = script, .in_line = 1, .arena = arena, .errors = errors};
	if (span_starts(l->in, SPAN("\xef\xbb\xbf")))
		l->in = span_from(l->in, 3);
	lex_next(l);
}

const char *
lex_name(enum sieve_token token)
{
	static const char *const names[] = {[TOKEN_END] = "the end of the script",
	    [TOKEN_IDENT] = "a name",
	    [TOKEN_TAG] = "a tag",
	    [TOKEN_NUMBER] = "a number",
	    [TOKEN_STRING] = "a string",
	    [TOKEN_LIST] = "'['",
	    [TOKEN_LIST_END] = "']'",
	    [TOKEN_TESTS] = "'('",
	    [TOKEN_TESTS_END] = "')'",
	    [TOKEN_BLOCK] = "'{'",
	    [TOKEN_BLOCK_END] = "'}'",
	    [TOKEN_COMMA] = "','",
	    [TOKEN_SEMICOLON] = "';'",
	    [TOKEN_GARBAGE] = "that character"};
	return names[token];
}
