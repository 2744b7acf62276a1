/* SPDX-License-Identifier: ISC */
/*
 * scram.h - verifiers of passwords, RFC 5802 and RFC 7677: what is stored instead of a password.
 * Text form (RFC 5803): "SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey", values in base64.
 * A password is prepared by RFC 8265 OpaqueString (NFC; for ASCII the same as SASLprep): control
 * characters, bad UTF-8 and an empty password are refused.
 */
#ifndef AUTH_SCRAM_H
#define AUTH_SCRAM_H

#include "base/buf.h"
#include "tls/hash.h"

enum {
	SCRAM_SALT_BYTES = 16,
	SCRAM_SALT_MAX = 64,
	SCRAM_VERIFIER_MAX = 320,
	SCRAM_ITERATIONS_LEAST = 4096, /* RFC 7677 4 */
	SCRAM_ITERATIONS_MOST = 1000000,
	SCRAM_PASSWORD_MAX = 1024, /* octets */
};

/* What its text form says. */
struct scram_verifier {
	enum hash_kind kind;
	uint32_t iterations;
	unsigned char salt[SCRAM_SALT_MAX];
	size_t salt_bytes;
	unsigned char stored_key[HASH_BYTES_MAX];
	unsigned char server_key[HASH_BYTES_MAX];
};

/* scram_kind_of - "SCRAM-SHA-256" or "SCRAM-SHA-1", in any case.  E_OK, E_BAD */
MUST_USE int scram_kind_of(struct span mech, enum hash_kind *out);
const char *scram_mech_of(enum hash_kind);
/* scram_password_prepare - E_OK, E_BAD, E_LIMIT (too long).  out holds a secret: buf_wipe */
MUST_USE int scram_password_prepare(struct span password, struct buf *out);
/*
 * scram_verifier_make - with a random salt; takes about iterations / 8000 ms.
 *   mech     "SCRAM-SHA-256" or "SCRAM-SHA-1"
 *   out      the text is added
 *   returns  E_OK, E_BAD (mechanism or password), E_LIMIT (password or iterations)
 */
MUST_USE int scram_verifier_make(
    struct span mech, struct span password, uint32_t iterations, struct buf *out);
/* scram_verifier_make_salted - the same with a given salt: for tests and made-up verifiers */
MUST_USE int scram_verifier_make_salted(struct span mech, struct span password,
    uint32_t iterations, struct span salt, struct buf *out);
/*
 * scram_verifier_derive - the keys of a password, where kind, salt and iterations are set.  E_OK,
 * E_BAD, E_LIMIT (the password)
 */
MUST_USE int scram_verifier_derive(struct span password, struct scram_verifier *);
void scram_verifier_put(const struct scram_verifier *, struct buf *out);
/* scram_verifier_parse - E_OK, E_BAD */
MUST_USE int scram_verifier_parse(struct span text, struct scram_verifier *out);

#endif
