/* SPDX-License-Identifier: ISC */
/*
 * index.h - what is deferred: a row a message and its place in the order of due times (Berkeley DB, private
 * to sched, in spool/sched/index).  The message itself is a file of the spool's; the two are reconciled by names.
 * Damaged or missing: made anew from the names.  Calls block on the disk.
 */
#ifndef QUEUE_INDEX_H
#define QUEUE_INDEX_H

#include "spool/admin.h"

struct index_row {
	struct id id;
	int64_t due_sec;             /* queue time */
	int64_t first_sec;           /* queue time of its arrival */
	uint8_t waits_for_deliver;   /* due as soon as deliver is there */
	struct admin_entry entry;    /* what people are shown */
};

struct index;

MUST_USE int index_open(const char *spool_dir, struct index **out);
void index_close(struct index **);
/* index_is_damaged - a call found it so: nothing more can be had of it */
bool index_is_damaged(const struct index *);
/* index_renew - it is put aside, and empty.  E_OK, E_IO (it cannot be used, only closed) */
MUST_USE int index_renew(struct index *);
/* index_clock - queue and wall time as stored last; 0, 0: never */
void index_clock(struct index *, int64_t *queue_sec, int64_t *wall_sec);
MUST_USE int index_put(struct index *, const struct index_row *);   /* in place of an older row; durable after index_sync */
MUST_USE int index_get(struct index *, struct id, struct arena *, struct index_row *out); /* E_OK, E_BAD, E_IO */
MUST_USE int index_remove(struct index *, struct id);
MUST_USE int index_sync(struct index *);                            /* and the time is stored */
/* index_due - ids due by now, at most most, in order of their time; returns how many */
size_t index_due(struct index *, int64_t now_sec, struct id *out, size_t most);
int64_t index_next(struct index *);                                 /* the earliest due time; INT64_MAX: none */
/* index_each - rows in order of id, behind after (NULL: from the first), while fn returns E_OK */
MUST_USE int index_each(struct index *, int (*fn)(void *ctx, const struct index_row *), void *ctx);
MUST_USE int index_reschedule(struct index *, struct id, int64_t due_sec);
uint64_t index_count(const struct index *);

#endif
