/* SPDX-License-Identifier: ISC */
/*
 * retry.h - when an attempt is due, and when it is the last.  Queue time is what these count in:
 * seconds that grow with the monotonic clock, carried over a restart.  Of the time in which nothing
 * ran at most RETRY_DOWN_MOST_SEC count, by the wall clock; whatever that clock does while the
 * scheduler runs has no effect.  So a jump of ten years bounces nothing.
 */
#ifndef QUEUE_RETRY_H
#define QUEUE_RETRY_H

#include "base/base.h"

enum { RETRY_DOWN_MOST_SEC = 3600, RETRY_JITTER_PERCENT = 25 };

/* retry_clock_start - saved: what was stored last (0, 0: nothing) */
void retry_clock_start(int64_t saved_queue_sec, int64_t saved_wall_sec);
int64_t retry_now(void); /* queue time, seconds */
/* retry_delay - before attempt number attempts + 1: doubles from first to most, +-25 percent */
int64_t retry_delay(unsigned attempts, int64_t first_sec, int64_t most_sec);

#endif
