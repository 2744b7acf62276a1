/* SPDX-License-Identifier: ISC */
/* param.c - Content-Type and Content-Disposition: a token or two, and parameters. */
#include "mime/param.h"

#include "mime/charset.h"
#include "mime/lex.h"
#include "mime/word.h"

/* ---- as they stand ---- */

/* RFC 2045 5.1: no blanks, controls or tspecials; octets past ASCII are let through. */
static bool
is_token_char(char c)
{
	return (unsigned char)c > ' ' && c != 127 &&
	       span_find(SPAN("()<>@,;:\\\"/[]?="), c) == 15;
}

static struct span
take_token(struct lex *l)
{
	size_t n = 0;
	while (n < l->in.n && is_token_char(l->in.p[n]))
		n++;
	return lex_take(l, n);
}

/*
 * Is the blank at s the end of a value, because ";", a comment, or another "name=" (its ";"
 * missing) follows?
 */
static bool
is_value_end(struct span s)
{
	struct lex l = {.in = s};
	while (l.in.n && lex_is_blank(l.in.p[0]))
		lex_take(&l, 1);
	if (l.in.n == 0 || l.in.p[0] == ';' || l.in.p[0] == '(')
		return true;
	struct span name = take_token(&l);
	return name.n && l.in.n && l.in.p[0] == '=';
}

/* A value without quotes: RFC says a token, mail has blanks, slashes and all else in it. */
static struct span
take_value(struct lex *l)
{
	size_t n = 0;
	while (n < l->in.n && l->in.p[n] != ';') {
		if (lex_is_blank(l->in.p[n]) &&
		    (n == 0 || !lex_is_blank(l->in.p[n - 1])) &&
		    is_value_end(span_from(l->in, n)))
			break;
		n++;
	}
	return lex_take(l, n);
}

static struct param *
param_add(struct param ***tail, struct arena *a, struct span name, struct span value)
{
	struct param *p = arena_get(a, sizeof *p);
	if (!p)
		return NULL;
	p->name = name;
	p->value = value;
	**tail = p;
	*tail = &p->next;
	return p;
}

/* The same with copies of both. */
static struct param *
param_add_copy(
    struct param ***tail, struct arena *a, struct span name, struct span value)
{
	struct span own_name = arena_span(a, name), own_value = arena_span(a, value);
	if (own_name.n != name.n || own_value.n != value.n)
		return NULL; /* the arena is full */
	return param_add(tail, a, own_name, own_value);
}

/* Does a value stand for itself: no backslashes, line ends, NULs? */
static bool
is_itself(struct span value)
{
	for (size_t i = 0; i < value.n; i++)
		if (value.p[i] == '\\' || value.p[i] == '\r' || value.p[i] == '\n' ||
		    value.p[i] == '\0')
			return false;
	return true;
}

/* One "name=value".  False: it was none, or the arena is full. */
static bool
take_param(struct lex *l, struct param ***tail, struct arena *a)
{
	struct buf value = {.max = l->in.n + 1};
	struct span name = take_token(l), inner;
	lex_blanks(l, NULL);
	if (name.n == 0 || l->in.n == 0 || l->in.p[0] != '=')
		return false;
	lex_take(l, 1);
	lex_blanks(l, NULL);
	if (lex_quoted(l, &inner)) {
		if (is_itself(inner))
			return param_add_copy(tail, a, name, inner) != NULL;
		lex_unquote(&value, inner);
	} else {
		if (l->in.n && l->in.p[0] == '"')
			lex_take(l, 1); /* not closed: up to the next ";" */
		struct span bare = take_value(l);
		if (is_itself(bare))
			return param_add_copy(tail, a, name, bare) != NULL;
		for (size_t i = 0; i < bare.n; i++)
			if (bare.p[i] != '\r' && bare.p[i] != '\n' && bare.p[i] != '\0')
				buf_ch(&value, bare.p[i]);
	}
	bool is_added = param_add_copy(tail, a, name, buf_as_span(&value)) != NULL;
	buf_free(&value);
	return is_added;
}

static void
take_params(struct lex *l, struct arena *a, struct param **out)
{
	struct param **tail = out;
	for (size_t n = 0; n < PARAM_COUNT_MAX;) {
		lex_blanks(l, NULL);
		if (l->in.n == 0)
			break;
		if (take_param(l, &tail, a))
			n++;
		else if (l->in.n)
			lex_take(l, 1); /* ";" and junk */
	}
}

/* ---- RFC 2231 ---- */

struct mark {
	struct span base;
	int section; /* -1: none */
	bool is_encoded;
};

/* "name", "name*", "name*0", "name*0*" */
static struct mark
mark_of(struct span name)
{
	struct mark m = {.base = name, .section = -1};
	uint64_t section;
	struct span left = name;
	if (left.n > 1 && left.p[left.n - 1] == '*') {
		m.is_encoded = true;
		left.n--;
		m.base = left;
	}
	size_t star = span_rfind(left, '*');
	if (star && star < left.n &&
	    span_u64(span_from(left, star + 1), PARAM_SECTIONS_MAX, &section) == E_OK) {
		m.section = (int)section;
		m.base = span_head(left, star);
	}
	return m;
}

static bool
has_mark(const struct mark *m)
{
	return m->section >= 0 || m->is_encoded;
}

