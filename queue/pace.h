/* SPDX-License-Identifier: ISC */
/*
 * pace.h - how many connections a provider gets, and when it is left alone.  Pure: the time is
 * passed in.  A provider may have `first` connections; one more for each `limit * grow` messages
 * that it takes, up to `most`.  One that refuses a connection while others work has as many as it
 * has.  One that says "too much" (backoff.h) has its limit cut to `shrink` percent, and none is
 * opened, and nothing sent, for a while, which doubles until it takes mail without saying so.  One
 * to which no connection works is down: for a while, which doubles, nobody tries; then one
 * connection does.
 */
#ifndef QUEUE_PACE_H
#define QUEUE_PACE_H

#include "base/base.h"

enum {
	PACE_ENOUGH_MS =
	    10000 /* a server refused one connection more: no other for so long */
};

struct pace_rules {
	unsigned first, most, grow, shrink_percent;
	int64_t pause_first_ms, pause_most_ms;
};

struct pace {
	unsigned limit;          /* connections it may have */
	unsigned n_open;         /* and has, or are asked for */
	unsigned n_good;         /* messages taken since the limit changed */
	unsigned n_slow;         /* times that it said "too much", in a row */
	int64_t slow_until_ms;   /* left alone until then */
	int64_t enough_until_ms; /* no further connection until then */
};

/* Of one server, or several that all stand behind the same names. */
struct down {
	unsigned failures; /* in a row */
	int64_t until_ms;  /* left alone until then */
};

void pace_init(struct pace *, const struct pace_rules *);
bool pace_may_open(const struct pace *, int64_t now_ms);
bool pace_is_paused(const struct pace *, int64_t now_ms);
void pace_took(struct pace *, const struct pace_rules *); /* a message */
/* it refused a connection, and others work */
void pace_enough(struct pace *, int64_t now_ms);
/* pace_slow - it said that it is too much.  How long it is left alone, ms; 0: it is already */
int64_t pace_slow(struct pace *, const struct pace_rules *, int64_t now_ms);
void pace_lost(struct pace *); /* no connection works */

bool down_is(const struct down *, int64_t now_ms);
void down_failed(struct down *, int64_t now_ms, int64_t wait_ms);
bool down_ended(struct down *); /* it works; true: it did not before */

#endif
