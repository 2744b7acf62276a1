/* SPDX-License-Identifier: ISC */
/*
 * index.h - what is deferred: a row a message, its place in the order of due times, and what it
 * waits for (Berkeley DB, private to sched, in spool/sched/index).  The message itself is a file of
 * the spool's; the two are reconciled by names.  Damaged or missing: made anew from the names.
 * Calls block on the disk.  None reads all rows at once but index_each without a most, and (while
 * the first walk is under way) index_count.  Tenants have lanes (a hash of their name), and lanes
 * take turns: who has a million messages due delays his own lane.
 */
#ifndef QUEUE_INDEX_H
#define QUEUE_INDEX_H

#include "spool/admin.h"

enum { INDEX_LANES = 64, INDEX_WAITING_MOST = 64 };

struct index_row {
	struct id id;
	int64_t due_sec;   /* queue time */
	int64_t first_sec; /* queue time of its arrival */
	uint8_t lane;      /* of its tenant: below INDEX_LANES */
	uint8_t is_bulk;   /* it waits behind small mail (turn.h) */
	/* index_name: what it waits for and nothing else; 0: for its time alone */
	uint64_t waits_for;
	struct admin_entry entry; /* what people are shown */
};

struct index_census {
	uint64_t n, n_held;
	int64_t oldest_sec; /* queue time; INT64_MAX: unknown yet, or none */
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
uint64_t index_name(struct span what); /* of a destination, ...: never 0 */
/* in place of an older row; durable after index_sync */
MUST_USE int index_put(struct index *, const struct index_row *);
/* E_OK, E_BAD, E_IO */
MUST_USE int index_get(
    struct index *, struct id, struct arena *, struct index_row *out);
MUST_USE int index_remove(struct index *, struct id);
MUST_USE int index_sync(struct index *); /* and the time is stored */
/*
 * index_tidy - some of the logs that are not needed any more go, where there are any.  E_OK, E_IO,
 * E_LIMIT
 */
MUST_USE int index_tidy(struct index *);
/*
 * index_due - ids due by now, at most most: lanes in turn, each in order of time; returns how many
 */
size_t index_due(struct index *, int64_t now_sec, struct id *out, size_t most);
/*
 * index_waiting - ids of what waits for this, at most most: four of small mail for one of bulk,
 * lanes in turn, oldest first
 */
size_t index_waiting(struct index *, uint64_t name, struct id *out, size_t most);
/*
 * index_each - rows in order of id, while fn returns E_OK
 *   after    behind this id; NULL: from the first.  Set to the last id that fn was given
 *   most     rows; 0: all
 *   returns  E_OK (none is left), E_MORE (most were given), E_IO, or what fn returned
 */
MUST_USE int index_each(struct index *, struct id *after, size_t most,
    int (*fn)(void *ctx, const struct index_row *), void *ctx);
/* and it waits for nothing else */
MUST_USE int index_reschedule(struct index *, struct id, int64_t due_sec);
/* index_walk - counts a slice of rows; round and round.  Not faster than it is called */
void index_walk(struct index *, size_t slice);
/* as known: after the first walk all but the age is exact */
struct index_census index_census(const struct index *);
uint64_t index_count(struct index *); /* exact */

/* ---- words that must outlast a restart: what is suspended ---- */
/* durable at return */
MUST_USE int index_word_put(struct index *, struct span word, int64_t value);
/* the same; E_BAD: there is none */
MUST_USE int index_word_remove(struct index *, struct span word);
MUST_USE int index_words(
    struct index *, void (*fn)(void *ctx, struct span word, int64_t value), void *ctx);

#endif
