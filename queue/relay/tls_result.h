/* SPDX-License-Identifier: ISC */
/*
 * tls_result.h - how TLS with the hosts of a destination came out, in the words of RFC 8460 4.2 and
 * 4.3: what reports on it count.  One for each address to which there was a connection or of whose
 * host the DNS or a policy said that there must be none.
 */
#ifndef QUEUE_RELAY_TLS_RESULT_H
#define QUEUE_RELAY_TLS_RESULT_H

#include "base/buf.h"

enum tls_policy {
	TLS_POLICY_NONE, /* "no-policy-found" */
	TLS_POLICY_DANE, /* "tlsa" */
	TLS_POLICY_STS,  /* "sts" */
};

enum tls_outcome {
	TLS_FINE, /* a successful session */
	TLS_STARTTLS_NOT_SUPPORTED,
	TLS_CERTIFICATE_HOST_MISMATCH,
	TLS_CERTIFICATE_EXPIRED,
	TLS_CERTIFICATE_NOT_TRUSTED,
	/* all else that goes wrong: the handshake, the bytes of a certificate */
	TLS_VALIDATION_FAILURE,
	TLS_TLSA_INVALID,   /* none of its TLSA records is usable */
	TLS_DNSSEC_INVALID, /* its TLSA records are bogus, or the DNS would not tell */
	TLS_DANE_REQUIRED,  /* the route asks for DANE, and the host has none */
	TLS_STS_POLICY_FETCH_ERROR,
	TLS_STS_POLICY_INVALID,
	TLS_STS_WEBPKI_INVALID,
	TLS_OUTCOMES,
};

enum { TLS_RESULTS_MAX = 32 }; /* of one relay: as many as it has addresses */

struct policy;

struct tls_result {
	enum tls_policy policy;
	enum tls_outcome outcome;
	/* borrow: as long as the process; "mx1.example.org", or the text of an address */
	struct span host;
	struct buf address; /* own: "192.0.2.1"; empty where there was no connection */
	/* own: for people, "failure-reason-code"; empty where it is fine */
	struct buf why;
	/* own: our address, and how the host called itself; empty where there was no connection */
	struct buf source, helo;
	/* borrow: as long as the process; what its TLS had to be; NULL: nobody said */
	const struct policy *terms;
};

struct tls_results {
	struct tls_result all[TLS_RESULTS_MAX];
	size_t n;
};

/*
 * tls_results_note - past TLS_RESULTS_MAX nothing is noted; where there is an address, the last
 * word on it counts.  What was noted, for the rest of it (borrow: the results), or NULL
 */
struct tls_result *tls_results_note(struct tls_results *, enum tls_policy,
    enum tls_outcome, struct span host, struct span address, struct span why);
void tls_results_free(struct tls_results *);
const char *tls_policy_text(enum tls_policy); /* "tlsa" */
/* "certificate-expired"; TLS_FINE: "" */
const char *tls_outcome_text(enum tls_outcome);

#endif
