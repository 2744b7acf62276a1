/* SPDX-License-Identifier: ISC */
/* jose.c - keys and signatures of tokens over GnuTLS. */
#include "tls/jose.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>

struct jose_key {
	enum jose_alg alg;
	gnutls_pubkey_t key; /* own */
};

static gnutls_datum_t
datum(struct span s)
{
	return (gnutls_datum_t){(unsigned char *)(uintptr_t)s.p, (unsigned)s.n};
}

static int
import(gnutls_pubkey_t key, enum jose_alg alg, struct span a, struct span b)
{
	gnutls_datum_t first = datum(a), second = datum(b);
	switch (alg) {
	case JOSE_RS256:
		return a.n > JOSE_RSA_MOST / 8 + 1 || b.n > 8 || a.n == 0 || b.n == 0
		           ? -1
		           : gnutls_pubkey_import_rsa_raw(key, &first, &second);
	case JOSE_ES256:
		return a.n != JOSE_COORDINATE_BYTES || b.n != JOSE_COORDINATE_BYTES
		           ? -1
		           : gnutls_pubkey_import_ecc_raw(
				 key, GNUTLS_ECC_CURVE_SECP256R1, &first, &second);
	case JOSE_EDDSA:
		return a.n != JOSE_COORDINATE_BYTES
		           ? -1
		           : gnutls_pubkey_import_ecc_raw(
				 key, GNUTLS_ECC_CURVE_ED25519, &first, NULL);
	case JOSE_ALGS:
		break;
	}
	return -1;
}

int
jose_key_new(enum jose_alg alg, struct span a, struct span b, struct jose_key **out)
{
	struct jose_key *k = mem_new(sizeof *k);
	unsigned bits = 0;
	k->alg = alg;
	if (gnutls_pubkey_init(&k->key) < 0)
		bug("gnutls_pubkey_init");
	int err = import(k->key, alg, a, b) < 0 ? E_BAD : E_OK;
	if (err == E_OK && alg == JOSE_RS256 &&
	    (gnutls_pubkey_get_pk_algorithm(k->key, &bits) < 0 ||
		bits < JOSE_RSA_LEAST || bits > JOSE_RSA_MOST))
		err = E_BAD;
	if (err != E_OK)
		jose_key_free(&k);
	*out = k;
	return err;
}

void
jose_key_free(struct jose_key **kp)
{
	if (*kp)
		gnutls_pubkey_deinit((*kp)->key);
	mem_free(kp);
}

enum jose_alg
jose_key_alg(const struct jose_key *k)
{
	return k->alg;
}

/* R and S side by side (RFC 7518 3.4), where GnuTLS wants them in DER. */
static int
verify_ecdsa(
    const struct jose_key *k, const gnutls_datum_t *data, struct span signature)
{
	gnutls_datum_t r = datum(span_head(signature, JOSE_COORDINATE_BYTES)),
		       s = datum(span_from(signature, JOSE_COORDINATE_BYTES)), der;
	if (signature.n != JOSE_SIGNATURE_BYTES ||
	    gnutls_encode_rs_value(&der, &r, &s) < 0)
		return -1;
	int err =
	    gnutls_pubkey_verify_data2(k->key, GNUTLS_SIGN_ECDSA_SHA256, 0, data, &der);
	gnutls_free(der.data);
	return err;
}

int
jose_verify(const struct jose_key *k, struct span text, struct span signature)
{
	gnutls_datum_t data = datum(text), given = datum(signature);
	int err = -1;
	if (k->alg == JOSE_RS256)
		err = gnutls_pubkey_verify_data2(
		    k->key, GNUTLS_SIGN_RSA_SHA256, 0, &data, &given);
	else if (k->alg == JOSE_ES256)
		err = verify_ecdsa(k, &data, signature);
	else if (signature.n == JOSE_SIGNATURE_BYTES)
		err = gnutls_pubkey_verify_data2(
		    k->key, GNUTLS_SIGN_EDDSA_ED25519, 0, &data, &given);
	return err < 0 ? E_DENY : E_OK;
}
