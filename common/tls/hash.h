/* SPDX-License-Identifier: ISC */
/*
 * hash.h - digests, HMAC, PBKDF2, and a fast keyed checksum.  GnuTLS below; nothing of it shows.
 * What returns nothing cannot fail but by our own mistake: a failure inside GnuTLS is a bug().
 */
#ifndef TLS_HASH_H
#define TLS_HASH_H

#include "base/buf.h"

enum hash_kind { HASH_SHA1, HASH_SHA256 };

enum {
	SHA1_BYTES = 20,
	SHA256_BYTES = 32,
	HASH_BYTES_MAX = SHA256_BYTES,
	MAC_KEY_BYTES = 16,
	MAC_BYTES = 16,
};

size_t hash_bytes(enum hash_kind); /* of its digest */

/* ---- in one go ---- */
void sha256(struct span, unsigned char out[SHA256_BYTES]);
void hash_of(
    enum hash_kind, struct span, unsigned char *out); /* hash_bytes(kind) bytes */
void hmac_of(enum hash_kind, struct span key, struct span, unsigned char *out);
void hmac_sha256(struct span key, struct span data, unsigned char out[SHA256_BYTES]);
/*
 * pbkdf2 - RFC 8018 5.2 with HMAC of this kind: hash_bytes(kind) bytes of key.  4096 iterations:
 * 0.5 ms
 */
void pbkdf2(enum hash_kind, struct span password, struct span salt, uint32_t iterations,
    unsigned char *out);

/*
 * text_opaque - a password as RFC 8265 4.2 OpaqueString compares it (NFC, one kind of blank).
 *   in       UTF-8, not empty
 *   out      added to; a secret: buf_wipe
 *   returns  E_OK, E_BAD (code points that are not for text)
 */
MUST_USE int text_opaque(struct span in, struct buf *out);

/* ---- SHA-256 of what comes in pieces ---- */
struct hash;
struct hash *hash_new(void); /* own */
void hash_add(struct hash *, struct span);
void hash_out(struct hash *,
    unsigned char out[SHA256_BYTES]); /* and empty again, as after hash_reset */
void hash_reset(struct hash *);
void hash_end(
    struct hash **, unsigned char out[SHA256_BYTES]); /* frees; out may be NULL */

/*
 * A keyed checksum (UMAC-128) for records of our own files: nobody without the key makes bytes that
 * pass, 2^-120 a try.  That holds only while those who choose the bytes never see a tag: it is no
 * signature, and no tag ever leaves our files.  Keyed once, then no allocation: 0.5 us for 4 KB
 * (HMAC-SHA256 2.6, AES-GMAC 1.0, AES-CMAC 5.2; the first of these six times that without SHA-NI).
 */
struct mac;
struct mac *mac_new(const void *key, size_t n); /* own; n is MAC_KEY_BYTES */
void mac_free(struct mac **);
/* mac_iov - the tag of these parts, one after another */
void mac_iov(
    struct mac *, const struct span *parts, size_t n, unsigned char out[MAC_BYTES]);

#endif
