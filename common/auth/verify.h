/* SPDX-License-Identifier: ISC */
/*
 * verify.h - inside the role "auth": accounts and their verifiers, as the mechanisms need them.
 * One per process.  An unknown name looks like a known one: it has verifiers too, made up, the same
 * each time.
 */
#ifndef AUTH_VERIFY_H
#define AUTH_VERIFY_H

#include "account/app.h"
#include "auth/scram.h"
#include "login/peer.h"

enum {
	VERIFY_SECRET_BYTES = 32,
	VERIFY_ARENA_BYTES = 65536,
	/* an address, and "/NAME" of an app password */
	VERIFY_NAME_MAX = ACCOUNT_ADDRESS_MAX + 1 + APP_NAME_MAX,
};

/* How somebody comes, and which of the account's passwords it was. */
struct verify_way {
	unsigned protocol; /* enum app_protocol; 0: none that we know */
	char client[PEER_TEXT_MAX];
	bool is_password; /* found out, too: by a password, not by a token */
	/* found out: the app password that was asked for or right; zero: the main one */
	struct id app;
	char app_name[APP_NAME_MAX + 1];
	/* found out: verify_tag of the name and the password, where that was shown; else 0 */
	uint64_t tried;
};

/*
 * verify_open - with the monitor's rights: the secret that made-up verifiers come from,
 * STATE/auth_secret.  Where it cannot be kept it lives as long as the process; that is logged.
 */
void verify_open(const struct conf *);
void verify_close(void);
/*
 * verify_tag - a number for two texts, which only who has the secret can make; never 0.  The same in all
 * daemons of the host, as long as the secret is kept
 */
uint64_t verify_tag(struct span, struct span);
/* verify_apart - true: no account is looked at, every name is unknown (before the jail) */
void verify_apart(bool is_apart);
/*
 * verify_name - lower-cased; without a domain it gets the first of ours.  Behind the domain may stand
 * "/NAME": of the account's app passwords that one is meant, and no other.  E_OK, E_BAD
 */
MUST_USE int verify_name(struct span login, struct buf *out);
/* verify_address - of such a name, what stands before "/NAME" */
struct span verify_address(struct span name);
/*
 * verify_verifiers - one of each kind, a line each, real or made up: of the main password, or of
 * the app password that the name says, if the way may use it.  E_OK, E_IO (try later)
 */
MUST_USE int verify_verifiers(struct verify_way *, struct span name, struct buf *out);
/*
 * verify_password - the main one, or an app password that the way may use.  Takes as long for a name
 * that nobody has.  E_OK, E_DENY (not the password), E_IO
 */
MUST_USE int verify_password(
    struct verify_way *, struct span name, struct span password);
/*
 * verify_apps_check - apps.c: whether this is one of the app passwords of the address, which the way
 * may use; only: of that name, or empty.  E_OK (the way says which), E_DENY, E_IO
 */
MUST_USE int verify_apps_check(
    struct verify_way *, struct span address, struct span only, struct span password);
/* verify_apps_verifiers - apps.c: those of the app password of that name, as verify_verifiers */
MUST_USE int verify_apps_verifiers(
    struct verify_way *, struct span address, struct span name, struct buf *out);
/*
 * verify_account - whose name this is.  E_OK, E_BAD (nobody), E_IO.  borrow: until the next call
 */
MUST_USE int verify_account(struct span name, struct account *out);

/* ---- for apps.c ---- */
/* verify_apps_row - E_OK, E_BAD (none), E_IO; the row is a secret */
MUST_USE int verify_apps_row(struct span address, struct buf *row);
/* verify_make_up - what nobody's password leads to: always the same for this text */
void verify_make_up(enum hash_kind, struct span text, struct scram_verifier *out);

#endif
