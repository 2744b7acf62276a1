/* SPDX-License-Identifier: ISC */
/* parse.c - what stands in a command: atoms, strings, numbers, sets, flags. */
#include "imapd/parse.h"

#include <stdlib.h>
#include <string.h>

enum { NUMBER64_MOST_DIGITS = 19 };

int
parse_fail(struct parse *p, struct span from, const char *expected)
{
	p->in = from;
	if (!p->expected)
		p->expected = expected;
	return E_BAD;
}

bool
parse_is_at_end(const struct parse *p)
{
	return p->in.n == 0;
}

int
parse_end(struct parse *p)
{
	return parse_is_at_end(p) ? E_OK
	                          : parse_fail(p, p->in, "the end of the command");
}

bool
parse_peek(const struct parse *p, char c)
{
	return p->in.n && p->in.p[0] == c;
}

bool
parse_ch(struct parse *p, char c)
{
	if (!parse_peek(p, c))
		return false;
	p->in = span_from(p->in, 1);
	return true;
}

int
parse_sp(struct parse *p)
{
	return parse_ch(p, ' ') ? E_OK : parse_fail(p, p->in, "a space");
}

/* ---- atoms ---- */

static bool
is_atom_char(char c)
{
	return (unsigned char)c > 0x20 && (unsigned char)c < 0x7f &&
	       !strchr("(){%*\"\\]", c);
}

static bool
is_astring_char(char c)
{
	return is_atom_char(c) || c == ']';
}

static bool
is_tag_char(char c)
{
	return is_astring_char(c) && c != '+';
}

static int
take_while(
    struct parse *p, bool (*is_part)(char), const char *expected, struct span *out)
{
	size_t n = 0;
	while (n < p->in.n && is_part(p->in.p[n]))
		n++;
	if (n == 0)
		return parse_fail(p, p->in, expected);
	*out = span_head(p->in, n);
	p->in = span_from(p->in, n);
	return E_OK;
}

int
parse_atom(struct parse *p, struct span *out)
{
	return take_while(p, is_atom_char, "an atom", out);
}

int
parse_tag(struct parse *p, struct span *out)
{
	return take_while(p, is_tag_char, "a tag", out);
}

bool
parse_word(struct parse *p, const char *word)
{
	size_t n = strlen(word);
	if (!span_istarts(p->in, span_make(word, n)))
		return false;
	struct span rest = span_from(p->in, n);
	if (rest.n && !strchr(" ()[]", rest.p[0]))
		return false;
	p->in = rest;
	return true;
}

/* ---- strings ---- */

/* "{n}" or "{n+}", CRLF and n octets.  A literal8 may hold NUL: RFC 3516. */
static int
take_literal(struct parse *p, bool is_binary, struct span *out)
{
	struct span from = p->in, number;
	uint64_t n;
	p->in = span_from(p->in, 1);
	size_t end = span_find(p->in, '}');
	number = span_head(p->in, end);
	if (number.n && number.p[number.n - 1] == '+')
		number.n--;
	if (span_u64(number, SIZE_MAX / 2, &n) != E_OK ||
	    !span_starts(span_from(p->in, end), SPAN("}\r\n")))
		return parse_fail(p, from, "a literal");
	p->in = span_from(p->in, end + 3);
	if (p->in.n < n)
		return parse_fail(p, from, "all of a literal");
	*out = span_head(p->in, (size_t)n);
	if (!is_binary && span_find(*out, '\0') < out->n)
		return parse_fail(p, from, "a literal without NUL");
	p->in = span_from(p->in, (size_t)n);
	return E_OK;
}

bool
parse_literal_at_end(struct span line, uint64_t *n, bool *is_plus)
{
	if (!span_ends(line, SPAN("}")))
		return false;
	line.n--;
	*is_plus = span_ends(line, SPAN("+"));
	line.n -= *is_plus;
	size_t open = span_rfind(line, '{');
	int err =
	    open < line.n ? span_u64(span_from(line, open + 1), UINT64_MAX, n) : E_BAD;
	if (err == E_LIMIT)
		*n = UINT64_MAX;
	return err != E_BAD;
}

