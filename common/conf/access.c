/* SPDX-License-Identifier: ISC */
/* access.c - allow and deny: one line. */
#include "conf/access.h"

/* A name of one label or more; what else there is the DNS would not know. */
static bool
is_name(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (ch_ctl(s.p[i]) || s.p[i] == ' ' || s.p[i] == '*' || s.p[i] == '@')
			return false;
	return s.n > 0 && s.p[0] != '.';
}

static bool
take_below(struct access_row *r)
{
	r->is_below = span_starts(r->pattern, SPAN("*."));
	r->pattern = span_from(r->pattern, r->is_below ? 2 : 0);
	return is_name(r->pattern);
}

static bool
take_sender(struct access_row *r)
{
	size_t at = span_rfind(r->pattern, '@');
	if (span_eqs(r->pattern, "<>")) {
		r->pattern.n = 0;
		return true;
	}
	if (at == 0 || at == r->pattern.n)
		return false;
	r->is_domain = span_eqs(span_head(r->pattern, at), "*");
	if (!r->is_domain)
		return is_name(span_from(r->pattern, at + 1));
	r->pattern = span_from(r->pattern, at + 1);
	return take_below(r);
}

/* A network is looked at by who knows networks. */
static bool
take_pattern(struct access_row *r)
{
	if (r->pattern.n == 0 || r->pattern.n > ACCESS_PATTERN_MAX)
		return false;
	return r->what == ACCESS_CLIENT   ? span_find(r->pattern, '*') == r->pattern.n
	       : r->what == ACCESS_SENDER ? take_sender(r)
	                                  : take_below(r);
}

static bool
take_what(struct span s, enum access_what *out)
{
	static const char *const names[ACCESS_WHATS] = {[ACCESS_CLIENT] = "client",
	    [ACCESS_HELO] = "helo",
	    [ACCESS_SENDER] = "sender"};
	for (size_t i = 0; i < COUNT(names); i++)
		if (span_eqs(s, names[i])) {
			*out = (enum access_what)i;
			return true;
		}
	return false;
}

/* What a reply may say: one line, in ASCII (RFC 5321 4.2). */
static bool
is_text(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < ' ' || s.p[i] > '~')
			return false;
	return s.n <= ACCESS_TEXT_MAX;
}

int
access_parse(struct span line, struct access_row *out)
{
	struct span rest = span_trim(line);
	struct span verdict = span_cut(&rest, ' ');
	rest = span_trim(rest);
	struct span term = span_cut(&rest, ' ');
	size_t equals = span_find(term, '=');
	*out = (struct access_row){.is_deny = span_eqs(verdict, "deny"),
	    .pattern = span_from(term, equals < term.n ? equals + 1 : term.n),
	    .text = span_trim(rest)};
	if (line.n > ACCESS_LINE_MAX ||
	    (!out->is_deny && !span_eqs(verdict, "allow")) ||
	    !take_what(span_head(term, equals), &out->what) || !take_pattern(out) ||
	    !is_text(out->text) || (!out->is_deny && out->text.n))
		return E_BAD;
	return E_OK;
}
