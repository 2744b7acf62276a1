/* SPDX-License-Identifier: ISC */
/*
 * policy.h - what TLS with a host must be before mail goes to it: what the route asks for, and what the host or its domain publishes.
 * Decided once for each host, before anything connects to it.
 */
#ifndef QUEUE_RELAY_POLICY_H
#define QUEUE_RELAY_POLICY_H

#include "queue/relay/tls_result.h"

struct remote;
struct target_host;

/* What the certificate of a host must be. */
enum policy_check {
	CHECK_NONE,   /* anybody's */
	CHECK_NAMED,  /* of an authority of ours, for the host's name (RFC 9525) */
};

struct policy {
	enum tls_policy kind;      /* whose word it is; TLS_POLICY_NONE: the route's, or nobody's */
	bool is_off;               /* no TLS at all */
	bool is_must;              /* no mail without TLS */
	enum policy_check check;
	bool is_only_counted;      /* a certificate that fails the check is noted, and gets mail all the same (RFC 8461 5, "testing") */
};

/*
 * policy_decide - for a host, whose addresses are known.  May ask the DNS.
 *   out      host->policy
 *   returns  E_OK, E_DENY (nothing is to connect to this host now; r->why says why, and the result is noted)
 */
MUST_USE int policy_decide(struct remote *r, struct target_host *);

#endif
