/* SPDX-License-Identifier: ISC */
/* spf_record.c - SPF records: versions, terms, networks. */
#include "smtpd/policy/spf_record.h"

#include <arpa/inet.h>
#include <string.h>

#include "smtpd/policy/spf_macro.h"

#define VERSION SPAN("v=spf1")

/* What may stand behind a mechanism's name. */
enum { DOMAIN_MAY = 1, DOMAIN_MUST = 2, BITS = 4, NETWORK = 8 };

/* clang-format off */
static const struct {
	const char *name;
	unsigned argument;
} kinds[] = {
	/*                name        argument              RFC 7208 */
	[SPF_ALL]      = {"all",      0},                   /* 5.1 */
	[SPF_INCLUDE]  = {"include",  DOMAIN_MUST},         /* 5.2 */
	[SPF_A]        = {"a",        DOMAIN_MAY | BITS},   /* 5.3 */
	[SPF_MX]       = {"mx",       DOMAIN_MAY | BITS},   /* 5.4 */
	[SPF_PTR]      = {"ptr",      DOMAIN_MAY},          /* 5.5 */
	[SPF_IP4]      = {"ip4",      NETWORK},             /* 5.6 */
	[SPF_IP6]      = {"ip6",      NETWORK},
	[SPF_EXISTS]   = {"exists",   DOMAIN_MUST},         /* 5.7 */
	[SPF_REDIRECT] = {"redirect", DOMAIN_MUST},         /* 6.1 */
	[SPF_EXP]      = {"exp",      DOMAIN_MUST},         /* 6.2 */
	[SPF_OTHER]    = {"",         0},
};

/* clang-format on */

const char *
spf_kind_name(enum spf_kind kind)
{
	return kinds[kind].name;
}

bool
spf_is_record(struct span txt)
{
	return span_istarts(txt, VERSION) &&
	       (txt.n == VERSION.n || txt.p[VERSION.n] == ' ');
}

static int
kind_of(struct span name, enum spf_kind first, enum spf_kind last, enum spf_kind *out)
{
	for (*out = first; *out <= last; (*out)++)
		if (span_ieqs(name, kinds[*out].name))
			return E_OK;
	return E_BAD;
}

/* The digits of a prefix length: no 0 in front of others. */
static int
bits_of(struct span s, unsigned most, uint8_t *out)
{
	uint64_t n;
	if ((s.n > 1 && s.p[0] == '0') || span_u64(s, most, &n) != E_OK)
		return E_BAD;
	*out = (uint8_t)n;
	return E_OK;
}

/* Digits behind a slash, at the end of s, are taken off it; none are fine. */
static bool
bits_cut(struct span *s, const char *slash, struct span *out)
{
	struct span mark = span_of(slash);
	size_t at = s->n;
	while (at > 0 && ch_digit(s->p[at - 1]))
		at--;
	*out = span_from(*s, at);
	if (!out->n || !span_ends(span_head(*s, at), mark))
		return false;
	*s = span_head(*s, at - mark.n);
	return true;
}

/* dual-cidr-length, 5: "/24", "//64", "/24//64" */
static int
dual_bits(struct span *s, struct spf_term *t)
{
	struct span digits;
	if (bits_cut(s, "//", &digits) && bits_of(digits, 128, &t->bits6) != E_OK)
		return E_BAD;
	if (bits_cut(s, "/", &digits) && bits_of(digits, 32, &t->bits4) != E_OK)
		return E_BAD;
	return E_OK;
}

static int
network(struct span s, struct spf_term *t)
{
	char text[IP_TEXT_MAX + 1];
	bool is_v6 = t->kind == SPF_IP6;
	size_t slash = span_find(s, '/');
	struct span host = span_head(s, slash), bits = span_from(s, slash);
	if (span_take(&bits, '/') &&
	    bits_of(bits, is_v6 ? 128 : 32, is_v6 ? &t->bits6 : &t->bits4) != E_OK)
		return E_BAD;
	if (host.n > IP_TEXT_MAX || span_find(host, '\0') < host.n)
		return E_BAD;
	memcpy(text, host.p, host.n);
	text[host.n] = '\0';
	return inet_pton(is_v6 ? AF_INET6 : AF_INET, text, t->address) == 1 ? E_OK
	                                                                    : E_BAD;
}

/* rest: from the ":" or "/" on, or empty */
static int
argument(struct span rest, struct spf_term *t)
{
	unsigned what = kinds[t->kind].argument;
	bool has_colon;
	if ((what & BITS) && dual_bits(&rest, t) != E_OK)
		return E_BAD;
	has_colon = span_take(&rest, ':');
	if (!has_colon)
		return rest.n || (what & (DOMAIN_MUST | NETWORK)) ? E_BAD : E_OK;
	if (what & NETWORK)
		return network(rest, t);
	t->domain = rest;
	return (what & (DOMAIN_MAY | DOMAIN_MUST)) && spf_domain_spec_ok(rest) ? E_OK
	                                                                       : E_BAD;
}

static int
mechanism(struct span s, struct spf_term *t)
{
	t->qualifier = '+';
	if (s.n && strchr("+-~?", s.p[0] ? s.p[0] : 'x')) {
		t->qualifier = s.p[0];
		s = span_from(s, 1);
	}
	size_t n = 0;
	while (n < s.n && s.p[n] != ':' && s.p[n] != '/')
		n++;
	if (kind_of(span_head(s, n), SPF_ALL, SPF_EXISTS, &t->kind) != E_OK)
		return E_BAD;
	return argument(span_from(s, n), t);
}

static int
modifier(struct span name, struct span value, struct spf_term *t)
{
	if (kind_of(name, SPF_REDIRECT, SPF_EXP, &t->kind) != E_OK) {
		t->kind = SPF_OTHER;
		return spf_string_ok(value, SPF_IN_RECORD, NULL) ? E_OK : E_BAD;
	}
	t->domain = value;
	return spf_domain_spec_ok(value) ? E_OK : E_BAD;
}

/* Length of a modifier's name that has its "=" behind it, or 0 */
static size_t
modifier_name(struct span s)
{
	size_t n = 0;
	if (!s.n || !ch_alpha(s.p[0]))
		return 0;
	while (n < s.n && (ch_alnum(s.p[n]) || (s.p[n] && strchr("-_.", s.p[n]))))
		n++;
	return n < s.n && s.p[n] == '=' ? n : 0;
}

int
spf_term_next(struct span *in, struct spf_term *out)
{
	struct span rest = *in;
	*out = (struct spf_term){.bits4 = 32, .bits6 = 128};
	while (span_take(&rest, ' '))
		;
	if (!rest.n)
		return E_MORE;
	struct span text = span_cut(&rest, ' ');
	size_t n = modifier_name(text);
	out->text = text;
	int err = n ? modifier(span_head(text, n), span_from(text, n + 1), out)
	            : mechanism(text, out);
	if (err == E_OK)
		*in = rest;
	return err;
}

int
spf_record_parse(struct span txt, struct spf_record *out)
{
	struct spf_term t;
	int err;
	*out = (struct spf_record){.terms = span_from(txt, VERSION.n)};
	struct span in = out->terms;
	while ((err = spf_term_next(&in, &t)) == E_OK) {
		struct span *once = t.kind == SPF_REDIRECT ? &out->redirect
		                    : t.kind == SPF_EXP    ? &out->exp
		                                           : NULL;
		if (once && once->n)
			return E_BAD; /* 6: each at most once */
		if (once)
			*once = t.domain;
	}
	return err == E_MORE ? E_OK : E_BAD;
}
