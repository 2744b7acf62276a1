/* SPDX-License-Identifier: ISC */
/*
 * dnslist.h - an item of the setting dnsbl: a list of addresses in the DNS (RFC 5782), and what it
 * counts.
 *   ZONE[=ANSWER] [WEIGHT]
 *   ANSWER   four octets parted by dots; each a number, a range, or several of them: "127.0.0.2",
 *            "127.0.0.[2..11]", "127.0.[0..255].[1;3;5..7]".  Without it: any of 127.0.0.0/8 but
 *            127.255.255.0/24, in which lists say that they were asked wrongly
 *   WEIGHT   -100 to 100, not 0; of lists of good clients it is below 0.  Without it: 1
 */
#ifndef CONF_DNSLIST_H
#define CONF_DNSLIST_H

#include "base/span.h"

enum {
	DNSLIST_MAX = 32, /* items */
	DNSLIST_ZONE_MAX =
	    180, /* octets: 64 for the nibbles of an IPv6 address go before it */
	DNSLIST_WEIGHT_MAX = 100,
};

struct dnslist {
	struct span zone;      /* borrow: the item */
	bool is_any;           /* no ANSWER */
	uint32_t octets[4][8]; /* a bit for each value that fits */
	int weight;
};

/* dnslist_parse - E_OK, E_BAD.  Never blocks or allocates */
MUST_USE int dnslist_parse(struct span text, struct dnslist *out);
bool dnslist_fits(const struct dnslist *, const unsigned char answer[4]);

#endif
