/* SPDX-License-Identifier: ISC */
/* spf_macro.h - strings with macros in SPF records, RFC 7208 7: their grammar, and what they become; pure. */
#ifndef SMTPD_POLICY_SPF_MACRO_H
#define SMTPD_POLICY_SPF_MACRO_H

#include "smtpd/policy/ip.h"

enum {
	/* octets of what a string becomes, before a name is cut to DNS_NAME_MAX */
	SPF_EXPANDED_MAX = 4096,
	SPF_KEEP_MAX = 128, /* parts that a macro may keep (7.3: at least 127) */
};

/* Which string: what may stand in it. */
enum spf_string {
	SPF_IN_RECORD, /* a domain-spec, or the value of an unknown modifier */
	SPF_IN_TEXT,   /* an explain-string: blanks, and the letters c, r and t, too */
};

/* A piece of a string. */
struct spf_macro {
	char letter; /* lower case; 0: it is literal */
	bool is_url; /* it was upper case: escaped as in a URL */
	bool is_reversed;
	unsigned keep; /* parts from the right; 0: all */
	struct span
	    text; /* borrow: the literal text; of a macro its delimiters, at least "." */
};

/* spf_macro_next - the next piece.  E_OK (in is behind it), E_MORE (none is left), E_BAD */
MUST_USE int spf_macro_next(struct span *in, enum spf_string, struct spf_macro *out);
/* spf_string_ok - all of it is pieces; has_p (may be NULL): one of them is %{p} */
bool spf_string_ok(struct span, enum spf_string, bool *has_p);
/* spf_domain_spec_ok - the same, and it ends in a macro or a label that a top level may have */
bool spf_domain_spec_ok(struct span);

/* What macros stand for. */
struct spf_values {
	struct span sender, local, sender_domain; /* s, l, o */
	struct span domain;         /* d: the one whose record is evaluated */
	struct span helo, receiver; /* h, r */
	struct span validated;      /* p: a name, or "unknown" */
	const struct ip *client;    /* i, c, v; borrow */
	int64_t now_sec;            /* t */
};

/* spf_expand - a string that spf_string_ok approved.  E_OK, E_LIMIT (SPF_EXPANDED_MAX) */
MUST_USE int spf_expand(
    struct span, enum spf_string, const struct spf_values *, struct buf *out);
/*
 * spf_target_name - a domain-spec as a name for the DNS (dns_question_ok, where it can be one): cut
 *   from the left where it is too long (7.3), without its last dot, octets that no host name has as
 *   \DDD.  E_OK, E_LIMIT
 */
MUST_USE int spf_target_name(
    struct span domain_spec, const struct spf_values *, struct buf *out);

#endif
