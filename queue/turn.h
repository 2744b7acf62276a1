/* SPDX-License-Identifier: ISC */
/*
 * turn.h - whose mail is next.  Pure: no clock, no IO; the simulation (tests/unit/test_turn_sim.c)
 * runs the same code.
 *   tenant   who mail is from: the account that logged in, else the sender's domain (tenant_name)
 *   turns    what waits for one destination
 *   flow     what one tenant has waiting at one destination, of one class: first come, first served
 * Deficit round robin (Shreedhar, Varghese 1995): a flow is served while it has credit, pays with
 * what its mail costs, bytes and TURN_RCPT_COST a recipient, and gets TURN_QUANTUM when its turn
 * comes again.  So tenants share a destination by what they send, however much each has waiting.
 * Small mail passes bulk.  Bulk is a message with more than BULK_RCPTS recipients, and what a
 * tenant has beyond the first BULK_BACKLOG that wait.  Where both wait, bulk gets one part in
 * BULK_ONE_IN, so it is late, and never starves.  The whole, connections to all destinations, is
 * shared in the same way: turn_pick.
 */
#ifndef QUEUE_TURN_H
#define QUEUE_TURN_H

#include "spool/envelope.h"

enum {
	TURN_RCPT_COST = 4096,     /* bytes that a recipient costs as much as */
	TURN_QUANTUM = 64 << 10,   /* bytes: a turn */
	TURN_PICK_COST = 64 << 10, /* a connection, before anything went over it */
	/* of what goes over a connection, before it is another destination's turn */
	TURN_CONNECTION_COST = 512 << 10,
	/* bytes: what was had while others wanted nothing is not held against a tenant for long */
	TURN_DEBT_MOST = 8 << 20,
	BULK_RCPTS = 20,
	BULK_BACKLOG = 200,
	BULK_ONE_IN = 5,
};

struct flow;
struct tenant;
struct turns;

struct turn_item {
	struct turn_item *next, *prev; /* borrow: of its flow */
	struct flow *flow;             /* borrow; NULL: it does not wait */
	uint64_t cost;
	bool is_bulk;
};

/* Flows of one class, in a ring. */
struct turn_class {
	struct flow *now; /* borrow: whose turn it is */
	size_t n_flows;
};

struct turns {
	struct turn_class classes[2]; /* small, bulk */
	int64_t bulk_credit; /* what bulk may take before small mail is served again */
	size_t n;
};

struct turn_table {
	struct tenant **tenants; /* own: by name */
	struct flow **flows;     /* own: by tenant and turns */
	size_t n_tenants, n_tenant_buckets, n_flows, n_flow_buckets;
	/* borrow: of those for whom something waits, whose turn it is */
	struct tenant *now;
};

void turn_table_free(struct turn_table *); /* nothing waits any more */
/* tenant_name - of a message: a number for who it is from */
uint64_t tenant_name(const struct envelope *);

uint64_t turn_cost(uint64_t bytes, uint32_t n_rcpts);
/* turn_is_bulk - of a message that comes: n_rcpts are all of its recipients */
bool turn_is_bulk(const struct turn_table *, uint64_t tenant, uint32_t n_rcpts);
/*
 * turns_add - waits from now on; cost and is_bulk are set.  is_first: before the others of its
 * flow: it had its turn, and was not begun
 */
void turns_add(struct turn_table *, struct turns *, struct turn_item *, uint64_t tenant,
    bool is_first);
/* turns_next - the one whose turn it is; it stays.  NULL: nothing waits */
struct turn_item *turns_next(struct turns *);
/* it is served: paid for, and waits no longer */
void turns_take(struct turn_table *, struct turn_item *);
void turns_remove(struct turn_table *, struct turn_item *); /* it waits no longer */
/*
 * turn_pick - there is one more connection for the whole: which destination gets it?
 *   is_wanted  whether this one could do with it
 *   returns    one of a tenant whose turn it is, which pays for it; NULL: none is wanted
 */
struct turns *turn_pick(
    struct turn_table *, bool is_wanted(void *ctx, struct turns *), void *ctx);
/*
 * turn_goes_on - all connections are in use, and more are wanted: does one over which mail of so
 * much cost went keep its destination?  For TURN_PICK_COST in any case; then as long as the tenant
 * whose turn it is there had less than his part
 */
bool turn_goes_on(struct turns *, uint64_t cost);

#endif
