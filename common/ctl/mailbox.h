/* SPDX-License-Identifier: ISC */
/* mailbox.h - the directory of an account: made, and taken away, as the uid of its owner. */
#ifndef CTL_MAILBOX_H
#define CTL_MAILBOX_H

#include <sys/types.h>

#include "account/account.h"
#include "ctl/ctl.h"

/*
 * mailbox_address - what may be an account of this host; lower-cased into out.
 * E_OK, E_BAD (said)
 */
MUST_USE int mailbox_address(const struct conf *, const char *text, struct buf *out);
/* mailbox_home - "example.test/u1" of an address */
void mailbox_home(struct span address, struct buf *out);
/*
 * mailbox_begin - MAIL/DOMAIN/USER is made, given to its owner, and a process of that uid and
 * jailed to it begins to make its folders.
 *   worker   its pid: mailbox_end waits for it
 *   returns  EX_OK, or what it said about
 */
MUST_USE int mailbox_begin(const struct conf *, const struct account *, pid_t *worker);
MUST_USE int mailbox_end(
    const char *address, pid_t worker); /* EX_OK, EX_CANTCREAT (said) */
/* mailbox_sync - what was made is on stable storage.  EX_OK, EX_IOERR (said) */
MUST_USE int mailbox_sync(const struct conf *);
/*
 * mailbox_remove - with all mail, by a process of its uid that is jailed to it.  EX_OK, EX_IOERR
 * (said)
 */
MUST_USE int mailbox_remove(const struct conf *, const struct account *);

#endif
