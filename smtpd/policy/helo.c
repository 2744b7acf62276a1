/* SPDX-License-Identifier: ISC */
/* helo.c - the name that a client gives itself. */
#include "smtpd/policy/helo.h"

#include <string.h>

#include "conf/conf.h"

/* clang-format off */
static const struct {
	enum helo_fault fault;
	const char *setting, *text;
} table[HELO_FAULTS] = {
	{HELO_SYNTAX,   "helo_syntax",   "the name in HELO is neither a full name nor an address in brackets"},
	{HELO_LITERAL,  "helo_literal",  "the address in HELO is not yours"},
	{HELO_OURS,     "helo_ours",     "the name in HELO is ours, not yours"},
	{HELO_RESOLVES, "helo_resolves", "the name in HELO is not in the DNS"},
};

/* clang-format on */

const char *
helo_setting(enum helo_fault fault)
{
	for (size_t i = 0; i < COUNT(table); i++)
		if (table[i].fault == fault)
			return table[i].setting;
	return "";
}

const char *
helo_text(unsigned faults)
{
	for (size_t i = 0; i < COUNT(table); i++)
		if (faults & table[i].fault)
			return table[i].text;
	return "";
}

void
helo_rules_load(struct helo_rules *r, const struct conf *conf)
{
	*r = (struct helo_rules){.conf = conf};
	for (size_t i = 0; i < COUNT(table); i++) {
		const char *mode = conf_str(conf, "smtpd", table[i].setting);
		if (!strcmp(mode, "note"))
			r->noted |= table[i].fault;
		else if (!strcmp(mode, "refuse"))
			r->refused |= table[i].fault;
	}
}

/* The address in "[192.0.2.1]", "[IPv6:2001:db8::1]". */
static int
literal(struct span helo, struct ip *out)
{
	if (!span_take(&helo, '[') || !span_ends(helo, SPAN("]")))
		return E_BAD;
	helo = span_head(helo, helo.n - 1);
	bool is_v6 = span_istarts(helo, SPAN("IPv6:"));
	struct span text = span_from(helo, is_v6 ? 5 : 0);
	if (is_v6 != (span_find(text, ':') < text.n))
		return E_BAD;
	return ip_parse(text, out);
}

/* Several labels, and the last of them is not a number: an address without brackets is none. */
static bool
is_full_name(struct span s)
{
	size_t dot = span_rfind(s, '.');
	bool is_number = true;
	if (!dns_name_ok(s) || dot + 1 >= s.n)
		return false;
	for (size_t i = dot + 1; i < s.n; i++)
		is_number = is_number && ch_digit(s.p[i]);
	return !is_number;
}

static bool
is_ours(const struct conf *conf, struct span name)
{
	if (span_ieqs(name, conf_str(conf, "common", "hostname")))
		return true;
	for (size_t i = 0; i < conf_list_count(conf, "common", "domains"); i++)
		if (span_ieqs(name, conf_list(conf, "common", "domains", i)))
			return true;
	return false;
}

/* One that is found, or may be there (the DNS does not say), will do.  E_OK, E_MORE */
static int
resolves(struct span name, struct lookups *l, bool *is_there)
{
	static const enum dns_kind kinds[] = {DNS_A, DNS_AAAA, DNS_MX};

	bool is_more = false;
	*is_there = false;
	for (size_t i = 0; i < COUNT(kinds); i++) {
		const struct dns_answer *a = lookups_get(l, kinds[i], name);
		if (!a)
			is_more = true;
		else if (a->status != DNS_NO_NAME && a->status != DNS_NO_RECORD)
			*is_there = true;
	}
	return is_more && !*is_there ? E_MORE : E_OK;
}

int
helo_check(const struct helo_rules *r, struct span helo, const struct ip *client,
    struct lookups *l, unsigned *faults)
{
	unsigned wanted = r->noted | r->refused;
	struct ip a;
	bool is_there = true;
	int err = E_OK;
	if (helo.n && helo.p[helo.n - 1] == '.')
		helo.n--;
	if (literal(helo, &a) == E_OK) {
		bool is_its = ip_in(client, ip_bytes(&a), (unsigned)a.n * 8);
		*faults = is_its ? 0 : HELO_LITERAL & wanted;
		return E_OK;
	}
	bool is_name = is_full_name(helo);
	if (is_name && (wanted & HELO_RESOLVES))
		err = resolves(helo, l, &is_there);
	*faults = ((is_name ? 0 : HELO_SYNTAX) | (is_there ? 0 : HELO_RESOLVES) |
		      (is_ours(r->conf, helo) ? HELO_OURS : 0)) &
	          wanted;
	return err;
}

void
helo_say(unsigned faults, struct span helo, struct authres *out)
{
	authres_result(out, "x-helo", faults ? "fail" : "pass");
	if (faults)
		authres_reason(out, span_of(helo_text(faults)));
	authres_prop(out, "smtp.helo", helo);
}
