/* SPDX-License-Identifier: ISC */
/*
 * spf.h - whether a domain lets this client send in its name: RFC 7208, check_host() of 4 over
 * struct lookups.  Pure.
 *
 * Where the RFC leaves a choice: a term whose first question finds nothing is one void look-up of
 * the 2 of 4.6.4, whatever it asks beside; of the hosts of an "mx" one that matches counts more
 * than one that the DNS could not tell; a name that is no name for the DNS does not match (4.8).
 * What a later term will want is asked along with what an earlier one wants, within the limits.
 */
#ifndef SMTPD_POLICY_SPF_H
#define SMTPD_POLICY_SPF_H

#include "dkim/authres.h"
#include "net/lookups.h"
#include "smtpd/policy/ip.h"
#include "smtpd/policy/spf_record.h"

enum {
	SPF_TERMS_MAX = 10,        /* that ask the DNS; more: permerror (4.6.4) */
	SPF_VOID_MAX = 2,          /* of them that find nothing; more: permerror */
	SPF_MX_MAX = 10,           /* hosts of an "mx"; more: permerror */
	SPF_EXPLANATION_MAX = 400, /* octets; a longer one is left out */
};

enum spf_result { /* 2.6 */
	SPF_NONE,
	SPF_NEUTRAL,
	SPF_PASS,
	SPF_FAIL,
	SPF_SOFTFAIL,
	SPF_TEMPERROR,
	SPF_PERMERROR,
};

struct spf_query { /* borrow, all of it: during the call */
	const struct ip *client;
	struct span helo;
	/* reverse-path without <>; empty: postmaster at helo (2.4) */
	struct span sender;
	struct span receiver; /* our name, for %{r} */
	int64_t now_sec;      /* for %{t}; the same in every call for one message */
};

/* Spans are in the arena that spf_check got. */
struct spf {
	enum spf_result result;
	bool is_helo;       /* of the identity HELO: asked for, or the sender is null */
	struct span sender; /* that was checked: "postmaster@HELO" where it was made */
	struct span domain; /* of the identity */
	/*
	 * what decided: the term as it is written, "" for the default, and the domain in whose record
	 * it stands; behind an "include" these are the ones inside.  For greylisting: kind says how the
	 * client is authorised
	 */
	struct span term, by_domain;
	enum spf_kind kind;
	struct span explanation; /* of a fail, 6.2: one printable line, or empty */
	const char *why;         /* of an error: static; NULL of other results */
};

const char *spf_result_name(enum spf_result); /* "pass", as in Authentication-Results */
/*
 * spf_check - the identity MAIL FROM (2.4), or HELO (2.3).
 *   arena    what out borrows; what it cannot hold is empty
 *   returns  E_OK, E_MORE (ask, then call again)
 */
MUST_USE int spf_check(const struct spf_query *, bool is_helo, struct lookups *,
    struct arena *, struct spf *out);
/*
 * spf_say - spf=fail (-all of example.org) smtp.mailfrom=... or smtp.helo=..., RFC 8601 2.7.2: what
 * decided stands there unless it passed
 */
void spf_say(const struct spf *, struct authres *);

#endif