/* The parameter of this base and section; with section -1 the one of least section, or "name*". */
static const struct param *
section_find(const struct param *list, struct span base, int section)
{
	const struct param *best = NULL;
	int least = PARAM_SECTIONS_MAX + 1;
	for (const struct param *p = list; p; p = p->next) {
		struct mark m = mark_of(p->name);
		if (!has_mark(&m) || !span_ieq(m.base, base))
			continue;
		if (section >= 0 ? m.section == section : m.section < least) {
			if (section >= 0)
				return p;
			best = p;
			least = m.section;
		}
	}
	return best;
}

static void
percent_decode(struct buf *out, struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '%' && i + 2 < s.n && ch_hex(s.p[i + 1]) >= 0 &&
		    ch_hex(s.p[i + 2]) >= 0) {
			buf_ch(
			    out, (char)(ch_hex(s.p[i + 1]) << 4 | ch_hex(s.p[i + 2])));
			i += 2;
		} else {
			buf_ch(out, s.p[i]);
		}
	}
}

/* The octets of all sections, and the charset that the first one names (RFC 2231 4). */
static void
sections_join(const struct param *list, const struct param *first, struct buf *octets,
    struct span *charset, bool *is_encoded)
{
	struct mark m = mark_of(first->name);
	struct span value = first->value;
	*charset = SPAN("");
	*is_encoded = m.is_encoded;
	if (m.is_encoded && span_find(value, '\'') < value.n) {
		*charset = span_cut(&value, '\'');
		if (span_find(value, '\'') < value.n)
			(void)span_cut(&value, '\'');
	}
	for (int section = m.section;; section++) {
		if (m.is_encoded)
			percent_decode(octets, value);
		else
			buf_span(octets, value);
		const struct param *next =
		    section < 0 ? NULL : section_find(list, m.base, section + 1);
		if (!next)
			break;
		m = mark_of(next->name);
		value = next->value;
		*is_encoded |= m.is_encoded;
	}
}

/* What must not stand in a line that others quote. */
static void
line_ends_out(struct buf *b)
{
	for (size_t i = 0; i < b->len; i++)
		if (b->p[i] == '\r' || b->p[i] == '\n' || b->p[i] == '\0')
			b->p[i] = ' ';
}

static void
text_of_sections(const struct param *list, const struct param *first, struct buf *out)
{
	struct buf octets = {.max = PARAM_VALUE_BYTES_MAX};
	struct span charset;
	bool is_encoded;
	sections_join(list, first, &octets, &charset, &is_encoded);
	if (!is_encoded)
		word_decode(out, buf_as_span(&octets));
	else if (charset.n == 0 ||
		 charset_to_utf8(charset, buf_as_span(&octets), out) != E_OK)
		charset_guess(buf_as_span(&octets), out);
	line_ends_out(out);
	if (octets.err != E_OK)
		out->err = octets.err;
	buf_free(&octets);
}

/* Is it readable as it stands: no mark, no encoded word, ASCII? */
static bool
is_text(const struct param *p)
{
	return span_find(p->name, '*') == p->name.n &&
	       span_find(p->value, '?') == p->value.n && span_is_ascii(p->value);
}

static bool
all_are_text(const struct param *p)
{
	while (p && is_text(p))
		p = p->next;
	return !p;
}

/* Names and values made readable; of what several parameters make together, one. */
static void
make_text(struct param *raw, struct arena *a, struct param **out)
{
	struct param **tail = out;
	struct buf text = {.max = PARAM_VALUE_BYTES_MAX};
	if (all_are_text(raw)) { /* the usual case */
		*out = raw;
		return;
	}
	for (const struct param *p = raw; p; p = p->next) {
		struct mark m = mark_of(p->name);
		const struct param *first = section_find(raw, m.base, -1);
		if (first && first != p)
			continue; /* told by its first section; and "name*" is better than "name" */
		buf_reset(&text);
		if (first)
			text_of_sections(raw, first, &text);
		else
			word_decode(&text, p->value);
		if (!param_add_copy(&tail, a, m.base,
			buf_done(&text) == E_OK ? buf_as_span(&text) : p->value))
			break;
	}
	buf_free(&text);
}

/* ---- the fields ---- */

void
param_disposition_parse(struct span value, struct arena *a, struct param_field *out)
{
	struct lex l = {.in = value};
	*out = (struct param_field){.raw = NULL};
	lex_blanks(&l, NULL);
	out->type = arena_span(a, take_token(&l));
	take_params(&l, a, &out->raw);
	make_text(out->raw, a, &out->text);
}

void
param_type_parse(struct span value, struct arena *a, struct param_field *out)
{
	struct lex l = {.in = value};
	*out = (struct param_field){.raw = NULL};
	lex_blanks(&l, NULL);
	out->type = arena_span(a, take_token(&l));
	lex_blanks(&l, NULL);
	if (l.in.n && l.in.p[0] == '/') {
		lex_take(&l, 1);
		lex_blanks(&l, NULL);
		out->subtype = arena_span(a, take_token(&l));
	}
	take_params(&l, a, &out->raw);
	make_text(out->raw, a, &out->text);
}

struct span
param_find(const struct param *list, const char *name)
{
	for (; list; list = list->next)
		if (span_ieqs(list->name, name))
			return list->value;
	return (struct span){NULL, 0};
}
