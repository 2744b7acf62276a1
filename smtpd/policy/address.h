/* SPDX-License-Identifier: ISC */
/* address.h - the address of a client as bytes: read from its text, compared with networks; pure. */
#ifndef SMTPD_POLICY_ADDRESS_H
#define SMTPD_POLICY_ADDRESS_H

#include "base/buf.h"

enum { ADDRESS_TEXT_MAX = 45 }; /* octets: an IPv6 address with an IPv4 tail */

struct address {
	unsigned char b[16];
	size_t n; /* bytes: 4, 16; 0: none */
};

/* address_parse - "192.0.2.1", "2001:db8::1"; an IPv4-mapped one is IPv4.  E_OK, E_BAD */
MUST_USE int address_parse(struct span text, struct address *out);
struct span address_bytes(const struct address *);         /* borrow: the address */
void address_put(const struct address *, struct buf *out); /* as text */
/* address_in - its first bits are those of net; never where net has another length */
bool address_in(const struct address *, struct span net, unsigned bits);

#endif
