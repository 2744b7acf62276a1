/* SPDX-License-Identifier: ISC */
/*
 * relays.h - the scheduler's side of its relay processes: one connection each, orders and results
 * in batches.
 */
#ifndef QUEUE_RELAYS_H
#define QUEUE_RELAYS_H

#include "metrics/metric.h"
#include "proc/ask.h"
#include "queue/dest.h"

struct relay {
	struct relay *next, *dest_next; /* own: all; borrow: those of the destination */
	int fd;                         /* own */
	struct loop_fd *watch;          /* own */
	struct dest *dest;              /* borrow; NULL: it has not got one yet */
	struct parcel_list sent; /* that it has, or that are being copied for it */
	unsigned window;
	enum metric_hop class; /* of its destination */
	uint64_t cost;         /* turn_cost of all that it was given */
	bool is_asking;    /* it looks up its provider first, and waits for a word */
	bool has_provider; /* it said which it is, on this connection */
	bool has_ended;    /* nothing more is sent to it */
	/* for others, when it has nothing in hand any more; and was told so */
	bool is_leaving, was_told;
	int64_t heard_ms;
};

void relays_open(void);
void relays_feed(void); /* orders to those who have room; processes for what waits */
void relays_tick(void);
bool relays_are_busy(void); /* something is under way */

void parcel_over(struct parcel *); /* it has no more to wait for.  Frees it */
/* all that has no result */
void parcel_settle_rest(struct parcel *, enum rcpt_step, struct span reason);

#endif
