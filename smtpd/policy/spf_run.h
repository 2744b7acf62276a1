/* SPDX-License-Identifier: ISC */
/* spf_run.h - one evaluation of check_host(): what spf.c and spf_match.c share; nobody else includes it. */
#ifndef SMTPD_POLICY_SPF_RUN_H
#define SMTPD_POLICY_SPF_RUN_H

#include "smtpd/policy/spf.h"
#include "smtpd/policy/spf_macro.h"

/* What a record came to. */
struct spf_found {
	enum spf_result result;
	const char *why;
	struct span term, by_domain;
	enum spf_kind kind;
	struct span exp, exp_domain; /* of the record that decided, 6.2 */
};

struct spf_run {
	struct lookups *lookups;  /* borrow */
	const struct ip *client;  /* borrow */
	struct spf_values values; /* domain, validated: those of the last spf_name */
	struct arena arena;       /* own: names that were made */
	unsigned n_terms, n_void;
};

/* An answer that does not say whether there is something. */
static inline bool
spf_is_unknown(const struct dns_answer *a)
{
	return a->status == DNS_TEMP || a->status == DNS_BOGUS;
}

/* ---- spf.c ---- */

/* spf_check_host - E_OK, E_MORE; domain: borrow, as long as the run */
MUST_USE int spf_check_host(struct spf_run *, struct span domain, struct spf_found *);

/* ---- spf_match.c ---- */

/*
 * spf_match - whether a mechanism matches; a modifier does not.
 *   returns  E_OK, E_MORE, E_DENY (the evaluation ends, f says how)
 */
MUST_USE int spf_match(struct spf_run *, struct span domain, const struct spf_term *,
    bool *is_match, struct spf_found *f);
/* spf_redirect - to the record of another domain.  E_OK, E_MORE */
MUST_USE int spf_redirect(
    struct spf_run *, struct span domain, struct span to, struct spf_found *f);
/*
 * spf_name - what a domain-spec in the record of domain names; an empty one is domain itself.
 *   E_OK, E_MORE (for %{p}), E_LIMIT (too long); out: the run's
 */
MUST_USE int spf_name(
    struct spf_run *, struct span domain, struct span domain_spec, struct span *out);
/* spf_validated - sets values.validated for %{p} in the record of domain (7.3).  E_OK, E_MORE */
MUST_USE int spf_validated(struct spf_run *, struct span domain);

#endif
