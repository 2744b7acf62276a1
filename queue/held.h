/* SPDX-License-Identifier: ISC */
/*
 * held.h - accounts whose mail is held: what waits, and what comes, until they are released.  Words
 * of the index (queue/index.h), so that it outlasts a restart.
 */
#ifndef QUEUE_HELD_H
#define QUEUE_HELD_H

#include "queue/sched.h"

enum { HELD_ACCOUNTS_MOST = 10000, HELD_ACCOUNT_MAX = ENVELOPE_PATH_MAX };

void held_open(void);               /* reads the words */
void held_renew(void);              /* the index is another one: they are noted again */
bool held_has(struct span account); /* letters of either case are the same */
/*
 * held_add, held_end - durable at return.
 *   returns  E_OK (add: also when it is held already), E_BAD (end: it is not; add: no account),
 *            E_LIMIT (too many, or the disk is full), E_IO
 */
MUST_USE int held_add(struct span account);
MUST_USE int held_end(struct span account);

#endif
