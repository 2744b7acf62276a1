/* SPDX-License-Identifier: ISC */
/*
 * letter_sign.h - DKIM signatures of the letters that scripts make, and seals of ARC of what they
 * redirect (seal.h): the role "signer", which reads them and has no power but to ask (lookup, who the
 * author may be; the role dkim, which signs), and the placer's side of it.
 */
#ifndef DELIVER_LETTER_SIGN_H
#define DELIVER_LETTER_SIGN_H

#include "account/account.h"
#include "base/buf.h"
#include "proc/ask.h"

enum {
	/* bytes: a longer letter is not signed */
	LETTER_SIGN_MAX = ASK_MSG_MAX - 2 - 4 - 4 - ACCOUNT_ADDRESS_MAX,
	LETTER_SIGN_WAIT_MS =
	    20000, /* for the role, which may wait for keys and lookup */
	LETTER_SIGNS_MOST = 60000, /* of a placer, in ASK_TIMES_WINDOW_SEC */
};

/*
 * Placer, events: SIGNER_SIGN, str account, str letter -> str fields: of the signatures, or none.
 * Placer: SIGNER_SEAL, str account, u32 came_at, fd of a memory file with the message -> str fields: of
 * the set, or none.  SIGNER_SEALER -> str domain: whose keys seal, or none: then it need not be copied.
 */
enum signer_ask { SIGNER_SIGN = 1, SIGNER_SEAL, SIGNER_SEALER, SIGNER_ASKS };

struct jail;
int signer_run(void); /* role function */
void signer_jail(struct jail *);

/*
 * letter_sign - fields to be put before a letter whose author is the account, an identity of it, or the
 * postmaster of this host: of the domain of From, or the nearest above it that has keys.  Without keys, or
 * for another author, none: it is sent in any case.  Blocks at most LETTER_SIGN_WAIT_MS.
 *   out      emptied
 */
void letter_sign(struct span letter, struct span account, struct buf *out);
/* letter_may_seal - there is a key for it.  Blocks as above */
bool letter_may_seal(struct span account);
/*
 * letter_seal - a set of ARC to be put before what the account's script redirects; none where there is
 * nothing to say of it, or no key (seal.h).  Blocks as above.
 *   file     borrow: a memory file with what seal_put is given
 *   out      emptied
 */
void letter_seal(int file, uint32_t came_at, struct span account, struct buf *out);

#endif
