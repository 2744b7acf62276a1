/* SPDX-License-Identifier: ISC */
/*
 * dest.h - destinations of mail to other hosts: what waits for each, and whose turn it is there
 * (turn.h).  A destination is a route's host, or a domain whose exchangers are looked up.  Behind
 * it is a provider, which has the connections (pace.h) and is up or down: domains whose best
 * exchangers are the same hosts are of one provider.  Which these are a relay says when it looked
 * them up; before that, and for a route's host, a destination is a provider of its own.
 */
#ifndef QUEUE_DEST_H
#define QUEUE_DEST_H

#include "queue/pace.h"
#include "queue/sched.h"

enum {
	/* deferred messages that wait for one destination in memory */
	DEST_FETCHED_MOST = 128,
	DEST_FETCHED_LOW = 64, /* below it more of them are fetched */
	DEST_PROBES_MOST = 2,  /* the same, after it failed: if it works they show it */
	DEST_KEPT_MS = 600000, /* what is known of one to which nothing goes */
	/* beyond so many, those that nothing in memory needs are forgotten at once, down or not */
	DESTS_MOST = 16384,
	DEST_ASKS_MS = 600000, /* its provider is what a relay said not longer ago */
};

/* Recipients of a message that go to one destination in one transaction. */
struct parcel {
	struct turn_item turn;      /* the first: while it waits */
	struct parcel *next, *prev; /* borrow: of the list that it is in */
	struct parcel *sibling;     /* own: of the same message */
	struct message *message;    /* borrow */
	struct dest *dest;          /* borrow */
	bool is_with_relay;
	bool is_fetched;    /* counted in n_fetched of its destination */
	int64_t handed_us;  /* monotonic; to the relay */
	uint16_t n, n_left; /* left: without a result */
	uint16_t which[];   /* indexes in the envelope; NO_RCPT: has its result */
};

enum { NO_RCPT = UINT16_MAX };

struct parcel_list {
	struct parcel *first, *last;
	size_t n;
};

struct provider {
	struct provider *hash_next; /* own: the table */
	struct buf key;             /* names of hosts, or a destination's key */
	unsigned n_dests, n_relays;
	struct pace pace;
	struct down down;
	struct buf why; /* it is down or left alone */
	/* a destination of it waits for a connection that another one of it has */
	bool is_starved;
};

struct dest {
	struct turns turns;       /* the first: whose turn it is of waiting */
	struct dest *hash_next;   /* own: the table */
	struct dest *hungry_next; /* borrow: those for whom something waits */
	struct dest *fresh_next;  /* borrow: those that are to be looked at */
	bool is_hungry, is_fresh;
	bool is_wanted; /* it could do with a connection more */
	bool has_rows;  /* something in deferred/ may wait for it alone */
	struct buf key;
	int route;
	struct parcel_list waiting; /* in the order of coming */
	/* parcels of fetched messages, that wait or are with relays */
	size_t n_fetched;
	struct provider *provider; /* borrow: the table */
	/* monotonic; when a relay said which it is; 0: never, or it needs none to say so */
	int64_t asked_ms;
	struct relay *relays; /* borrow: relays.c */
	/* connections; processes that are to come for it */
	unsigned n_relays, n_coming;
	/* monotonic; opened: the last connection was asked for */
	int64_t used_ms, opened_ms;
	struct buf tls_session;
};

/*
 * dests_take - the recipients of this message that are STEP_OUT: each waits for its destination, or
 * is LATER
 */
void dests_take(struct message *);
/* what of it waits for a destination does not any more: LATER */
void dests_drop(struct message *);
void dests_tick(void);
/* dests_lift - the destination of this address is tried again at once, though it was down */
void dests_lift(struct span address, struct span sender);
/* what waits for one that is suspended now does not any more */
void dests_suspended(void);
/* the first of those for whom something waits; hungry_next leads on */
struct dest *dests_hungry(void);
/* one that is to be looked at, once; NULL: none is left */
struct dest *dests_fresh(void);
void dest_look(struct dest *); /* it is to be looked at */

bool dest_needs_provider(const struct dest *, int64_t now); /* a relay is to say it */
/* the relay said it */
void dest_set_provider(struct dest *, struct span key, int64_t now);
/*
 * dest_leave_provider - which its exchangers are now is not known: it is down alone, and the
 * provider that it had is not
 */
void dest_leave_provider(struct dest *, int64_t now);
/* down, or it said that it is too much */
bool dest_is_left_alone(const struct dest *, int64_t now);
struct parcel *dest_next(struct dest *); /* whose turn it is; NULL: nothing waits */
void dest_take(struct dest *, struct parcel *);     /* it is served */
void dest_put_back(struct dest *, struct parcel *); /* to the front: it was not begun */
void dest_good(struct dest *);                      /* it took a message */
/*
 * dest_failed - a connection did not come to be, or took nothing: others that work mean that it has
 * enough of them
 */
void dest_failed(struct dest *, struct span why);
/*
 * dest_denied - none of its hosts is what it, or the message, asks for: all that waits is tried
 * later, or back; its provider is not down
 */
void dest_denied(struct dest *, struct span why);
void dest_slow(struct dest *, struct span why); /* it said that it is too much */
/* what waits for it in deferred/ comes, where there is room for it */
void dest_pull(struct dest *, int64_t now);

void parcel_add(struct parcel_list *, struct parcel *);
void parcel_take(struct parcel_list *, struct parcel *);
/* all have their result, or none will come.  Frees it */
void parcel_done(struct parcel *);
/* parcel_settle - one recipient's result.  reason: of LATER, FAILED */
void parcel_settle(struct parcel *, uint16_t i, enum rcpt_step, struct span reason);
void parcel_step(struct parcel *, enum rcpt_step); /* of all without a result */

#endif
