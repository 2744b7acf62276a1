/* SPDX-License-Identifier: ISC */
/*
 * admin_all.h - what an admin asks of all messages: in slices, so that nothing else waits for a
 * million rows.
 */
#ifndef QUEUE_ADMIN_ALL_H
#define QUEUE_ADMIN_ALL_H

#include "proc/ask.h"
#include "queue/sched.h"

enum admin_all_kind {
	ALL_LIST,
	ALL_FLUSH,
	ALL_REMOVE,
	/* of an account: held; what is held of it, released; what is held of it, removed */
	ALL_HOLD,
	ALL_RELEASE,
	ALL_PURGE,
};

struct admin_all;

/*
 * admin_all_begin - ALL_LIST sends its packets itself, the last too; what ended then is told to
 * nobody
 *   account  whose messages, in any case; empty: all that there are
 *   asker  borrow: it ends before
 *   ended  n: messages that it was done to; the work is freed after it
 */
void admin_all_begin(struct admin_all **own, enum admin_all_kind, struct span account,
    struct asker *, void (*ended)(struct asker *, uint32_t n));
/*
 * admin_all_for - flushes what waits for a domain; its destinations are tried though they were down
 */
void admin_all_for(struct admin_all **own, struct span domain);
void admin_all_free(struct admin_all **);

/* admin.c: one of them, wherever it is */
void admin_put_active(struct buf *, const struct message *);
void admin_put_row(struct buf *, const struct index_row *);
void admin_flush_one(struct id, uint32_t *n);
void admin_remove_one(struct id, uint32_t *n);
void admin_hold_one(struct id, uint32_t *n);
void admin_release_one(struct id, uint32_t *n);

#endif
