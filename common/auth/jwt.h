/* SPDX-License-Identifier: ISC */
/*
 * jwt.h - inside the role "auth": JSON Web Tokens (RFC 7519), signed (RFC 7515, compact), against a
 * set of public keys (RFC 7517 5).  jansson reads the JSON; it shows in jwt.c alone.  Pure, but for
 * what is said of a set of keys.
 */
#ifndef AUTH_JWT_H
#define AUTH_JWT_H

#include "base/buf.h"

struct jwt_keys;

enum {
	JWT_KEYS_MOST = 64,
	JWT_KEYS_BYTES_MAX = 256 << 10, /* of their file */
	JWT_TOKEN_MAX = 12288,          /* octets */
	JWT_KID_MAX = 256,
	JWT_LEEWAY_SEC = 60, /* by which clocks may differ */
};

/* What a token must say. */
struct jwt_rules {
	const char *issuer, *audience; /* borrow; of an introspection "": any */
	const char *scope;             /* borrow; "": any */
	const char *claim;             /* borrow: the one that holds the address */
	int64_t now_sec;
};

/*
 * jwt_keys_new - of a set of keys: those for signatures by RS256, ES256 or EdDSA (Ed25519); others are
 * passed over.  own.  E_OK, E_BAD (no JSON, no set, none that we can use, or too many)
 */
MUST_USE int jwt_keys_new(struct span json, struct jwt_keys **out);
void jwt_keys_free(struct jwt_keys **);
size_t jwt_keys_count(const struct jwt_keys *);
/*
 * jwt_check - signature, issuer, audience, time, scope; then the claim is added to out.
 *   why      what is wrong, static
 *   returns  E_OK, E_DENY
 */
MUST_USE int jwt_check(const struct jwt_keys *, const struct jwt_rules *,
    struct span token, struct buf *out, const char **why);

/* jwt_is_one - it begins as one; whatever it is worth */
bool jwt_is_one(struct span token);
/*
 * introspection_check - what the issuer says of a token (RFC 7662 2.2): active, and the rest as of a
 * token, where the issuer need not name itself.
 *   until_sec  when it ends; 0: not said
 */
MUST_USE int introspection_check(const struct jwt_rules *, struct span json,
    struct buf *out, int64_t *until_sec, const char **why);

#endif
