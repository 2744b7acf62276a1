/* SPDX-License-Identifier: ISC */
/*
 * mta_sts.h - what a domain says about TLS to its mail hosts, RFC 8461: the record in the DNS, the
 * policy that is fetched over HTTPS, and whether a host is named in it; pure.  "_mta-sts.DOMAIN"
 * TXT says that there is a policy and which one; it stands at
 * https://mta-sts.DOMAIN/.well-known/mta-sts.txt (3.3).
 */
#ifndef NET_MTA_STS_H
#define NET_MTA_STS_H

#include "net/dns.h"

#define MTA_STS_RECORD_PREFIX "_mta-sts."
#define MTA_STS_HOST_PREFIX "mta-sts."
#define MTA_STS_PATH "/.well-known/mta-sts.txt"

enum {
	MTA_STS_ID_MAX = 32,             /* RFC 8461 3.1 */
	MTA_STS_AGE_MOST_SEC = 31557600, /* a year, 3.2; what says more means that */
	MTA_STS_MX_MAX = 100,            /* patterns that are kept; more: E_LIMIT */
};

enum mta_sts_mode {
	MTA_STS_NONE,    /* there is no policy any more */
	MTA_STS_TESTING, /* deliver whatever happens, report failures */
	/* deliver only to hosts that match, over TLS with a valid certificate (5) */
	MTA_STS_ENFORCE,
};

struct mta_sts_policy {
	enum mta_sts_mode mode;
	uint32_t max_age_sec;
	/* borrow: the text.  "mx.example.com" or "*.example.com" */
	struct span mx[MTA_STS_MX_MAX];
	size_t n_mx;
};

/*
 * mta_sts_record - the id of the policy, from the TXT records of _mta-sts.DOMAIN (RFC 8461 3.1).
 *   id       borrow: the record
 *   returns  E_OK, E_BAD (none, several, or not well-formed: the domain has no policy)
 */
MUST_USE int mta_sts_record(const struct dns_record *txt, size_t n, struct span *id);
/*
 * mta_sts_policy_parse - a policy (RFC 8461 3.2).  Of a field that stands twice the first counts,
 * mx aside; unknown ones
 *   are ignored, and so, other than its grammar says, are empty lines.
 *   returns  E_OK, E_BAD (not well-formed, a field that must be there is not), E_LIMIT (too many
 *            patterns)
 */
MUST_USE int mta_sts_policy_parse(struct span text, struct mta_sts_policy *out);
/*
 * mta_sts_policy_put - as text again, without what we do not know; it parses to the same.  A line
 * each, ending in LF
 */
void mta_sts_policy_put(struct buf *, const struct mta_sts_policy *);
const char *mta_sts_mode_name(enum mta_sts_mode); /* "none", "testing", "enforce" */
/*
 * mta_sts_matches - a host is named in the policy; "*" stands for exactly one label (RFC 8461 4.1)
 */
bool mta_sts_matches(const struct mta_sts_policy *, struct span host);

#endif
