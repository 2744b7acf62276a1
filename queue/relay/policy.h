/* SPDX-License-Identifier: ISC */
/*
 * policy.h - what TLS with a host must be before mail goes to it: what the route asks for, and what
 * the host or its domain publishes.  Decided once for each host, before anything connects to it.
 */
#ifndef QUEUE_RELAY_POLICY_H
#define QUEUE_RELAY_POLICY_H

#include "queue/relay/tls_result.h"

#define POLICY_UNNAMED "it is not named in the MTA-STS policy of its domain"

struct remote;
struct sts_note;
struct target_host;

/* What the certificate of a host must be. */
enum policy_check {
	CHECK_NONE,  /* anybody's */
	CHECK_NAMED, /* of an authority of ours, for the host's name (RFC 9525) */
	/* that which its TLSA records mean, where one of them is usable (RFC 7672 2.2) */
	CHECK_DANE,
};

enum { POLICY_NAMES_MAX = 4 };

struct policy {
	/* whose word it is; TLS_POLICY_NONE: the route's, or nobody's */
	enum tls_policy kind;
	bool is_off;  /* no TLS at all */
	bool is_must; /* no mail without TLS */
	enum policy_check check;
	bool is_name_proven; /* that it is the host to take: by DNSSEC or a route */
	/* its domain's policy does not name this host: a failure, however good its TLS is */
	bool is_unnamed;
	/*
	 * a certificate that fails the check is noted, and gets mail all the same (RFC 8461 5,
	 * "testing")
	 */
	bool is_only_counted;
	/* borrow: CHECK_DANE: the name that has the records, asked for by SNI (RFC 7672 8.1) */
	struct span base;
	const struct tlsa *tlsa; /* borrow: the process's memory */
	size_t n_tlsa;
	/* borrow: one of them is in the certificate, RFC 7672 3.2.2 */
	struct span names[POLICY_NAMES_MAX];
	size_t n_names;
};

/*
 * policy_decide - for a host, whose addresses are known.  May ask the DNS.
 *   domain   where the CNAMEs of the next hop lead, or empty
 *   out      host->policy
 *   returns  E_OK, E_DENY (nothing is to connect to this host now; r->why says why, and the result
 *            is noted)
 */
MUST_USE int policy_decide(struct remote *r, struct target_host *, struct span domain);

/*
 * policy_knows_host - that it is the host to take, RFC 8689 4.2.1: by DNSSEC, a route, or the names
 * in its domain's policy of MTA-STS
 */
bool policy_knows_host(const struct policy *);

/* dane.c */
/*
 * dane_find - the TLSA records of a host, RFC 7672 2.2, where the DNS proves that it is the host to
 * take, and its addresses.
 *   domain   where the CNAMEs of the next hop lead, or empty
 *   out      kind, check and what belongs to CHECK_DANE are set where there are any
 *   returns  E_OK (also: there are none), E_IO (the DNS would not tell, or what it told is forged;
 *            why says which)
 */
MUST_USE int dane_find(const struct remote *, const struct target_host *,
    struct span domain, struct policy *out, struct buf *why);

/* mta_sts.c */
/*
 * sts_look_up - the exchangers of this domain are about to be looked up: what it says about them is
 * asked for meanwhile
 */
void sts_look_up(const struct remote *, struct span domain);
/*
 * sts_find - what the policy of the domain says of a host, RFC 8461 4.
 *   out      kind, check and so on are set where there is one that holds; what is_must was stays
 *   returns  E_OK (also: there is none), E_DENY (it is not to be used: why), E_IO (nobody could
 *            say: why)
 */
MUST_USE int sts_find(const struct target_host *, struct policy *out, struct buf *why);
/*
 * For reports: a note for the domain (false: there is none), its policy, and why that was not found
 * (false: nothing was wrong)
 */
bool sts_note_domain(struct sts_note *out);
void sts_note_lines(struct sts_note *out);
bool sts_note_failure(struct sts_note *out);

#endif
