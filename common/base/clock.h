/* SPDX-License-Identifier: ISC */
/* clock.h - what time it is, on which clock, in which unit; and dates as mail writes them. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/buf.h"

int64_t clock_mono_ms(void); /* CLOCK_MONOTONIC: for deadlines and due times */
int64_t clock_mono_us(void);
int64_t clock_wall_sec(void); /* CLOCK_REALTIME: for people and files only */
int64_t clock_wall_us(void);

/* date_put - RFC 5322 3.3 date-time in local time: "Tue, 24 Nov 2026 12:08:26 +0000" */
void date_put(struct buf *out, int64_t wall_sec);
/* date_put_iso - "2026-11-24T12:08:26Z" (UTC) */
void date_put_iso(struct buf *out, int64_t wall_sec);

/* A moment on the monotonic clock, in ms; DEADLINE_NONE never comes. */
#define DEADLINE_NONE INT64_MAX
int64_t deadline_in_ms(int64_t ms);
/* deadline_left_ms - for poll(2): 0 when past, at most INT_MAX, -1 for DEADLINE_NONE */
int deadline_left_ms(int64_t deadline);

/* time3339_put - RFC 3339: "2030-01-31T12:00:00Z" */
void time3339_put(struct buf *out, int64_t wall_sec);
/* time3339_parse - the whole of it; from 1970 on, to the year 9999.  E_OK, E_BAD */
MUST_USE int time3339_parse(struct span in, int64_t *out);

#endif
