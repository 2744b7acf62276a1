/* SPDX-License-Identifier: ISC */
/* spf_macro.c - strings with macros in SPF records. */
#include "smtpd/policy/spf_macro.h"

#include <string.h>

#include "net/dns.h"

/* ---- grammar, 7.1 ---- */

static bool
is_literal(char c, enum spf_string kind)
{
	return (c > ' ' && c < 127 && c != '%') || (c == ' ' && kind == SPF_IN_TEXT);
}

static bool
is_delimiter(char c)
{
	return c && strchr(".-+,/_=", c);
}

static bool
is_letter(char c, enum spf_string kind)
{
	return c && strchr(kind == SPF_IN_TEXT ? "slodiphcrtv" : "slodiphv", c);
}

/* "%%", "%_", "%-" */
static int
escape_next(struct span *in, struct spf_macro *out)
{
	static const struct {
		char c;
		struct span text;
	} escapes[] = {{'%', {"%", 1}}, {'_', {" ", 1}}, {'-', {"%20", 3}}};

	for (size_t i = 0; i < COUNT(escapes); i++)
		if (in->n > 1 && in->p[1] == escapes[i].c) {
			out->text = escapes[i].text;
			*in = span_from(*in, 2);
			return E_OK;
		}
	return E_BAD;
}

/* The digits of a transformer: not 0 (7.3). */
static int
digits(struct span *s, unsigned *out)
{
	size_t n = 0;
	unsigned keep = 0;
	for (; n < s->n && ch_digit(s->p[n]); n++)
		if (keep <= SPF_KEEP_MAX)
			keep = keep * 10 + (unsigned)(s->p[n] - '0');
	if (n && keep == 0)
		return E_BAD;
	*out = keep > SPF_KEEP_MAX ? 0 : keep; /* so many parts are all of them */
	*s = span_from(*s, n);
	return E_OK;
}

/* "%{" letter, transformers, delimiters, "}" */
static int
braced_next(struct span *in, enum spf_string kind, struct spf_macro *out)
{
	struct span s = span_from(*in, 2);
	if (!s.n || !is_letter(ch_lower(s.p[0]), kind))
		return E_BAD;
	out->letter = ch_lower(s.p[0]);
	out->is_url = s.p[0] != out->letter;
	s = span_from(s, 1);
	if (digits(&s, &out->keep) != E_OK)
		return E_BAD;
	out->is_reversed = span_take(&s, 'r') || span_take(&s, 'R');
	size_t n = 0;
	while (n < s.n && is_delimiter(s.p[n]))
		n++;
	out->text = n ? span_head(s, n) : SPAN(".");
	s = span_from(s, n);
	if (!span_take(&s, '}'))
		return E_BAD;
	*in = s;
	return E_OK;
}

int
spf_macro_next(struct span *in, enum spf_string kind, struct spf_macro *out)
{
	*out = (struct spf_macro){0};
	if (!in->n)
		return E_MORE;
	if (in->p[0] == '%')
		return in->n > 1 && in->p[1] == '{' ? braced_next(in, kind, out)
		                                    : escape_next(in, out);
	size_t n = 0;
	while (n < in->n && is_literal(in->p[n], kind))
		n++;
	if (n == 0)
		return E_BAD;
	out->text = span_head(*in, n);
	*in = span_from(*in, n);
	return E_OK;
}

bool
spf_string_ok(struct span s, enum spf_string kind, bool *has_p)
{
	struct spf_macro m;
	int err;
	if (has_p)
		*has_p = false;
	while ((err = spf_macro_next(&s, kind, &m)) == E_OK)
		if (has_p && m.letter == 'p')
			*has_p = true;
	return err == E_MORE;
}

/* toplabel: letters, digits and inner hyphens, not digits alone */
static bool
is_toplabel(struct span s)
{
	bool is_number = true;
	for (size_t i = 0; i < s.n; i++) {
		if (!ch_alnum(s.p[i]) && s.p[i] != '-')
			return false;
		is_number = is_number && ch_digit(s.p[i]);
	}
	return s.n && !is_number && s.p[0] != '-' && s.p[s.n - 1] != '-';
}

static bool
ends_in_toplabel(struct span s)
{
	if (s.n && s.p[s.n - 1] == '.')
		s.n--;
	size_t dot = span_rfind(s, '.');
	return dot < s.n && is_toplabel(span_from(s, dot + 1));
}

bool
spf_domain_spec_ok(struct span s)
{
	struct spf_macro last = {0};
	bool is_macro = false; /* also "%%", "%_", "%-" */
	while (s.n) {
		is_macro = s.p[0] == '%';
		if (spf_macro_next(&s, SPF_IN_RECORD, &last) != E_OK)
			return false;
	}
	return is_macro || ends_in_toplabel(last.text);
}

