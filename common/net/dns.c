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
label_ok(struct span label)
{
	for (size_t i = 0; i < label.n; i++)
		if (!ch_alnum(label.p[i]) && label.p[i] != '-' && label.p[i] != '_')
			return false;
	return label.n > 0 && label.n <= DNS_LABEL_MAX;
}

bool
dns_name_ok(struct span name)
{
	if (name.n > 0 && name.p[name.n - 1] == '.')
		name.n--;
	if (name.n == 0 || name.n > DNS_NAME_MAX || name.p[name.n - 1] == '.')
		return false;
	while (name.n)
		if (!label_ok(span_cut(&name, '.')))
			return false;
	return true;
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
