/* SPDX-License-Identifier: ISC */
/*
 * dest.h - destinations of mail to other hosts: what waits for each, how many connections it gets, when it is left alone.
 * A destination is a route's host, or a domain whose exchangers are looked up.  It may have relay_connections_first
 * connections at first, one more for as many messages as it has connections, one less for each that fails.
 */
#ifndef QUEUE_DEST_H
#define QUEUE_DEST_H

#include "queue/sched.h"

enum {
	DEST_FETCHED_MOST = 128,  /* deferred messages that wait for one destination in memory */
	DEST_FETCHED_LOW = 64,    /* below it more of them are fetched */
	DEST_PROBES_MOST = 2,     /* the same, after it failed: if it works they show it */
	DEST_IDS_MOST = 65536,    /* messages in deferred/ that are known to wait for it */
	DEST_KEPT_MS = 600000,    /* what is known of one to which nothing goes */
};

/* Recipients of a message that go to one destination in one transaction. */
struct parcel {
	struct parcel *next, *prev;  /* borrow: of the list that it is in */
	struct parcel *sibling;      /* own: of the same message */
	struct message *message;     /* borrow */
	struct dest *dest;           /* borrow */
	bool is_with_relay;
	int64_t handed_us;           /* monotonic; to the relay */
	uint16_t n, n_left;          /* left: without a result */
	uint16_t which[];            /* indexes in the envelope; NO_RCPT: has its result */
};

enum { NO_RCPT = UINT16_MAX };

struct parcel_list {
	struct parcel *first, *last;
	size_t n;
};

struct dest {
	struct dest *hash_next;      /* own: the table */
	struct dest *hungry_next;    /* borrow: those for whom something waits */
	bool is_hungry;
	struct buf key;
	int route;
	struct parcel_list waiting;
	struct relay *relays;        /* borrow: relays.c */
	unsigned n_relays, n_coming; /* connections; processes that are to come for it */
	unsigned limit, n_good;      /* connections it may have; messages since the last one more */
	unsigned failures;           /* in a row */
	int64_t down_until_ms;       /* monotonic; left alone until then */
	int64_t used_ms, opened_ms;  /* monotonic; opened: the last connection was asked for */
	struct buf why;              /* of the last failure */
	struct buf ids;              /* of deferred messages that wait for nothing else */
	struct buf tls_session;
};

/* dests_take - the recipients of this message that are STEP_OUT: each waits for its destination, or is LATER */
void dests_take(struct message *);
void dests_drop(struct message *);           /* what of it waits for a destination does not any more: LATER */
void dests_tick(void);
struct dest *dests_hungry(void);             /* the first of those for whom something waits; hungry_next leads on */

void dest_put_back(struct dest *, struct parcel *); /* to the front: it was not begun */
void dest_good(struct dest *);               /* it took a message */
/* dest_failed - a connection did not come to be, or took nothing: others that work mean that it has enough of them */
void dest_failed(struct dest *, struct span why);

void parcel_add(struct parcel_list *, struct parcel *);
void parcel_take(struct parcel_list *, struct parcel *);
void parcel_done(struct parcel *);           /* all have their result, or none will come.  Frees it */
/* parcel_settle - one recipient's result.  reason: of LATER, FAILED */
void parcel_settle(struct parcel *, uint16_t i, enum rcpt_step, struct span reason);
void parcel_step(struct parcel *, enum rcpt_step); /* of all without a result */

#endif
