/* SPDX-License-Identifier: ISC */
/* tls_sealer.c - records of TLS 1.3, made and opened one at a time. */
#include "tests/unit/tls_sealer.h"

#include <string.h>

static const struct {
	gnutls_cipher_algorithm_t cipher;
	gnutls_mac_algorithm_t mac;
	unsigned key_bytes, secret_bytes;
} suites[SEALER_SUITES] = {
    {GNUTLS_CIPHER_AES_128_GCM, GNUTLS_MAC_SHA256, 16, 32},
    {GNUTLS_CIPHER_AES_256_GCM, GNUTLS_MAC_SHA384, 32, 48},
    {GNUTLS_CIPHER_CHACHA20_POLY1305, GNUTLS_MAC_SHA256, 32, 32},
};

size_t
sealer_secret_bytes(unsigned suite)
{
	return suites[suite].secret_bytes;
}

/* RFC 5869 2.3, of which 7.1 of RFC 8446 needs one block at most. */
static void
expand(const struct sealer *s, const char *label, void *out, size_t n)
{
	unsigned char info[64] = {0, (unsigned char)n,
	    (unsigned char)(6 + strlen(label)), 't', 'l', 's', '1', '3', ' '},
		      block[SEALER_SECRET_MAX];
	size_t at = 9;
	memcpy(info + at, label, strlen(label));
	at += strlen(label);
	info[at++] = 0; /* no context */
	info[at++] = 1; /* the first block */
	if (gnutls_hmac_fast(suites[s->suite].mac, s->secret,
		suites[s->suite].secret_bytes, info, at, block) < 0 ||
	    n > suites[s->suite].secret_bytes)
		bug("sealer: HMAC");
	memcpy(out, block, n);
}

static void
take_keys(struct sealer *s)
{
	expand(s, "key", s->key, suites[s->suite].key_bytes);
	expand(s, "iv", s->iv, sizeof s->iv);
}

void
sealer_init(struct sealer *s, unsigned suite, unsigned char fill, uint64_t seq)
{
	*s = (struct sealer){.suite = suite, .seq = seq};
	memset(s->secret, fill, sizeof s->secret);
	take_keys(s);
}

void
sealer_init_as(
    struct sealer *s, unsigned suite, const unsigned char *secret, uint64_t seq)
{
	*s = (struct sealer){.suite = suite, .seq = seq};
	memcpy(s->secret, secret, suites[suite].secret_bytes);
	take_keys(s);
}

void
sealer_next(struct sealer *s)
{
	unsigned char next[SEALER_SECRET_MAX];
	expand(s, "traffic upd", next, suites[s->suite].secret_bytes);
	memcpy(s->secret, next, suites[s->suite].secret_bytes);
	s->seq = 0;
	take_keys(s);
}

static void
begin(struct sealer *s, gnutls_aead_cipher_hd_t *aead, unsigned char nonce[12])
{
	gnutls_datum_t key = {s->key, suites[s->suite].key_bytes};
	if (gnutls_aead_cipher_init(aead, suites[s->suite].cipher, &key) < 0)
		bug("sealer: AEAD");
	memcpy(nonce, s->iv, 12);
	for (unsigned i = 4; i < 12; i++)
		nonce[i] ^= (unsigned char)(s->seq >> (8 * (11 - i)));
}

void
sealer_raw(struct sealer *s, struct span inner, struct buf *out)
{
	gnutls_aead_cipher_hd_t aead;
	unsigned char nonce[12];
	size_t n = inner.n + SEALER_TAG;
	unsigned char head[SEALER_HEAD] = {
	    23, 3, 3, (unsigned char)(n >> 8), (unsigned char)n};
	begin(s, &aead, nonce);
	buf_put(out, head, sizeof head);
	char *room = buf_room(out, n);
	if (!room ||
	    gnutls_aead_cipher_encrypt(aead, nonce, sizeof nonce, head, sizeof head,
		SEALER_TAG, inner.p, inner.n, room, &n) < 0 ||
	    n != inner.n + SEALER_TAG)
		bug("sealer: encryption");
	buf_added(out, n);
	gnutls_aead_cipher_deinit(aead);
	s->seq++;
}

void
sealer_seal(
    struct sealer *s, unsigned type, struct span content, size_t pad, struct buf *out)
{
	struct buf inner = {0};
	buf_span(&inner, content);
	buf_u8(&inner, (uint8_t)type);
	for (size_t i = 0; i < pad; i++)
		buf_u8(&inner, 0);
	sealer_raw(s, buf_as_span(&inner), out);
	buf_free(&inner);
}

int
sealer_open(struct sealer *s, struct buf *in, struct span *content)
{
	static unsigned char plain[1 << 16];
	const unsigned char *p = (const unsigned char *)in->p;
	gnutls_aead_cipher_hd_t aead;
	unsigned char nonce[12];
	size_t body = in->len < SEALER_HEAD ? 0 : ((size_t)p[3] << 8 | p[4]);
	size_t n = sizeof plain;
	if (in->len < SEALER_HEAD || in->len < SEALER_HEAD + body)
		return -1;
	begin(s, &aead, nonce);
	int err = p[0] == 23 && p[1] == 3 && p[2] == 3
	              ? gnutls_aead_cipher_decrypt(aead, nonce, sizeof nonce, p,
			    SEALER_HEAD, SEALER_TAG, p + SEALER_HEAD, body, plain, &n)
	              : -1;
	gnutls_aead_cipher_deinit(aead);
	if (err < 0)
		return 0;
	s->seq++;
	buf_drop(in, SEALER_HEAD + body);
	while (n && plain[n - 1] == 0)
		n--;
	if (n == 0)
		return 0;
	*content = span_make(plain, n - 1);
	return plain[n - 1];
}

static void
put_half(const struct sealer *s, struct buf *out)
{
	buf_put(out, s->secret, suites[s->suite].secret_bytes);
	buf_u64(out, s->seq);
}

void
sealer_state(
    const struct sealer *r, const struct sealer *w, struct span words, struct buf *out)
{
	buf_u8(out, (uint8_t)r->suite);
	put_half(r, out);
	put_half(w, out);
	buf_bytes(out, words);
}