/* Where the closing quote is; s.n when there is none.  Counts the escapes on the way. */
static size_t
quoted_end(struct span s, size_t *escapes)
{
	size_t i = 0;
	*escapes = 0;
	while (i < s.n && s.p[i] != '"') {
		if (s.p[i] == '\0' || s.p[i] == '\r' || s.p[i] == '\n')
			return s.n;
		if (s.p[i] == '\\') {
			if (i + 1 == s.n || (s.p[i + 1] != '"' && s.p[i + 1] != '\\'))
				return s.n;
			++*escapes;
			i++;
		}
		i++;
	}
	return i;
}

static struct span
unescape(struct parse *p, struct span s)
{
	char *to = arena_get(p->arena, s.n);
	size_t n = 0;
	if (!to)
		return span_make("", 0);
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\')
			i++;
		to[n++] = s.p[i];
	}
	return span_make(to, n);
}

static int
take_quoted(struct parse *p, struct span *out)
{
	struct span from = p->in, body = span_from(p->in, 1);
	size_t escapes, end = quoted_end(body, &escapes);
	if (end == body.n)
		return parse_fail(p, from, "a quoted string");
	*out = span_head(body, end);
	if (!span_is_ascii(*out) && (!p->is_utf8 || !utf8_valid(*out)))
		return parse_fail(p, from,
		    p->is_utf8 ? "UTF-8 in a quoted string"
			       : "ASCII in a quoted string, or a literal");
	if (escapes)
		*out = unescape(p, *out);
	p->in = span_from(body, end + 1);
	return E_OK;
}

int
parse_string(struct parse *p, struct span *out)
{
	struct span from = p->in;
	if (parse_peek(p, '"'))
		return take_quoted(p, out);
	bool is_binary = parse_ch(p, '~');
	if (parse_peek(p, '{') && take_literal(p, is_binary, out) == E_OK)
		return E_OK;
	return parse_fail(p, from, "a string");
}

static bool
is_at_string(const struct parse *p)
{
	return parse_peek(p, '"') || parse_peek(p, '{') ||
	       span_starts(p->in, SPAN("~{"));
}

int
parse_astring(struct parse *p, struct span *out)
{
	if (is_at_string(p))
		return parse_string(p, out);
	return take_while(p, is_astring_char, "an atom or a string", out);
}

int
parse_nstring(struct parse *p, struct span *out, bool *is_nil)
{
	*is_nil = parse_word(p, "NIL");
	*out = span_make("", 0);
	if (*is_nil)
		return E_OK;
	return is_at_string(p) ? parse_string(p, out)
	                       : parse_fail(p, p->in, "a string or NIL");
}

/* ---- numbers ---- */

static bool
is_digit(char c)
{
	return ch_digit(c);
}

static int
take_number(struct parse *p, uint64_t most, uint64_t *out)
{
	struct span from = p->in, digits;
	if (take_while(p, is_digit, "a number", &digits) != E_OK)
		return E_BAD;
	if (digits.n > NUMBER64_MOST_DIGITS || span_u64(digits, most, out) != E_OK)
		return parse_fail(p, from, "a smaller number");
	return E_OK;
}

int
parse_number(struct parse *p, uint32_t *out)
{
	uint64_t n;
	int err = take_number(p, UINT32_MAX, &n);
	if (err == E_OK)
		*out = (uint32_t)n;
	return err;
}

int
parse_number64(struct parse *p, uint64_t *out)
{
	return take_number(p, INT64_MAX, out);
}

/* ---- sequence sets ---- */

static int
take_seq_number(struct parse *p, uint32_t *out)
{
	if (parse_ch(p, '*')) {
		*out = SEQ_STAR;
		return E_OK;
	}
	if (parse_number(p, out) != E_OK)
		return E_BAD;
	if (*out == SEQ_STAR)
		*out = SEQ_STAR - 1; /* no message has either */
	return *out ? E_OK : parse_fail(p, p->in, "a number that is not 0");
}

