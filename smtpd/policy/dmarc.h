/* SPDX-License-Identifier: ISC */
/*
 * dmarc.h - what the domain in From says of mail that nobody vouches for, RFC 7489; np= of RFC 9091.
 * Pure, over struct lookups.
 *   dmarc_record.c  the record       dmarc_from.c  domains of From       dmarc.c  found, and judged
 */
#ifndef SMTPD_POLICY_DMARC_H
#define SMTPD_POLICY_DMARC_H

#include "net/lookups.h"

struct authres;

enum {
	DMARC_DOMAINS_MAX =
	    8, /* different ones in From; more are refused (permerror) */
	DMARC_PROOFS_MAX = 64,     /* more of one message are passed over */
	DMARC_FROM_MAX = 64 << 10, /* octets of a From field; a longer one is refused */
};

/* ---- the record, 6.3 ---- */

enum dmarc_policy {
	DMARC_P_NONE,
	DMARC_P_QUARANTINE,
	DMARC_P_REJECT
}; /* milder first */

struct dmarc_record {
	enum dmarc_policy p, sp, np; /* sp: p where not given; np: sp where not given */
	bool has_np;
	bool is_strict_dkim, is_strict_spf; /* adkim=s, aspf=s */
	unsigned percent;                   /* pct */
};

/*
 * dmarc_record_parse - one TXT record.  Unknown tags are passed over, wrong values of others are as
 *   if not given; of a tag that stands twice the first counts.
 *   returns  E_OK; E_MORE (of another version, or nothing of DMARC); E_BAD (neither a policy nor an
 *            address of reports, 6.6.3 step 6)
 */
MUST_USE int dmarc_record_parse(struct span txt, struct dmarc_record *out);

/* ---- who says to have written it, 6.6.1 ---- */

struct dmarc_from {
	/* arena: A-labels in lower case, each once.  Of all addresses of all From fields */
	struct span domains[DMARC_DOMAINS_MAX];
	size_t n;
	unsigned fields; /* From fields; 1 is right (RFC 5322 3.6) */
	const char *
	    fault; /* NULL; or why domains is not all, or nothing: result is permerror */
};

/*
 * dmarc_from_find - message: its head, or all of it.  Where an address could be read in two ways, the
 *   domains of both are taken
 */
void dmarc_from_find(struct span message, struct arena *, struct dmarc_from *out);

/* ---- the verdict ---- */

/* What vouches for a domain: only what passed, or may pass later. */
struct dmarc_proof {
	bool
	    is_spf; /* SPF of MAIL FROM's domain, of EHLO's for "<>"; else: d= of DKIM */
	bool is_temp;       /* could not be told now (temperror) */
	struct span domain; /* borrow */
};

enum dmarc_result {
	DMARC_NONE, /* there is no policy */
	DMARC_PASS,
	DMARC_FAIL,
	DMARC_TEMPERROR, /* the DNS did not answer; or it fails now, and a proof is_temp */
	DMARC_PERMERROR, /* From names no domain, or too many */
};

struct dmarc {
	enum dmarc_result result;
	enum dmarc_policy
	    policy; /* what the domain published for this mail (p, sp or np) */
	enum dmarc_policy
	    disposition; /* what it asks to be done: pct in it; only of DMARC_FAIL */
	struct span
	    domain; /* of From: the one that decided; borrow: dmarc_from.  Or "" */
	struct span organisation;             /* of it; borrow */
	bool is_spf_aligned, is_dkim_aligned; /* which proof it was */
	bool is_sampled_out;                  /* pct made the disposition milder */
	const char *why;                      /* NULL; a few words, static */
};

/*
 * dmarc_check - at the end of DATA.  To have its questions asked with those of DKIM it may be called
 *   without proofs before they are known: its E_OK is meaningless then.
 *   dice     0 to 99, by chance: the message is subject to pct (6.6.4) when it is less
 *   returns  E_OK, E_MORE (lookups_ask, then again)
 */
MUST_USE int dmarc_check(struct lookups *, const struct dmarc_from *,
    const struct dmarc_proof *, size_t n, unsigned dice, struct dmarc *out);

const char *dmarc_result_name(enum dmarc_result); /* of RFC 7489 11.2: "pass" */
const char *dmarc_policy_name(enum dmarc_policy); /* "none", "quarantine", "reject" */
/* dmarc_say - "dmarc=fail (p=reject dis=reject) header.from=example.com policy.dmarc=reject" */
void dmarc_say(const struct dmarc *, struct authres *);

#endif
