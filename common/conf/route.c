/* SPDX-License-Identifier: ISC */
/* route.c - where mail for some addresses goes: one item of the setting. */
#include "conf/route.h"

static const struct {
	struct span text;
	uint8_t kind;
	bool is_lmtp;
	uint16_t port;
} ways[] = {
    {{"smtp://", 7}, ROUTE_HOST, false, ROUTE_PORT_SMTP},
    {{"lmtp://", 7}, ROUTE_HOST, true, ROUTE_PORT_LMTP},
    {{"unix:", 5}, ROUTE_UNIX, false, 0},
    {{"lmtp+unix:", 10}, ROUTE_UNIX, true, 0},
    {{"mx", 2}, ROUTE_MX, false, ROUTE_PORT_SMTP},
};

static const char *const levels[] = {[ROUTE_TLS_NONE] = "none",
    [ROUTE_TLS_MAY] = "may",
    [ROUTE_TLS_ENCRYPT] = "encrypt",
    [ROUTE_TLS_DANE] = "dane",
    [ROUTE_TLS_VERIFY] = "verify"};

/*
 * Letters, digits, "-", "." and ":"; what is a name and what an address is seen when it is looked
 * up.
 */
static bool
is_host(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ch_alnum(s.p[i]) && s.p[i] != '-' && s.p[i] != '.' &&
		    s.p[i] != ':')
			return false;
	return s.n > 0 && s.n <= ROUTE_NAME_MAX;
}

static int
host_parse(struct span s, struct route *out)
{
	uint64_t port = out->port;
	bool is_literal = s.n && s.p[0] == '[';
	size_t end = is_literal ? span_find(s, ']') : span_find(s, ':');
	out->host = span_head(s, end);
	if (is_literal) {
		if (end == s.n)
			return E_BAD;
		out->host = span_from(out->host, 1);
		end++;
	}
	struct span rest = span_from(s, end);
	if (rest.n &&
	    (rest.p[0] != ':' ||
		span_u64(span_from(rest, 1), UINT16_MAX, &port) != E_OK || port == 0))
		return E_BAD;
	out->port = (uint16_t)port;
	return is_host(out->host) ? E_OK : E_BAD;
}

static int
way_parse(struct span s, struct route *out)
{
	for (size_t i = 0; i < COUNT(ways); i++) {
		if (!span_starts(s, ways[i].text))
			continue;
		struct span rest = span_from(s, ways[i].text.n);
		out->kind = ways[i].kind;
		out->is_lmtp = ways[i].is_lmtp;
		out->port = ways[i].port;
		if (out->kind == ROUTE_MX)
			return rest.n == 0 ? E_OK : E_BAD;
		if (out->kind == ROUTE_HOST)
			return host_parse(rest, out);
		out->host = rest;
		return rest.n > 1 && rest.n <= ROUTE_PATH_MAX && rest.p[0] == '/'
		           ? E_OK
		           : E_BAD;
	}
	return E_BAD;
}

static int
option_parse(struct span s, struct route *out)
{
	struct span value = s, name = span_cut(&value, '=');
	if (span_eqs(name, "user") && value.n) {
		out->user = value;
		return E_OK;
	}
	if (span_eqs(name, "from") && value.n) {
		out->from = value;
		return E_OK;
	}
	if (span_eqs(name, "policies") && span_eqs(value, "no")) {
		out->has_no_policies = true;
		return E_OK;
	}
	for (uint8_t i = 0; span_eqs(name, "tls") && i < COUNT(levels); i++)
		if (span_eqs(value, levels[i])) {
			out->tls = i;
			return E_OK;
		}
	return E_BAD;
}

int
route_parse(struct span text, struct route *out)
{
	struct span rest = text;
	*out = (struct route){.tls = ROUTE_TLS_MAY, .host = SPAN("")};
	out->pattern = span_cut(&rest, '=');
	int err = way_parse(span_cut(&rest, ' '), out);
	while (err == E_OK && (rest = span_trim(rest)).n)
		err = option_parse(span_cut(&rest, ' '), out);
	if (out->pattern.n == 0 || span_find(out->pattern, ' ') < out->pattern.n)
		return E_BAD;
	/* a socket has no name that a certificate could have */
	return out->kind == ROUTE_UNIX && out->tls >= ROUTE_TLS_DANE ? E_BAD : err;
}

unsigned
route_fits(struct span pattern, struct span address)
{
	enum { ANY = 1, DOMAIN_LEAST, ADDRESS = 1000 };
	struct span domain = span_from(address, span_rfind(address, '@') + 1);
	if (span_eqs(pattern, "*"))
		return ANY;
	if (span_find(pattern, '@') < pattern.n)
		return span_ieq(pattern, address) ? ADDRESS : 0;
	bool is_below = pattern.n && pattern.p[0] == '.';
	if (is_below && domain.n > pattern.n &&
	    span_ieq(pattern, span_from(domain, domain.n - pattern.n)))
		return DOMAIN_LEAST + (unsigned)pattern.n;
	return !is_below && span_ieq(pattern, domain) ? ADDRESS - 1 : 0;
}

unsigned
route_fits_sender(struct span pattern, struct span sender)
{
	return sender.n || span_eqs(pattern, "*") ? route_fits(pattern, sender) : 0;
}