static int
take_seq_range(struct parse *p, struct num_range *out)
{
	int err = take_seq_number(p, &out->from);
	out->to = out->from;
	if (err == E_OK && parse_ch(p, ':'))
		err = take_seq_number(p, &out->to);
	return err;
}

static size_t
count_ranges(struct span s)
{
	size_t n = 1;
	for (size_t i = 0;
	     i < s.n && (ch_digit(s.p[i]) || (s.p[i] && strchr("*:,", s.p[i]))); i++)
		n += s.p[i] == ',';
	return n;
}

int
parse_seqset(struct parse *p, struct seqset *out)
{
	struct span from = p->in;
	*out = (struct seqset){.is_saved = parse_ch(p, '$')};
	if (out->is_saved)
		return E_OK;
	size_t most = count_ranges(p->in);
	out->ranges = most <= PARSE_SETS_MOST
	                  ? arena_get(p->arena, most * sizeof *out->ranges)
	                  : NULL;
	if (!out->ranges)
		return parse_fail(p, from, "a shorter set");
	do
		if (take_seq_range(p, &out->ranges[out->n++]) != E_OK)
			return parse_fail(p, from, "a set of numbers");
	while (parse_ch(p, ','));
	return E_OK;
}

/* ---- flags ---- */

static int
take_system_flag(struct parse *p, struct flag_list *out)
{
	static const struct {
		const char *name;
		uint32_t flag;
	} known[] = {{"Seen", FLAG_SEEN}, {"Answered", FLAG_ANSWERED},
	    {"Flagged", FLAG_FLAGGED}, {"Deleted", FLAG_DELETED},
	    {"Draft", FLAG_DRAFT}};

	for (size_t i = 0; i < COUNT(known); i++)
		if (parse_word(p, known[i].name)) {
			out->flags |= known[i].flag;
			return E_OK;
		}
	return parse_fail(p, p->in, "a flag that a client may set");
}

static int
take_keyword(struct parse *p, struct flag_list *out)
{
	struct span from = p->in, name;
	if (parse_atom(p, &name) != E_OK)
		return parse_fail(p, from, "a flag");
	if (name.n > STORE_KEYWORD_MAX)
		return parse_fail(p, from, "a shorter keyword");
	for (size_t i = 0; i < out->n_keywords; i++)
		if (span_ieq(out->keywords[i], name))
			return E_OK;
	if (out->n_keywords == PARSE_FLAGS_MOST)
		return parse_fail(p, from, "fewer keywords");
	out->keywords[out->n_keywords++] = name;
	return E_OK;
}

static int
take_flag(struct parse *p, struct flag_list *out)
{
	struct span from = p->in;
	int err = parse_ch(p, '\\') ? take_system_flag(p, out) : take_keyword(p, out);
	if (err != E_OK)
		p->in = from;
	return err;
}

int
parse_flag_list(struct parse *p, struct flag_list *out)
{
	struct span from = p->in;
	*out = (struct flag_list){.flags = 0};
	if (!parse_ch(p, '('))
		return parse_fail(p, from, "a list of flags");
	if (parse_ch(p, ')'))
		return E_OK;
	do
		if (take_flag(p, out) != E_OK)
			return parse_fail(p, from, "a flag");
	while (parse_ch(p, ' '));
	return parse_ch(p, ')') ? E_OK
	                        : parse_fail(p, from, "the end of a list of flags");
}

int
parse_flags(struct parse *p, struct flag_list *out)
{
	struct span from = p->in;
	if (parse_peek(p, '('))
		return parse_flag_list(p, out);
	*out = (struct flag_list){.flags = 0};
	do
		if (take_flag(p, out) != E_OK)
			return parse_fail(p, from, "a flag");
	while (parse_ch(p, ' '));
	return E_OK;
}
