/* SPDX-License-Identifier: ISC */
/* spf_record.h - SPF records, RFC 7208 4.5, 4.6.1, 5, 6, 12: terms one after another; pure. */
#ifndef SMTPD_POLICY_SPF_RECORD_H
#define SMTPD_POLICY_SPF_RECORD_H

#include "base/buf.h"

enum spf_kind {
	/* mechanisms, 5 */
	SPF_ALL,
	SPF_INCLUDE,
	SPF_A,
	SPF_MX,
	SPF_PTR,
	SPF_IP4,
	SPF_IP6,
	SPF_EXISTS,
	/* modifiers, 6 */
	SPF_REDIRECT,
	SPF_EXP,
	SPF_OTHER, /* an unknown modifier, which is passed over */
};

struct spf_term {
	enum spf_kind kind;
	char qualifier;            /* '+', '-', '~', '?' of a mechanism */
	uint8_t bits4, bits6;      /* of the network; 32 and 128 where none are given */
	unsigned char address[16]; /* ip4 (4 bytes), ip6 */
	struct span
	    domain; /* borrow: the domain-spec, its macros not expanded; may be empty */
	struct span text; /* borrow: the term as it stands there */
};

/* A record whose grammar was found right, from its first to its last term. */
struct spf_record {
	struct span terms;         /* borrow: all behind the version */
	struct span redirect, exp; /* borrow: their domain-specs, or empty */
};

const char *spf_kind_name(enum spf_kind); /* "include", "redirect"; "" of SPF_OTHER */
bool spf_is_record(struct span txt);      /* it begins with the version, 4.5 */
/* spf_term_next - one term.  E_OK (in is behind it), E_MORE (none is left), E_BAD */
MUST_USE int spf_term_next(struct span *in, struct spf_term *out);
/* spf_record_parse - of a TXT record that spf_is_record chose.  E_OK, E_BAD (a permerror) */
MUST_USE int spf_record_parse(struct span txt, struct spf_record *out);

#endif
