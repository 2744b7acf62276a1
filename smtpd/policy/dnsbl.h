/* SPDX-License-Identifier: ISC */
/*
 * dnsbl.h - what lists of addresses in the DNS say of a client (RFC 5782): those that it is on, and
 * the sum of their weights.  A list that does not answer counts as one that it is not on.  Pure.
 */
#ifndef SMTPD_POLICY_DNSBL_H
#define SMTPD_POLICY_DNSBL_H

#include "conf/dnslist.h"
#include "dkim/authres.h"
#include "net/lookups.h"
#include "smtpd/policy/ip.h"

struct conf;

struct dnsbl_rules {
	struct dnslist lists[DNSLIST_MAX]; /* borrow the configuration */
	size_t n;
	int refuse_at; /* a score of this or more: refused */
	int trust_at;  /* a score of this or less: known to be good */
};

enum { DNSBL_SAID_MAX = 8 }; /* lists of good clients that are named in a field */

enum dnsbl_verdict { DNSBL_NEUTRAL, DNSBL_REFUSED, DNSBL_TRUSTED };

struct dnsbl {
	int score;
	enum dnsbl_verdict verdict;
	const struct dnslist *hits[DNSLIST_MAX]; /* borrow: the rules; in their order */
	unsigned char answers[DNSLIST_MAX][4];   /* of each hit: what its list said */
	size_t n_hits;
	size_t n_failed;      /* lists that did not answer */
	size_t n_good_failed; /* of these: lists of good clients */
	/* of one that is refused: the list of the largest weight, and why it says so, or empty */
	const struct dnslist *worst;
	struct span text; /* borrow: the lookups; outside text */
};

void dnsbl_rules_load(struct dnsbl_rules *, const struct conf *);
/* dnsbl_check - E_OK, E_MORE (ask, then call again) */
MUST_USE int dnsbl_check(
    const struct dnsbl_rules *, const struct ip *, struct lookups *, struct dnsbl *out);
/* dnsbl_refusal - the text for the client, one line: which list, and what that says */
void dnsbl_refusal(const struct dnsbl *, const struct ip *, struct buf *out);
/* dnsbl_log - "dnsbl=4 zen.example=3 list.example=1"; of no hit "dnsbl=0" */
void dnsbl_log(const struct dnsbl *, struct buf *out);
/*
 * dnsbl_say - dnswl of RFC 8904, a result for each list of good clients that it is on (at most
 * DNSBL_SAID_MAX), else one; and x-dnsbl, one for all lists of bad ones.  Of kinds that are not asked: nothing
 *   x-dnsbl   none: on no list; neutral: on some, which is not enough to be refused; fail: it is enough;
 *             temperror: on none of those that answered
 */
void dnsbl_say(const struct dnsbl_rules *, const struct dnsbl *, struct authres *);

#endif
