/* SPDX-License-Identifier: ISC */
/* check_string.c - encoded characters (RFC 5228 2.4.2.4) and variables (RFC 5229 3) of strings. */
#include "mime/charset.h"
#include "sieve/check_state.h"

/* "40 41": pairs of hex digits, blanks between. */
static bool
put_hex(struct span in, struct buf *out)
{
	bool has_any = false;
	while (in.n) {
		if (ch_space(in.p[0]) || in.p[0] == '\r' || in.p[0] == '\n') {
			in = span_from(in, 1);
			continue;
		}
		if (in.n == 1 || ch_hex(in.p[1]) < 0) {
			if (ch_hex(in.p[0]) < 0)
				return false;
			buf_ch(out, (char)ch_hex(in.p[0]));
			in = span_from(in, 1);
		} else {
			if (ch_hex(in.p[0]) < 0)
				return false;
			buf_ch(out, (char)(ch_hex(in.p[0]) << 4 | ch_hex(in.p[1])));
			in = span_from(in, 2);
		}
		has_any = true;
		if (in.n && ch_hex(in.p[0]) >= 0)
			return false;
	}
	return has_any;
}

/* E_OK, E_MORE (no such encoding: stays as it stands), E_BAD (a number that is no character) */
static int
put_unicode(struct span in, struct buf *out)
{
	bool has_any = false;
	while (in.n) {
		uint32_t code = 0;
		size_t n = 0;
		if (ch_space(in.p[0]) || in.p[0] == '\r' || in.p[0] == '\n') {
			in = span_from(in, 1);
			continue;
		}
		for (; n < in.n && ch_hex(in.p[n]) >= 0; n++)
			code = code > 0xffffff ? code
			                       : code << 4 | (uint32_t)ch_hex(in.p[n]);
		if (!n)
			return E_MORE;
		if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
			return E_BAD;
		utf8_put(out, code);
		has_any = true;
		in = span_from(in, n);
	}
	return has_any ? E_OK : E_MORE;
}

static int
put_encoded(struct sieve_check *c, unsigned line, struct span inside, struct buf *out)
{
	size_t before = out->len;
	int err = E_MORE;
	if (span_istarts(inside, SPAN("hex:")))
		err = put_hex(span_from(inside, 4), out) ? E_OK : E_MORE;
	else if (span_istarts(inside, SPAN("unicode:")))
		err = put_unicode(span_from(inside, 8), out);
	if (err == E_BAD)
		return check_error(c, line, "'${%.*s}' is no character of Unicode",
		    SPAN_ARG(span_head(inside, 40)));
	if (err != E_OK)
		buf_cut(out, before);
	return err;
}

/* "${hex:40}" and the like at the front: its length; 0 when it is none.  Looks no further than that. */
static size_t
encoded_size(struct span in)
{
	size_t n;
	if (span_istarts(in, SPAN("${hex:")))
		n = 6;
	else if (span_istarts(in, SPAN("${unicode:")))
		n = 10;
	else
		return 0;
	while (n < in.n && (ch_hex(in.p[n]) >= 0 || ch_space(in.p[n]) ||
			       in.p[n] == '\r' || in.p[n] == '\n'))
		n++;
	return n < in.n && in.p[n] == '}' ? n + 1 : 0;
}

static int
decode_encoded(struct sieve_check *c, struct sieve_string *s)
{
	struct buf out = {.max = 2 * SIEVE_SCRIPT_BYTES_MAX};
	struct span in = s->text;
	int err = E_OK;
	while (in.n && err != E_BAD) {
		size_t at = span_search(in, SPAN("${")), n;
		buf_span(&out, span_head(in, at));
		in = span_from(in, at);
		if (in.n < 2)
			break;
		n = encoded_size(in);
		err = n ? put_encoded(
			      c, s->line, span_from(span_head(in, n - 1), 2), &out)
		        : E_MORE;
		if (err == E_OK) {
			in = span_from(in, n);
		} else {
			buf_str(&out, "${");
			in = span_from(in, 2);
		}
	}
	buf_span(&out, in);
	s->text = arena_span(&c->program->arena, buf_as_span(&out));
	if (err != E_BAD && s->text.n < out.len)
		err = check_error(c, s->line, SIEVE_NO_MEMORY);
	buf_free(&out);
	return err == E_BAD ? E_BAD : E_OK;
}

