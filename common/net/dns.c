/* SPDX-License-Identifier: ISC */
/* dns.c - names of the DNS, and the words for its kinds and answers. */
#include "net/dns.h"

const char *
dns_kind_name(enum dns_kind kind)
{
	switch (kind) {
	case DNS_A:
		return "A";
	case DNS_CNAME:
		return "CNAME";
	case DNS_PTR:
		return "PTR";
	case DNS_MX:
		return "MX";
	case DNS_TXT:
		return "TXT";
	case DNS_AAAA:
		return "AAAA";
	case DNS_TLSA:
		return "TLSA";
	}
	return "?";
}

const char *
dns_status_name(enum dns_status status)
{
	static const char *const names[] = {[DNS_FOUND] = "found",
	    [DNS_NO_RECORD] = "no_record",
	    [DNS_NO_NAME] = "no_name",
	    [DNS_TEMP] = "temp",
	    [DNS_BOGUS] = "bogus"};
	return status < COUNT(names) ? names[status] : "?";
}

static bool
is_host_octet(char c)
{
	return ch_alnum(c) || c == '-' || c == '_';
}

/* Length of the octet at s: 1, or 4 of "\DDD" that must be written so; 0: it is none. */
static size_t
octet(struct span s, bool has_escapes)
{
	unsigned value = 0;
	if (s.p[0] != '\\')
		return is_host_octet(s.p[0]);
	for (size_t i = 1; i < 4; i++) {
		if (i >= s.n || !ch_digit(s.p[i]))
			return 0;
		value = value * 10 + (unsigned)(s.p[i] - '0');
	}
	return has_escapes && value <= UINT8_MAX && !is_host_octet((char)value) ? 4 : 0;
}

static bool
label_ok(struct span label, bool has_escapes)
{
	size_t octets = 0;
	for (struct span rest = label; rest.n; octets++) {
		size_t n = octet(rest, has_escapes);
		if (n == 0)
			return false;
		rest = span_from(rest, n);
	}
	return octets > 0 && octets <= DNS_LABEL_MAX;
}

static bool
name_ok(struct span name, bool has_escapes)
{
	if (name.n > 0 && name.p[name.n - 1] == '.')
		name.n--;
	if (name.n == 0 || name.n > DNS_NAME_MAX || name.p[name.n - 1] == '.')
		return false;
	while (name.n)
		if (!label_ok(span_cut(&name, '.'), has_escapes))
			return false;
	return true;
}

bool
dns_name_ok(struct span name)
{
	return name_ok(name, false);
}

bool
dns_question_ok(struct span name)
{
	return name_ok(name, true);
}

void
dns_question_put(struct span text, struct buf *out)
{
	for (size_t i = 0; i < text.n; i++)
		if (is_host_octet(text.p[i]) || text.p[i] == '.')
			buf_ch(out, text.p[i]);
		else
			buf_putf(out, "\\%03u", (unsigned)(unsigned char)text.p[i]);
}

void
dns_reverse_name(struct span address, struct buf *out)
{
	if (address.n != 4 && address.n != 16)
		bug("an address of neither 4 nor 16 bytes");
	for (size_t i = address.n; i-- > 0;) {
		unsigned byte = (unsigned char)address.p[i];
		if (address.n == 4)
			buf_putf(out, "%u.", byte);
		else
			buf_putf(out, "%x.%x.", byte & 15, byte >> 4);
	}
	buf_str(out, address.n == 4 ? "in-addr.arpa" : "ip6.arpa");
}

void
dns_tlsa_name(struct span host, uint16_t port, struct buf *out)
{
	buf_putf(out, "_%u._tcp.%.*s", port, SPAN_ARG(host));
}

uint16_t
dns_server_parse(struct span s, struct buf *out)
{
	uint64_t port = DNS_PORT;
	size_t colon = span_rfind(s, ':');
	bool has_brackets = s.n && s.p[0] == '[';
	bool is_v6 = span_find(s, ':') != colon;
	if (colon < s.n &&
	    (!is_v6 || (has_brackets && colon > 0 && s.p[colon - 1] == ']'))) {
		if (span_u64(span_from(s, colon + 1), UINT16_MAX, &port) != E_OK)
			port =
			    DNS_PORT; /* the check of the setting let it through: not so */
		s = span_head(s, colon);
	}
	if (has_brackets)
		s = span_make(s.p + 1, s.n - 2);
	if (out)
		buf_putf(out, "%.*s@%u", SPAN_ARG(s), (unsigned)port);
	return (uint16_t)port;
}

static struct span
copy(struct span s, struct arena *arena, int *err)
{
	struct span out = arena_span(arena, s);
	if (out.n != s.n)
		*err = E_LIMIT;
	return out;
}

int
dns_answer_copy(const struct dns_answer *a, struct arena *arena, struct dns_answer *out)
{
	int err = E_OK;
	*out = *a;
	out->name = copy(a->name, arena, &err);
	out->why = copy(a->why, arena, &err);
	out->records = arena_get(arena, a->n_records * sizeof *a->records);
	if (!out->records)
		return E_LIMIT;
	for (size_t i = 0; i < a->n_records; i++) {
		out->records[i] = a->records[i];
		out->records[i].data = copy(a->records[i].data, arena, &err);
	}
	return err;
}
