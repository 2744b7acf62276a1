/* SPDX-License-Identifier: ISC */
/* ip.h - the address of a client as bytes: read from its text, compared with networks; pure. */
#ifndef SMTPD_POLICY_IP_H
#define SMTPD_POLICY_IP_H

#include "base/buf.h"

enum { IP_TEXT_MAX = 45 }; /* octets: an IPv6 address with an IPv4 tail */

struct ip {
	unsigned char b[16];
	size_t n; /* bytes: 4, 16; 0: none */
};

/* ip_parse - "192.0.2.1", "2001:db8::1"; an IPv4-mapped one is IPv4.  E_OK, E_BAD (out is none) */
MUST_USE int ip_parse(struct span text, struct ip *out);
struct span ip_bytes(const struct ip *);         /* borrow: the address */
void ip_put(const struct ip *, struct buf *out); /* as text */
/* ip_in - its first bits are those of net; never where net has another length */
bool ip_in(const struct ip *, struct span net, unsigned bits);

#endif
