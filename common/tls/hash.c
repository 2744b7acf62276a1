/* SPDX-License-Identifier: ISC */
/* hash.c - digests and MACs over GnuTLS. */
#include "tls/hash.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

static const struct {
	gnutls_digest_algorithm_t digest;
	gnutls_mac_algorithm_t mac;
	size_t bytes;
} kinds[] = {
    [HASH_SHA1] = {GNUTLS_DIG_SHA1, GNUTLS_MAC_SHA1, SHA1_BYTES},
    [HASH_SHA256] = {GNUTLS_DIG_SHA256, GNUTLS_MAC_SHA256, SHA256_BYTES},
};

struct hash {
	gnutls_hash_hd_t handle;
};

struct mac {
	gnutls_hmac_hd_t handle;
};

static void
must(int err)
{
	if (err < 0)
		bug(gnutls_strerror(err));
}

size_t
hash_bytes(enum hash_kind kind)
{
	return kinds[kind].bytes;
}

void
hash_of(enum hash_kind kind, struct span in, unsigned char *out)
{
	must(gnutls_hash_fast(kinds[kind].digest, in.p, in.n, out));
}

void
sha256(struct span in, unsigned char out[SHA256_BYTES])
{
	hash_of(HASH_SHA256, in, out);
}

void
hmac_of(enum hash_kind kind, struct span key, struct span in, unsigned char *out)
{
	must(gnutls_hmac_fast(kinds[kind].mac, key.p, key.n, in.p, in.n, out));
}

void
hmac_sha256(struct span key, struct span data, unsigned char out[SHA256_BYTES])
{
	hmac_of(HASH_SHA256, key, data, out);
}

static gnutls_datum_t
datum(struct span s)
{
	return (gnutls_datum_t){(unsigned char *)(uintptr_t)s.p, (unsigned)s.n};
}

void
pbkdf2(enum hash_kind kind, struct span password, struct span salt, uint32_t iterations,
    unsigned char *out)
{
	gnutls_datum_t p = datum(password), s = datum(salt);
	must(
	    gnutls_pbkdf2(kinds[kind].mac, &p, &s, iterations, out, kinds[kind].bytes));
}

int
text_opaque(struct span in, struct buf *out)
{
	gnutls_datum_t text;
	int err = gnutls_utf8_password_normalize(
	    (const unsigned char *)in.p, (unsigned)in.n, &text, 0);
	if (err < 0)
		return E_BAD;
	buf_put(out, text.data, text.size);
	mem_wipe(text.data, text.size);
	gnutls_free(text.data);
	return buf_done(out);
}

struct hash *
hash_new(void)
{
	struct hash *h = mem_new(sizeof *h);
	must(gnutls_hash_init(&h->handle, GNUTLS_DIG_SHA256));
	return h;
}

void
hash_add(struct hash *h, struct span in)
{
	if (in.n)
		must(gnutls_hash(h->handle, in.p, in.n));
}

void
hash_out(struct hash *h, unsigned char out[SHA256_BYTES])
{
	gnutls_hash_output(h->handle, out);
}

void
hash_reset(struct hash *h)
{
	unsigned char unused[SHA256_BYTES];
	gnutls_hash_output(h->handle, unused);
}

void
hash_end(struct hash **hp, unsigned char out[SHA256_BYTES])
{
	if (!*hp)
		return;
	gnutls_hash_deinit((*hp)->handle, out);
	mem_free(hp);
}

struct mac *
mac_new(const void *key, size_t n)
{
	struct mac *m = mem_new(sizeof *m);
	if (n != MAC_KEY_BYTES)
		bug("length of a MAC key");
	must(gnutls_hmac_init(&m->handle, GNUTLS_MAC_UMAC_128, key, n));
	return m;
}

void
mac_free(struct mac **mp)
{
	if (!*mp)
		return;
	gnutls_hmac_deinit((*mp)->handle, NULL);
	mem_free(mp);
}

/*
 * One nonce for all: two tags would give a key away to those who see them, and nobody does
 * (hash.h).
 */
void
mac_iov(struct mac *m, const struct span *parts, size_t n, unsigned char out[MAC_BYTES])
{
	static const unsigned char nonce[MAC_BYTES];
	gnutls_hmac_set_nonce(m->handle, nonce, sizeof nonce);
	for (size_t i = 0; i < n; i++)
		if (parts[i].n)
			must(gnutls_hmac(m->handle, parts[i].p, parts[i].n));
	gnutls_hmac_output(m->handle, out);
}
