/* SPDX-License-Identifier: ISC */
/*
 * canon.h - what of a message is hashed, RFC 6376 3.4 and 3.7: canonical forms of fields and bodies,
 * and the hash over the fields of a list.  DKIM and ARC; pure.  Lines end in CRLF; a CR or LF alone
 * is an octet like others.
 */
#ifndef DKIM_CANON_H
#define DKIM_CANON_H

#include "base/buf.h"
#include "mime/header.h"
#include "tls/hash.h"

enum canon { CANON_SIMPLE, CANON_RELAXED };

enum {
	CANON_FIELDS_MAX = 2000, /* of a head; one that has more is not verified */
	CANON_NAMES_MAX = 200,   /* of a list of signed fields */
};

#define CANON_NO_LIMIT UINT64_MAX

/* ---- the body ---- */
/* canon_put - takes a piece of canonical text, which is gone after it */
typedef void canon_put(void *ctx, struct span piece);
/*
 * canon_body - the first limit octets of the canonical body, piece by piece (put may be NULL).
 *   returns  octets of all of it, without the limit
 */
uint64_t canon_body(
    enum canon, struct span body, uint64_t limit, canon_put *put, void *ctx);
/* canon_body_hash - its SHA-256; returns as canon_body */
uint64_t canon_body_hash(
    enum canon, struct span body, uint64_t limit, unsigned char out[SHA256_BYTES]);

/* ---- fields ---- */
/* canon_field - a field with its CRLF; whole: as in struct header_field */
void canon_field(enum canon, struct span whole, struct buf *out);
/*
 * canon_unsigned - a signature's own field: its value of b= out, and without the CRLF at the end.
 *   b   within whole: the value of b= with all blanks around it (struct tag: raw)
 */
void canon_unsigned(enum canon, struct span whole, struct span b, struct buf *out);

/* The fields of a head, as they stand from its top. */
struct canon_fields {
	struct header_field *all; /* own */
	size_t n;
	bool is_cut; /* there are more */
};

/* borrows head (or a whole message) */
void canon_fields_init(struct canon_fields *, struct span head);
void canon_fields_done(struct canon_fields *); /* also of {0} */
/*
 * canon_fields_put - the fields of a list with colons (h=), each name from the bottom up; a name
 *   that has no field left is nothing (5.4.2).
 *   except   a field that is never taken: the signature itself (its whole); may be empty
 *   returns  E_OK, E_LIMIT (past CANON_NAMES_MAX)
 */
MUST_USE int canon_fields_put(const struct canon_fields *, enum canon,
    struct span names, struct span except, struct buf *out);
/*
 * canon_head_hash - step 2 of 3.7: the fields of the list, then the signature's own, without b.
 *   E_OK, E_LIMIT
 */
MUST_USE int canon_head_hash(const struct canon_fields *, enum canon, struct span names,
    struct span whole, struct span b, unsigned char out[SHA256_BYTES]);

#endif
