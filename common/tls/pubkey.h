/* SPDX-License-Identifier: ISC */
/* pubkey.h - signatures of mail and the public keys that verify them; pure.  GnuTLS below. */
#ifndef TLS_PUBKEY_H
#define TLS_PUBKEY_H

#include "base/buf.h"

enum pubkey_kind {
	PUBKEY_RSA,     /* RSASSA-PKCS1-v1_5; the key a SubjectPublicKeyInfo in DER */
	PUBKEY_ED25519, /* PureEdDSA over the digest as message (RFC 8463 3); 32 octets */
};

enum {
	PUBKEY_BYTES_MAX = 4096,   /* of a key that is read */
	PUBKEY_RSA_LEAST = 1024,   /* bits, RFC 8301 3.2 */
	PUBKEY_RSA_MOST = 8192,    /* bits; what costs more to verify is refused */
	PUBKEY_ED25519_BYTES = 32, /* of a key */
	PUBKEY_ED25519_SIGNATURE_BYTES = 64,
};

/*
 * pubkey_verify - is this the key's signature of this SHA-256 digest?
 *   bits     how long the key is, as soon as it could be read; else 0
 *   returns  E_OK, E_DENY (it is not), E_BAD (no such key), E_LIMIT (a key shorter than
 *            PUBKEY_RSA_LEAST, or longer than PUBKEY_RSA_MOST)
 */
MUST_USE int pubkey_verify(enum pubkey_kind, struct span key, struct span digest,
    struct span signature, unsigned *bits);

#endif
