/* SPDX-License-Identifier: ISC */
/*
 * key.h - the role "key": holds the private keys of tls_keys, signs digests of handshakes, and
 * makes the key of session tickets.  It never decrypts and never gives a private key out.
 */
#ifndef TLS_KEY_H
#define TLS_KEY_H

#include "base/buf.h"

struct conf;
struct jail;
struct ask_table;

/*
 * The asks.
 *   KEY_SIGN     u16 key index, u32 algorithm (gnutls_sign_algorithm_t), str digest
 *                -> u8 result, str signature
 *   KEY_TICKETS  nothing -> str master key of tickets, u32 seconds until it is replaced
 */
enum key_ask { KEY_SIGN = 1, KEY_TICKETS };

enum {
	KEY_DIGEST_LEAST = 32,    /* bytes: SHA-256 */
	KEY_DIGEST_MOST = 64,     /* SHA-512 */
	KEY_SIGNATURE_MAX = 2048, /* bytes */
	KEY_TICKET_MAX = 256,     /* bytes of the master key */
	KEY_TICKET_LIFE_SEC = 3600,
	KEY_SIGNS_MOST = 120000, /* of an asker, in ASK_TIMES_WINDOW_SEC */
	KEY_TICKETS_MOST = 600,
};

/* The role functions; prepare reads the keys with the monitor's rights. */
int key_prepare(void);
void key_jail(struct jail *);
int key_run(void);

/* key_load - the private keys that this configuration names.  E_OK, E_IO, E_BAD; logged */
MUST_USE int key_load(const struct conf *);
void key_unload(void);
const struct ask_table *key_table(
    unsigned kind); /* the asks, the same for each asking role */

#endif
