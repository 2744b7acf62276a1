/* SPDX-License-Identifier: ISC */
/*
 * rdns.h - names of a client that the DNS confirms: those that its address has (PTR) and that have
 * this address (A, AAAA).  The method iprev of RFC 8601 2.7.3 and 3; the validated names of RFC 7208
 * 5.5.  Pure.
 */
#ifndef SMTPD_POLICY_RDNS_H
#define SMTPD_POLICY_RDNS_H

#include "dkim/authres.h"
#include "net/lookups.h"
#include "smtpd/policy/ip.h"

enum { RDNS_NAMES_MAX = 10 }; /* of an address that are looked at (RFC 7208 4.6.4) */

enum rdns_result { /* RFC 8601 2.7.3 */
	RDNS_PASS,
	RDNS_FAIL,      /* it has names; none of them has this address */
	RDNS_TEMPERROR, /* the DNS could not say */
	RDNS_PERMERROR, /* it has no name */
};

struct rdns {
	enum rdns_result result;
	/* borrow, all of them: the lookups.  Lower case, without a last dot */
	struct span
	    name; /* the first that is confirmed; else the first that is claimed, or empty */
	struct span confirmed[RDNS_NAMES_MAX];
	size_t n_confirmed;
};

const char *rdns_result_name(
    enum rdns_result); /* "pass", as in Authentication-Results */
/* rdns_find - E_OK, E_MORE (ask, then call again) */
MUST_USE int rdns_find(const struct ip *, struct lookups *, struct rdns *out);
/* rdns_say - iprev=pass (name) policy.iprev=ADDRESS, RFC 8601 2.7.3 */
void rdns_say(const struct rdns *, const struct ip *, struct authres *);

#endif
