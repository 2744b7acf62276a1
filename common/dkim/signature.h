/* SPDX-License-Identifier: ISC */
/*
 * signature.h - the fields DKIM-Signature (RFC 6376 3.5) and ARC-Message-Signature (RFC 8617 4.1.2),
 * read; pure.  Domains may be U-labels (RFC 8616 4).
 */
#ifndef DKIM_SIGNATURE_H
#define DKIM_SIGNATURE_H

#include "dkim/canon.h"
#include "dkim/tag.h"

enum {
	SIGNATURE_BYTES_MAX = 32 << 10, /* of a field that is read */
	SIGNATURE_INSTANCE_MAX = 50,    /* i= of ARC, RFC 8617 4.2.1 */
	SIGNATURE_DIGITS_MAX = 12,      /* of t= and x=, RFC 6376 3.5 */
};

enum signature_kind { SIGNATURE_DKIM, SIGNATURE_ARC };

enum dkim_algorithm {
	DKIM_RSA_SHA256,
	DKIM_ED25519_SHA256,
	DKIM_RSA_SHA1,          /* refused: RFC 8301 3.1 */
	DKIM_ALGORITHM_UNKNOWN, /* RFC 6376 3.3.4 */
};

/* All borrow the field.  Spans of tags that are not there are {NULL, 0}. */
struct signature {
	struct span whole; /* the field: name, colon, value, CRLF */
	struct span b;     /* b=, base64 with its blanks */
	struct span b_raw; /* all between "=" and ";": what is not hashed */
	struct span bh;    /* base64 with its blanks */
	enum dkim_algorithm algorithm;
	struct span algorithm_name; /* "rsa-sha256" */
	enum canon head, body;
	struct span domain, selector; /* d=, s=: as they stand */
	struct span identity;         /* i= of DKIM, dkim-quoted-printable */
	struct span names;            /* h= */
	uint64_t body_bytes;          /* l=; CANON_NO_LIMIT: all of it */
	int64_t signed_sec;           /* t=; -1: not said */
	int64_t expires_sec;          /* x=; -1: never */
	uint32_t instance;            /* i= of ARC; 0 in DKIM */
	const char *why; /* static: what is wrong with it, "" when nothing is */
};

/*
 * signature_parse - a field with all that its grammar wants; also that d= is i= or a parent of it,
 * that x= is past t=, that From is signed.  Algorithms, expiry and keys are not judged.
 *   returns  E_OK, E_BAD (syntax; why says it), E_DENY (well-formed, but From is not signed, or i=
 *            is outside d=), E_LIMIT (too long).  Unless E_OK the spans are those that were read.
 */
MUST_USE int signature_parse(
    const struct header_field *, enum signature_kind, struct signature *out);
/* signature_algorithm - of a=; also for ARC-Seal */
enum dkim_algorithm signature_algorithm(struct span name);
/* signature_is_domain - sub-domain *("." sub-domain), ASCII or U-labels; d=, s= */
bool signature_is_domain(struct span);
/* signature_identity_domain - of i=, or what stands in for it: d= */
struct span signature_identity_domain(const struct signature *);
/* signature_is_within - a domain is this one or below it; U-labels and A-labels are the same */
bool signature_is_within(struct span domain, struct span above);

#endif
