/* SPDX-License-Identifier: ISC */
/*
 * dane.h - whether the certificates of a server are those that the TLSA records of its name mean:
 * RFC 6698, RFC 7671, and what RFC 7672 makes of them for mail.  Pure; that the records came by
 * DNSSEC is the caller's to know.
 */
#ifndef TLS_DANE_H
#define TLS_DANE_H

#include "base/buf.h"

enum {
	DANE_CHAIN_MAX = 12, /* certificates of a server that are looked at */
	/* RFC 6698 2.1.1, with the names of RFC 7218: a certificate that issued the server's */
	TLSA_USAGE_TA = 2,
	TLSA_USAGE_EE = 3,    /* the server's own */
	TLSA_CERTIFICATE = 0, /* 2.1.2: selector: all of it */
	TLSA_KEY = 1,         /* its SubjectPublicKeyInfo */
	TLSA_FULL = 0,        /* 2.1.3: matching type: the bytes themselves */
	TLSA_SHA256 = 1,
	TLSA_SHA512 = 2,
};

struct tlsa {
	uint8_t usage, selector, matching;
	struct span data; /* borrow: certificate association data */
};

/* From the best on: of several ways to read the records the best counts. */
enum dane_verdict {
	DANE_MATCH,
	DANE_MISNAMED, /* a chain to a trust anchor of the records, for another name */
	/* the same, but one of its certificates is too old or too young */
	DANE_EXPIRED,
	/* the anchor is there, and did not issue what stands below it */
	DANE_UNTRUSTED,
	DANE_NO_MATCH,
	/* no record is of use: nothing is asked of the certificate (RFC 7672 2.2) */
	DANE_UNUSABLE,
};

/*
 * tlsa_is_usable - usages 2 and 3 alone (RFC 7672 3.1.3), selectors and matching types that we
 * know, data as long as its digest, or a certificate or key where it is the bytes themselves (RFC
 * 6698 2.1.4).
 */
bool tlsa_is_usable(const struct tlsa *);

/*
 * dane_check
 *   chain     what the server sent, in DER, its own certificate first; past DANE_CHAIN_MAX they are
 *             not looked at
 *   tlsa      all records, usable or not
 *   names     of which a certificate must have one (RFC 7672 3.2.2): A-labels; not asked of
 *             DANE-EE, whose dates do not count either (3.1.1)
 *   why       for people, unless it is DANE_MATCH; may be NULL
 */
enum dane_verdict dane_check(const struct span *chain, size_t n_chain,
    const struct tlsa *tlsa, size_t n_tlsa, const struct span *names, size_t n_names,
    struct buf *why);

#endif
