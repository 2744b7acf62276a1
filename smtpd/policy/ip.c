/* SPDX-License-Identifier: ISC */
/* ip.c - the address of a client as bytes. */
#include "smtpd/policy/ip.h"

#include <arpa/inet.h>
#include <string.h>

static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};

int
ip_parse(struct span text, struct ip *out)
{
	char s[IP_TEXT_MAX + 1];
	bool is_v6 = span_find(text, ':') < text.n;
	*out = (struct ip){0};
	if (text.n > IP_TEXT_MAX || span_find(text, '\0') < text.n)
		return E_BAD;
	memcpy(s, text.p, text.n);
	s[text.n] = '\0';
	if (text.n == 0 || inet_pton(is_v6 ? AF_INET6 : AF_INET, s, out->b) != 1)
		return E_BAD;
	out->n = is_v6 ? 16 : 4;
	if (is_v6 && memcmp(out->b, mapped, sizeof mapped) == 0) {
		memmove(out->b, out->b + 12, 4);
		out->n = 4;
	}
	return E_OK;
}

struct span
ip_bytes(const struct ip *a)
{
	return span_make(a->b, a->n);
}

void
ip_put(const struct ip *a, struct buf *out)
{
	char s[INET6_ADDRSTRLEN];
	if (a->n && inet_ntop(a->n == 16 ? AF_INET6 : AF_INET, a->b, s, sizeof s))
		buf_str(out, s);
}

bool
ip_in(const struct ip *a, struct span net, unsigned bits)
{
	if (net.n != a->n || a->n == 0 || bits > a->n * 8)
		return false;
	size_t whole = bits / 8;
	unsigned rest = bits % 8;
	if (memcmp(a->b, net.p, whole) != 0)
		return false;
	return rest == 0 ||
	       (a->b[whole] ^ (unsigned char)net.p[whole]) >> (8 - rest) == 0;
}
