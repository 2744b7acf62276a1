/* SPDX-License-Identifier: ISC */
/* sign_run.h - what DKIM's and ARC's signing share; nobody outside this folder includes it. */
#ifndef DKIM_SIGN_RUN_H
#define DKIM_SIGN_RUN_H

#include "dkim/canon.h"
#include "dkim/sign.h"
#include "tls/dkim_key.h"

/* A key that signs. */
struct sign_key {
	enum dkim_key_kind kind;
	char selector[DKIM_SELECTOR_MAX];
	size_t selector_bytes;
};

struct sign_keys {
	struct sign_key all[DKIM_KEY_KINDS];
	size_t n;
};

/* ---- signer.c: the role ---- */

struct span sign_selector(const struct sign_key *); /* borrow: the key */
/* sign_keys_ask - those of a domain.  E_OK, E_DENY (there is none), E_IO */
MUST_USE int sign_keys_ask(
    struct dkim_signer *, struct span domain, struct sign_keys *out);
/* sign_ask - a signature of a digest.  E_OK, E_DENY (the key was replaced meanwhile), E_IO */
MUST_USE int sign_ask(struct dkim_signer *, const struct sign_key *, struct span domain,
    const unsigned char digest[SHA256_BYTES], struct buf *out);

/* ---- sign.c: a field ---- */

size_t sign_count(const struct canon_fields *, const char *name);
/*
 * sign_names_put - the value of h=, folded: what is signed of these fields.
 *   E_OK, E_LIMIT (more names than a verifier of our kind takes)
 */
MUST_USE int sign_names_put(struct buf *out, const struct canon_fields *, bool is_arc);
/* sign_names - that value as a verifier will read it: out of the field itself; borrow */
struct span sign_names(struct span field);
void sign_folded_put(struct buf *out, struct span text);
/* sign_domain_put - in A-labels and lower case.  E_OK, E_BAD */
MUST_USE int sign_domain_put(struct span domain, struct buf *out);

#endif
