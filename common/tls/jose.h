/* SPDX-License-Identifier: ISC */
/*
 * jose.h - public keys as JSON Web Keys hold them, and signatures made with their private halves
 * (RFC 7518 3, RFC 8037 3.1); pure.  GnuTLS below.
 */
#ifndef TLS_JOSE_H
#define TLS_JOSE_H

#include "base/buf.h"

enum jose_alg {
	JOSE_RS256, /* RSASSA-PKCS1-v1_5 with SHA-256 */
	JOSE_ES256, /* ECDSA over P-256 with SHA-256 */
	JOSE_EDDSA, /* Ed25519 */
	JOSE_ALGS
};

enum {
	JOSE_RSA_LEAST = 2048, /* bits, RFC 7518 3.3 */
	JOSE_RSA_MOST = 8192,  /* bits; what costs more to verify is refused */
	JOSE_COORDINATE_BYTES = 32,
	JOSE_SIGNATURE_BYTES = 64, /* of ES256 and Ed25519 */
};

struct jose_key;

/*
 * jose_key_new - a key from its numbers, big-endian: modulus and exponent; x and y of a point; x
 * alone.  own.  E_OK, E_BAD (no such key, or too short or long)
 */
MUST_USE int jose_key_new(
    enum jose_alg, struct span a, struct span b, struct jose_key **out);
void jose_key_free(struct jose_key **);
enum jose_alg jose_key_alg(const struct jose_key *);
/* jose_verify - is this the key's signature of the data?  E_OK, E_DENY */
MUST_USE int jose_verify(
    const struct jose_key *, struct span data, struct span signature);

#endif