/* What stands in "${...}" as a variable's name: its length, or 0. */
static size_t
reference_at(struct span in)
{
	size_t n;
	if (!span_starts(in, SPAN("${")))
		return 0;
	for (n = 2; n < in.n && (ch_alnum(in.p[n]) || in.p[n] == '_' || in.p[n] == '.');
	     n++)
		;
	return n < in.n && in.p[n] == '}' && n > 2 ? n + 1 : 0;
}

/* One more at *end, which is moved behind it.  E_OK, E_BAD (no memory; said) */
static int
put_piece(struct sieve_check *c, unsigned line, struct sieve_piece ***end,
    struct sieve_piece what)
{
	struct sieve_piece *piece = arena_get(&c->program->arena, sizeof(*piece));
	if (!piece)
		return check_error(c, line, SIEVE_NO_MEMORY);
	*piece = what;
	**end = piece;
	*end = &piece->next;
	return E_OK;
}

static struct sieve_piece
text_piece(struct span text)
{
	return (struct sieve_piece){.kind = PIECE_TEXT, .text = text};
}

/* E_OK, E_MORE (no variable: it stays as text), E_BAD (said) */
static int
reference(
    struct sieve_check *c, unsigned line, struct span name, struct sieve_piece *out)
{
	uint64_t number;
	if (ch_digit(name.p[0])) {
		for (size_t i = 0; i < name.n; i++)
			if (!ch_digit(name.p[i]))
				return E_MORE;
		if (span_u64(name, UINT32_MAX, &number) != E_OK)
			number = UINT32_MAX;
		if (number >= SIEVE_MATCH_VALUES_MAX)
			return check_error(c, line,
			    "match value ${%.*s}: only 0 to %d can be asked for",
			    SPAN_ARG(span_head(name, 20)), SIEVE_MATCH_VALUES_MAX - 1);
		*out =
		    (struct sieve_piece){.kind = PIECE_MATCH, .slot = (unsigned)number};
		return E_OK;
	}
	if (!variable_name_ok(name))
		return span_find(name, '.') < name.n && !span_ends(name, SPAN("."))
		           ? check_variable(c, line, name, out)
		           : E_MORE;
	return check_variable(c, line, name, out);
}

static int
find_variables(struct sieve_check *c, struct sieve_string *s)
{
	struct sieve_piece *first = NULL, **end = &first;
	struct span in = s->text;
	bool has_any = false;
	size_t at = 0;
	while (at < in.n) {
		size_t n = reference_at(span_from(in, at));
		struct sieve_piece found = {0};
		int err = E_MORE;
		if (n)
			err = reference(
			    c, s->line, span_make(in.p + at + 2, n - 3), &found);
		if (err == E_BAD)
			return E_BAD;
		if (err == E_MORE) {
			at++;
			continue;
		}
		if (at &&
		    put_piece(c, s->line, &end, text_piece(span_head(in, at))) != E_OK)
			return E_BAD;
		if (put_piece(c, s->line, &end, found) != E_OK)
			return E_BAD;
		in = span_from(in, at + n);
		at = 0;
		has_any = true;
	}
	if (has_any && in.n && put_piece(c, s->line, &end, text_piece(in)) != E_OK)
		return E_BAD;
	s->pieces = has_any ? first : NULL;
	return E_OK;
}

int
check_strings(struct sieve_check *c, struct sieve_arg *arg)
{
	int err;
	for (struct sieve_string *s = arg->strings; s; s = s->next) {
		if (span_search(s->text, SPAN("${")) == s->text.n)
			continue;
		if (check_has(c, EXT_BIT(ENCODED)) &&
		    (err = decode_encoded(c, s)) != E_OK)
			return err;
		if (check_has(c, EXT_BIT(VARIABLES)) &&
		    (err = find_variables(c, s)) != E_OK)
			return err;
	}
	return E_OK;
}

bool
string_is_constant(const struct sieve_string *s)
{
	return !s->pieces;
}

bool
check_constant(const struct sieve_arg *arg, struct span *out)
{
	if (!arg || arg->kind != ARG_STRING || !string_is_constant(arg->strings))
		return false;
	*out = arg->strings->text;
	return true;
}