/* ---- expansion, 7.2, 7.3 ---- */

/* RFC 3986 2.3 */
static bool
is_unreserved(char c)
{
	return ch_alnum(c) || (c && strchr("-._~", c));
}

static void
octet_put(struct buf *out, char c, bool is_url)
{
	if (is_url && !is_unreserved(c))
		buf_putf(out, "%%%02X", (unsigned)(unsigned char)c);
	else
		buf_ch(out, c);
}

/* Parts that lie between delimiters come out with dots between. */
static void
parts_put(struct buf *out, struct span parts, const struct spf_macro *m)
{
	if (!m->is_reversed) {
		for (size_t i = 0; i < parts.n; i++) {
			bool is_between = span_find(m->text, parts.p[i]) < m->text.n;
			octet_put(out, is_between ? '.' : parts.p[i], m->is_url);
		}
		return;
	}
	for (size_t end = parts.n;;) {
		size_t at = end;
		while (at > 0 && span_find(m->text, parts.p[at - 1]) == m->text.n)
			at--;
		for (size_t i = at; i < end; i++)
			octet_put(out, parts.p[i], m->is_url);
		if (at == 0)
			return;
		buf_ch(out, '.');
		end = at - 1;
	}
}

/* The parts that are kept: from the right, after they were reversed. */
static struct span
kept(struct span value, const struct spf_macro *m)
{
	unsigned n = m->keep;
	if (n == 0)
		return value;
	for (size_t i = 0; i < value.n; i++) {
		size_t at = m->is_reversed ? i : value.n - 1 - i;
		if (span_find(m->text, value.p[at]) < m->text.n && --n == 0)
			return m->is_reversed ? span_head(value, at)
			                      : span_from(value, at + 1);
	}
	return value;
}

/* %{i}: dotted, an IPv6 address by its nibbles (7.3) */
static void
dotted_put(const struct ip *a, struct buf *out)
{
	if (a->n == 4)
		ip_put(a, out);
	for (size_t i = 0; a->n == 16 && i < a->n; i++)
		buf_putf(out, "%s%X.%X", i ? "." : "", a->b[i] >> 4, a->b[i] & 15u);
}

/* What a letter stands for; scratch: where it is made, if it must be */
static struct span
value_of(char letter, const struct spf_values *v, struct buf *scratch)
{
	buf_reset(scratch);
	switch (letter) {
	case 's':
		return v->sender;
	case 'l':
		return v->local;
	case 'o':
		return v->sender_domain;
	case 'd':
		return v->domain;
	case 'p':
		return v->validated;
	case 'h':
		return v->helo;
	case 'r':
		return v->receiver;
	case 'v':
		return v->client->n == 4 ? SPAN("in-addr") : SPAN("ip6");
	case 'i':
		dotted_put(v->client, scratch);
		break;
	case 'c':
		ip_put(v->client, scratch);
		break;
	case 't':
		buf_putf(scratch, "%lld", (long long)v->now_sec);
		break;
	default:
		bug("a macro that is none");
	}
	return buf_as_span(scratch);
}

int
spf_expand(
    struct span s, enum spf_string kind, const struct spf_values *v, struct buf *out)
{
	struct buf scratch = {0}, whole = {.max = SPF_EXPANDED_MAX};
	struct spf_macro m;
	while (buf_done(&whole) == E_OK && spf_macro_next(&s, kind, &m) == E_OK) {
		if (m.letter)
			parts_put(
			    &whole, kept(value_of(m.letter, v, &scratch), &m), &m);
		else
			buf_span(&whole, m.text);
	}
	int err = buf_done(&whole);
	if (err == E_OK)
		buf_span(out, buf_as_span(&whole));
	buf_free(&scratch);
	buf_free(&whole);
	return err == E_OK ? buf_done(out) : err;
}

/* Labels leave from the left until it is a name's length. */
static struct span
cut_to_name(struct span s)
{
	if (s.n && s.p[s.n - 1] == '.')
		s.n--;
	while (s.n > DNS_NAME_MAX && span_find(s, '.') < s.n)
		span_cut(&s, '.');
	return s;
}

int
spf_target_name(struct span domain_spec, const struct spf_values *v, struct buf *out)
{
	struct buf plain = {.max = SPF_EXPANDED_MAX};
	int err = spf_expand(domain_spec, SPF_IN_RECORD, v, &plain);
	if (err == E_OK)
		dns_question_put(cut_to_name(buf_as_span(&plain)), out);
	buf_free(&plain);
	return err == E_OK ? buf_done(out) : err;
}
