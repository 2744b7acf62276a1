/* SPDX-License-Identifier: ISC */
/*
 * suppress.h - addresses elsewhere that another host said not to exist, and how often (Berkeley DB,
 * private to sched, in spool/sched/suppressed).  Bounded: past most, the row that was refused
 * longest ago goes.  Calls block on the disk.  Damaged or missing: it begins anew, and mail is
 * tried again.
 */
#ifndef QUEUE_SUPPRESS_H
#define QUEUE_SUPPRESS_H

#include "base/arena.h"
#include "base/buf.h"

enum { SUPPRESS_ROWS_MOST = 100000, SUPPRESS_REASON_MAX = 200 };

struct suppress_row {
	struct span address; /* in lower case; borrow, as reason */
	uint32_t count;
	int64_t first_sec; /* wall clock, as last_sec */
	int64_t last_sec;
	struct span reason; /* of the last time */
};

struct suppress;

/* E_OK, E_IO */
MUST_USE int suppress_open(const char *spool_dir, uint64_t most, struct suppress **out);
void suppress_close(struct suppress **);
/*
 * suppress_is_hard - a host said that there is no such mailbox (RFC 3463 5.1.1, 5.1.2, 5.1.6,
 * 5.1.10, 5.2.1); full, too large, or not liked is something else
 */
bool suppress_is_hard(struct span reason);
/* suppress_note - refused once more.  Durable after suppress_sync */
MUST_USE int suppress_note(
    struct suppress *, struct span address, struct span reason, int64_t now_sec);
/* E_OK, E_BAD, E_IO */
MUST_USE int suppress_get(
    struct suppress *, struct span address, struct arena *, struct suppress_row *out);
/* E_OK, E_BAD: it is not there; E_IO */
MUST_USE int suppress_remove(struct suppress *, struct span address);
MUST_USE int suppress_sync(struct suppress *);
/*
 * suppress_each - in order of the addresses, behind after, while fn returns E_OK; what else it
 * returns
 */
MUST_USE int suppress_each(struct suppress *, struct span after,
    int (*fn)(void *ctx, const struct suppress_row *), void *ctx);

#endif
