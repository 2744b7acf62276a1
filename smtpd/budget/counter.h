/* SPDX-License-Identifier: ISC */
/*
 * counter.h - how much was submitted in the last hour and the last day: sums over buckets that
 * slide.  An hour is the bucket of five minutes that it is now and the twelve before it, a day the
 * hour that it is now and the 24 before it.  Pure; the clock is passed in.
 */
#ifndef SMTPD_BUDGET_COUNTER_H
#define SMTPD_BUDGET_COUNTER_H

#include "account/trip.h"

enum {
	COUNTER_BUCKETS = 25, /* the hour uses the first 13 */
	COUNTER_HOUR_BUCKETS = 13,
	COUNTER_HOUR_SEC = 300, /* a bucket of the hour */
	COUNTER_DAY_SEC = 3600, /* and of the day */
};

/* Of one account or one domain; {0} has sent nothing ever. */
struct counters {
	int64_t newest[BUDGET_WINDOWS]; /* number of the first bucket, since 1970 */
	uint32_t n[BUDGET_WHATS][BUDGET_WINDOWS][COUNTER_BUCKETS]; /* newest first */
	int64_t used_sec; /* of the last addition */
	uint32_t n_known; /* recipients that are remembered */
};

/*
 * counters_advance - to this time: what is past its window is gone.  A clock that went back takes
 * the counts along: nothing is given back early
 */
void counters_advance(struct counters *, int64_t now_sec);
uint64_t counters_sum(const struct counters *, enum budget_what, enum budget_window);
/* counters_add - now, in both windows; stops at UINT32_MAX */
void counters_add(struct counters *, enum budget_what, uint32_t by);
void counters_put(struct buf *, const struct counters *);
MUST_USE int counters_get(struct span, struct counters *out); /* E_OK, E_BAD */

/*
 * counters_fit - so much more is within the budget.
 *   more     of each enum budget_what
 *   budget   0: no limit (budget_join)
 *   out      what would be past it, the narrowest window first
 */
bool counters_fit(const struct counters *, const uint32_t more[BUDGET_WHATS],
    const struct budget *, struct overrun *out);

#endif
