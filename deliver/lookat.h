/* SPDX-License-Identifier: ISC */
/*
 * lookat.h - tests of mailboxes (RFC 5490, 8579, 9042), as the callbacks of sieve/run.h: they ask
 * the keeper of the account, which is started when there is none.  A script without such a test
 * costs nothing of that.
 */
#ifndef DELIVER_LOOKAT_H
#define DELIVER_LOOKAT_H

#include "base/buf.h"

void lookat_end(void);
/* lookat_store - the account's, opened when it is wanted first; borrow: until lookat_end.  NULL: it cannot be */
struct store *lookat_store(void);
bool lookat_mailbox(void *ctx, struct span mailbox);
bool lookat_special_use(void *ctx, struct span mailbox, struct span flag);
bool lookat_mailboxid(void *ctx, struct span id);
int lookat_metadata(void *ctx, struct span mailbox, struct span name, struct buf *out);

#endif
