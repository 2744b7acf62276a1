/* SPDX-License-Identifier: ISC */
/*
 * known.h - inside the role "auth": passwords that were right a moment ago, so that the next login
 * need not pay for PBKDF2.  What is kept is not a password but the key that a verifier holds, under a
 * tag made with a random key of this process: whoever changes a password ends it at once.
 */
#ifndef AUTH_KNOWN_H
#define AUTH_KNOWN_H

#include "auth/scram.h"

enum {
	KNOWN_KEY_BYTES = 32,
	/* a password that was right is right so long without PBKDF2 */
	KNOWN_MS = 60000,
	KNOWN_ENTRIES = 512,
	KNOWN_WAYS = 8, /* places that one password may stand at */
};

void known_open(void);
void known_close(void);
/*
 * known_derive - as scram_verifier_derive; of what is known stored_key alone is set.  E_OK, E_DENY
 * (it cannot be a password)
 */
MUST_USE int known_derive(struct span password, struct scram_verifier *);
/* known_remember - the keys were right */
void known_remember(struct span password, const struct scram_verifier *);

#endif
