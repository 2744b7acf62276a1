/* SPDX-License-Identifier: ISC */
/*
 * verify.h - inside the role "auth": accounts and their verifiers, as the mechanisms need them.
 * One per process.  An unknown name looks like a known one: it has verifiers too, made up, the same
 * each time.
 */
#ifndef AUTH_VERIFY_H
#define AUTH_VERIFY_H

#include "account/account.h"

enum {
	VERIFY_SECRET_BYTES = 32,
	VERIFY_CACHE_MS =
	    60000, /* a password that was right is right so long without PBKDF2 */
	VERIFY_CACHE_ENTRIES = 512,
	VERIFY_CACHE_WAYS = 8, /* places that one password may stand at */
	VERIFY_ARENA_BYTES = 65536,
};

/*
 * verify_open - with the monitor's rights: the secret that made-up verifiers come from,
 * STATE/auth_secret.  Where it cannot be kept it lives as long as the process; that is logged.
 */
void verify_open(const struct conf *);
void verify_close(void);
/* verify_apart - true: no account is looked at, every name is unknown (before the jail) */
void verify_apart(bool is_apart);
/* verify_name - lower-cased; without a domain it gets the first of ours.  E_OK, E_BAD */
MUST_USE int verify_name(struct span login, struct buf *out);
/* verify_verifiers - one of each kind, a line each, real or made up.  E_OK, E_IO (try later) */
MUST_USE int verify_verifiers(struct span name, struct buf *out);
/*
 * verify_password - takes as long for a name that nobody has.  E_OK, E_DENY (not the password),
 * E_IO
 */
MUST_USE int verify_password(struct span name, struct span password);
/*
 * verify_account - who it is that was right.  E_OK, E_BAD (nobody), E_IO.  borrow: until the next
 * call
 */
MUST_USE int verify_account(struct span name, struct account *out);

#endif
