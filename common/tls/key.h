/* SPDX-License-Identifier: ISC */
/*
 * key.h - the role "key": holds the private keys of tls_keys, signs digests of handshakes, and
 * makes the key of session tickets; where mail is sent, it signs that, too, with the keys of
 * STATE/dkim (dkim_key.h).  It never decrypts and never gives a private key out.
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
 * where mail is signed:
 *   KEY_DKIM_LIST  str domain (A-labels, lower case) -> u8 n, n x {u8 dkim_key_kind, str selector}:
 *                  the keys that sign its mail
 *   KEY_DKIM_SIGN  u8 dkim_key_kind, str domain, str selector, str SHA-256 digest -> u8 result, str
 *                  signature.  E_DENY: it is not the key that signs
 */
enum key_ask { KEY_SIGN = 1, KEY_TICKETS, KEY_DKIM_LIST, KEY_DKIM_SIGN };

enum {
	KEY_DIGEST_LEAST = 32,    /* bytes: SHA-256 */
	KEY_DIGEST_MOST = 64,     /* SHA-512 */
	KEY_SIGNATURE_MAX = 2048, /* bytes */
	KEY_TICKET_MAX = 256,     /* bytes of the master key */
	KEY_TICKET_LIFE_SEC = 3600,
	KEY_SIGNS_MOST = 120000, /* of an asker, in ASK_TIMES_WINDOW_SEC */
	KEY_TICKETS_MOST = 600,
	KEY_DKIM_MOST = 60000, /* of an asker, in ASK_TIMES_WINDOW_SEC */
};

/* The role functions; prepare reads the keys with the monitor's rights. */
int key_prepare(void);
void key_jail(struct jail *);
int key_run(void);
/* The same where mail is signed: it may read STATE/dkim, and nothing else. */
void key_mail_jail(struct jail *);
int key_mail_run(void);

/* key_load - the private keys that this configuration names.  E_OK, E_IO, E_BAD; logged */
MUST_USE int key_load(const struct conf *);
void key_unload(void);
const struct ask_table *key_table(
    unsigned kind); /* the asks, the same for each asking role */
const struct ask_table *key_mail_table(unsigned kind);

#endif
