/* SPDX-License-Identifier: ISC */
/* pubkey.c - signatures of mail over GnuTLS. */
#include "tls/pubkey.h"

#include <gnutls/abstract.h>

static gnutls_datum_t
datum(struct span s)
{
	return (gnutls_datum_t){(unsigned char *)(uintptr_t)s.p, (unsigned)s.n};
}

static int
rsa_import(gnutls_pubkey_t key, struct span der)
{
	gnutls_datum_t in = datum(der);
	if (gnutls_pubkey_import(key, &in, GNUTLS_X509_FMT_DER) < 0 ||
	    gnutls_pubkey_get_pk_algorithm(key, NULL) != GNUTLS_PK_RSA)
		return E_BAD;
	return E_OK;
}

static int
ed25519_import(gnutls_pubkey_t key, struct span raw)
{
	gnutls_datum_t x = datum(raw);
	if (raw.n != PUBKEY_ED25519_BYTES)
		return E_BAD;
	return gnutls_pubkey_import_ecc_raw(key, GNUTLS_ECC_CURVE_ED25519, &x, NULL) < 0
	           ? E_BAD
	           : E_OK;
}

static int
rsa_verify(
    gnutls_pubkey_t key, struct span digest, struct span signature, unsigned bits)
{
	gnutls_datum_t d = datum(digest), s = datum(signature);
	if (bits < PUBKEY_RSA_LEAST || bits > PUBKEY_RSA_MOST)
		return E_LIMIT;
	return gnutls_pubkey_verify_hash2(key, GNUTLS_SIGN_RSA_SHA256, 0, &d, &s) < 0
	           ? E_DENY
	           : E_OK;
}

static int
ed25519_verify(gnutls_pubkey_t key, struct span digest, struct span signature)
{
	gnutls_datum_t d = datum(digest), s = datum(signature);
	if (signature.n != PUBKEY_ED25519_SIGNATURE_BYTES)
		return E_DENY;
	return gnutls_pubkey_verify_data2(key, GNUTLS_SIGN_EDDSA_ED25519, 0, &d, &s) < 0
	           ? E_DENY
	           : E_OK;
}

/* ---- keys that were read a moment ago: reading one costs as much as a signature (30 us) ---- */

enum { KEPT_KEYS = 16 };

struct kept {
	enum pubkey_kind kind;
	struct buf bytes;    /* own; empty: none is here */
	gnutls_pubkey_t key; /* own */
};

static struct kept *
kept_place(struct span in)
{
	static struct kept all[KEPT_KEYS];
	uint32_t h = 2166136261u;
	for (size_t i = 0; i < in.n; i++)
		h = (h ^ (unsigned char)in.p[i]) * 16777619u;
	return &all[h % KEPT_KEYS];
}

static void
forget(struct kept *k)
{
	if (k->bytes.len)
		gnutls_pubkey_deinit(k->key);
	buf_reset(&k->bytes);
}

/* borrow: until the next call.  E_OK, E_BAD */
static int
key_of(enum pubkey_kind kind, struct span in, gnutls_pubkey_t *out)
{
	struct kept *k = kept_place(in);
	if (!k->bytes.len || k->kind != kind || !span_eq(buf_as_span(&k->bytes), in)) {
		forget(k);
		if (gnutls_pubkey_init(&k->key) < 0)
			bug("gnutls_pubkey_init");
		int err = kind == PUBKEY_RSA ? rsa_import(k->key, in)
		                             : ed25519_import(k->key, in);
		if (err != E_OK) {
			gnutls_pubkey_deinit(k->key);
			return err;
		}
		k->kind = kind;
		buf_span(&k->bytes, in);
	}
	*out = k->key;
	return E_OK;
}

int
pubkey_verify(enum pubkey_kind kind, struct span in, struct span digest,
    struct span signature, unsigned *bits)
{
	gnutls_pubkey_t key;
	*bits = 0;
	if (in.n == 0 || in.n > PUBKEY_BYTES_MAX)
		return E_BAD;
	int err = key_of(kind, in, &key);
	if (err != E_OK)
		return err;
	(void)gnutls_pubkey_get_pk_algorithm(key, bits);
	return kind == PUBKEY_RSA ? rsa_verify(key, digest, signature, *bits)
	                          : ed25519_verify(key, digest, signature);
}
