/* SPDX-License-Identifier: ISC */
/*
 * owned.h - processes that have the uid of a mailbox's owner: asked for here, forked by the monitor
 * (owned_asks.c).
 */
#ifndef DELIVER_OWNED_H
#define DELIVER_OWNED_H

#include "account/account.h"
#include "proc/daemon.h"

struct owned {
	struct span account, home; /* borrow; home is below mail_dir */
	uid_t uid;
	gid_t gid;
};

/* the bytes of such an ask: str account, u32 uid, u32 gid, str home -> u8 result, fd: a channel */
enum { OWNED_BYTES = 2 * ACCOUNT_ADDRESS_MAX + 16 };

/*
 * owned_ask - one of its processes.
 *   ask      of the monitor, for a role
 *   in       what the answer is read into
 *   out      own: a channel to it
 *   returns  E_OK, E_LIMIT (there are too many), E_IO.  Blocks as child_call
 */
MUST_USE int owned_ask(uint16_t ask, const struct owned *, struct buf *in, int *out);

/*
 * ---- in the monitor ----
 * owned_read - the body of an ask.  E_OK, E_BAD, E_DENY (nobody's mailbox)
 */
MUST_USE int owned_read(struct rd *body, struct owned *out);
/* owned_fork - one of this role; reply gets how that went, fd_back its channel */
void owned_fork(
    const struct role *, const struct owned *, struct buf *reply, int *fd_back);

#endif
