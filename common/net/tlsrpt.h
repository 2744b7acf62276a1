/* SPDX-License-Identifier: ISC */
/*
 * tlsrpt.h - who wants to hear how TLS with a domain's mail hosts goes: the TXT record of
 * "_smtp._tls.DOMAIN", RFC 8460 3; pure.
 */
#ifndef NET_TLSRPT_H
#define NET_TLSRPT_H

#include "net/dns.h"

#define TLSRPT_RECORD_PREFIX "_smtp._tls."

enum {
	TLSRPT_TARGETS_MAX = 8,   /* that are kept; more are left out */
	TLSRPT_ADDRESS_MAX = 254, /* octets of an address */
	TLSRPT_PORT = 443,        /* the only one that reports are sent to */
};

/* One place that reports go to: an address, or a URL. */
struct tlsrpt_target {
	struct span address;    /* of mailto:, decoded; empty: it is https: */
	struct span host, path; /* of https:; path begins with "/", with its query */
};

struct tlsrpt_record {
	struct tlsrpt_target targets[TLSRPT_TARGETS_MAX];
	size_t n;
};

/*
 * tlsrpt_record - where reports go, from the TXT records of _smtp._tls.DOMAIN (RFC 8460 3).  Left
 * out is what we cannot or will
 *   not send to: other schemes and ports, addresses whose local part is no dot-atom.  Of mailto:
 *   fields behind "?" are ignored.
 *   out      borrows from the records and the arena
 *   returns  E_OK, E_BAD (no record, several, not well-formed, nothing usable in it: nobody wants
 *            reports), E_LIMIT (arena full)
 */
MUST_USE int tlsrpt_record(
    const struct dns_record *txt, size_t n, struct arena *, struct tlsrpt_record *out);

#endif
