/* SPDX-License-Identifier: ISC */
/*
 * tls_sealer.h - a peer of tls/records.c that may say anything: records of TLS 1.3 (RFC 8446 5.2, 7.1 to 7.3), made
 * by other code than what is tested.
 */
#ifndef TEST_TLS_SEALER_H
#define TEST_TLS_SEALER_H

#include <gnutls/crypto.h>

#include "base/buf.h"

enum {
	SEALER_SUITES = 3, /* AES-128-GCM, AES-256-GCM, CHACHA20-POLY1305 */
	SEALER_SECRET_MAX = 48,
	SEALER_HEAD = 5,
	SEALER_TAG = 16,
};

/* One direction. */
struct sealer {
	unsigned suite;
	unsigned char secret[SEALER_SECRET_MAX], key[32], iv[12];
	uint64_t seq;
};

size_t sealer_secret_bytes(unsigned suite);
/* with a secret that is made of this octet */
void sealer_init(struct sealer *, unsigned suite, unsigned char fill, uint64_t seq);
/* with that secret, of sealer_secret_bytes */
void sealer_init_as(
    struct sealer *, unsigned suite, const unsigned char *secret, uint64_t seq);
void sealer_next(struct sealer *); /* its next key, 7.2 */
/* a record of this TLSInnerPlaintext, as it is */
void sealer_raw(struct sealer *, struct span inner, struct buf *out);
/* the same with the type behind it, and so many octets of padding */
void sealer_seal(
    struct sealer *, unsigned type, struct span content, size_t pad, struct buf *out);
/*
 * sealer_open - takes the first record off: content without type and padding, until the next call.  Returns the type; 0: it is
 * no record of this key; -1: it is not all there
 */
int sealer_open(struct sealer *, struct buf *in, struct span *content);
/*
 * sealer_state - what tls_hand_on gives for such secrets: r is who speaks to the successor, w is the
 * successor itself
 */
void sealer_state(
    const struct sealer *r, const struct sealer *w, struct span words, struct buf *out);

#endif
