/* SPDX-License-Identifier: ISC */
/* turn.c - deficit round robin: of a destination, and of the whole. */
#include "queue/turn.h"

enum {
	BUCKETS_FIRST = 256,
	PICK_LOOKS_MOST =
	    64 /* destinations of a tenant that are looked at in his turn */
};

struct flow {
	struct flow *hash_next;                 /* own */
	struct flow *next, *prev;               /* borrow: ring of its class */
	struct flow *tenant_next, *tenant_prev; /* borrow: ring of its tenant */
	struct tenant *tenant;                  /* borrow */
	struct turns *turns;                    /* borrow */
	struct turn_item *first, *last;
	int64_t credit; /* below 0: it had more than its part */
	bool is_bulk;
};

struct tenant {
	struct tenant *hash_next;   /* own */
	struct tenant *next, *prev; /* borrow: ring of all */
	struct flow *flows;         /* borrow: a ring; where looking goes on */
	size_t n_flows, n_items;
	uint64_t name;
	int64_t credit;
};

/* ---- names and costs ---- */

static uint64_t
tenant_of_name(struct span name)
{
	/* FNV-1a; tenants that collide share a part */
	uint64_t h = 14695981039346656037u;
	for (size_t i = 0; i < name.n; i++)
		h = (h ^ (unsigned char)ch_lower(name.p[i])) * 1099511628211u;
	return h ^ h >> 32;
}

uint64_t
tenant_name(const struct envelope *e)
{
	return tenant_of_name(
	    e->account.n ? e->account
			 : span_from(e->sender, span_rfind(e->sender, '@') + 1));
}

uint64_t
turn_cost(uint64_t bytes, uint32_t n_rcpts)
{
	return bytes + (uint64_t)n_rcpts * TURN_RCPT_COST;
}

/* ---- tenants ---- */

static size_t
tenant_bucket(const struct turn_table *t, uint64_t name)
{
	return (name ^ name >> 32) & (t->n_tenant_buckets - 1);
}

static struct tenant *
tenant_find(const struct turn_table *t, uint64_t name)
{
	struct tenant *x =
	    t->n_tenant_buckets ? t->tenants[tenant_bucket(t, name)] : NULL;
	while (x && x->name != name)
		x = x->hash_next;
	return x;
}

static void
tenants_grow(struct turn_table *t)
{
	struct tenant **old = t->tenants;
	size_t n = t->n_tenant_buckets;
	t->n_tenant_buckets = n ? n * 2 : BUCKETS_FIRST;
	t->tenants = mem_new(t->n_tenant_buckets * sizeof(struct tenant *));
	for (size_t i = 0; i < n; i++)
		for (struct tenant *x = old[i], *next; x; x = next) {
			struct tenant **bucket = &t->tenants[tenant_bucket(t, x->name)];
			next = x->hash_next;
			x->hash_next = *bucket;
			*bucket = x;
		}
	mem_free(&old);
}

static struct tenant *
tenant_get(struct turn_table *t, uint64_t name)
{
	struct tenant *x = tenant_find(t, name);
	if (x)
		return x;
	if (t->n_tenants >= t->n_tenant_buckets)
		tenants_grow(t);
	x = mem_new(sizeof *x);
	struct tenant **bucket = &t->tenants[tenant_bucket(t, name)];
	*x = (struct tenant){.hash_next = *bucket, .name = name};
	*bucket = x;
	t->n_tenants++;
	x->next = t->now ? t->now : x;
	x->prev = t->now ? t->now->prev : x;
	x->next->prev = x->prev->next = x;
	if (!t->now)
		t->now = x;
	return x;
}

/* Nothing of his waits. */
static void
tenant_drop(struct turn_table *t, struct tenant *x)
{
	struct tenant **link = &t->tenants[tenant_bucket(t, x->name)];
	while (*link != x)
		link = &(*link)->hash_next;
	*link = x->hash_next;
	t->n_tenants--;
	x->next->prev = x->prev;
	x->prev->next = x->next;
	if (t->now == x)
		t->now = x->next == x ? NULL : x->next;
	mem_free(&x);
}

/* What waits of his. */
static size_t
tenant_backlog(const struct turn_table *t, uint64_t name)
{
	const struct tenant *x = tenant_find(t, name);
	return x ? x->n_items : 0;
}

bool
turn_is_bulk(const struct turn_table *t, uint64_t tenant, uint32_t n_rcpts)
{
	return n_rcpts > BULK_RCPTS || tenant_backlog(t, tenant) >= BULK_BACKLOG;
}

/* ---- flows ---- */

static size_t
flow_bucket(const struct turn_table *t, const struct tenant *x,
    const struct turns *turns, bool is_bulk)
{
	uint64_t h =
	    (x->name ^ (uint64_t)(uintptr_t)turns) * 0x9e3779b97f4a7c15u + is_bulk;
	return (h ^ h >> 32) & (t->n_flow_buckets - 1);
}

static void
flows_grow(struct turn_table *t)
{
	struct flow **old = t->flows;
	size_t n = t->n_flow_buckets;
	t->n_flow_buckets = n ? n * 2 : BUCKETS_FIRST;
	t->flows = mem_new(t->n_flow_buckets * sizeof(struct flow *));
	for (size_t i = 0; i < n; i++)
		for (struct flow *f = old[i], *next; f; f = next) {
			struct flow **bucket =
			    &t->flows[flow_bucket(t, f->tenant, f->turns, f->is_bulk)];
			next = f->hash_next;
			f->hash_next = *bucket;
			*bucket = f;
		}
	mem_free(&old);
}

/* Behind all others of its class, and of its tenant. */
static void
flow_link(struct flow *f)
{
	struct turn_class *c = &f->turns->classes[f->is_bulk];
	struct tenant *x = f->tenant;
	f->next = c->now ? c->now : f;
	f->prev = c->now ? c->now->prev : f;
	f->next->prev = f->prev->next = f;
	if (!c->now)
		c->now = f;
	c->n_flows++;
	f->tenant_next = x->flows ? x->flows : f;
	f->tenant_prev = x->flows ? x->flows->tenant_prev : f;
	f->tenant_next->tenant_prev = f->tenant_prev->tenant_next = f;
	if (!x->flows)
		x->flows = f;
	x->n_flows++;
}

static struct flow *
flow_get(struct turn_table *t, struct tenant *x, struct turns *turns, bool is_bulk)
{
	struct flow *f =
	    t->n_flow_buckets ? t->flows[flow_bucket(t, x, turns, is_bulk)] : NULL;
	while (f && (f->tenant != x || f->turns != turns || f->is_bulk != is_bulk))
		f = f->hash_next;
	if (f)
		return f;
	if (t->n_flows >= t->n_flow_buckets)
		flows_grow(t);
	f = mem_new(sizeof *f);
	struct flow **bucket = &t->flows[flow_bucket(t, x, turns, is_bulk)];
	*f = (struct flow){.hash_next = *bucket,
	    .tenant = x,
	    .turns = turns,
	    .is_bulk = is_bulk,
	    .credit = TURN_QUANTUM};
	*bucket = f;
	t->n_flows++;
	flow_link(f);
	return f;
}

/* It is empty. */
static void
flow_drop(struct turn_table *t, struct flow *f)
{
	struct flow **link = &t->flows[flow_bucket(t, f->tenant, f->turns, f->is_bulk)];
	struct turn_class *c = &f->turns->classes[f->is_bulk];
	struct tenant *x = f->tenant;
	while (*link != f)
		link = &(*link)->hash_next;
	*link = f->hash_next;
	t->n_flows--;
	f->next->prev = f->prev;
	f->prev->next = f->next;
	if (c->now == f)
		c->now = f->next == f ? NULL : f->next;
	c->n_flows--;
	f->tenant_next->tenant_prev = f->tenant_prev;
	f->tenant_prev->tenant_next = f->tenant_next;
	if (x->flows == f)
		x->flows = f->tenant_next == f ? NULL : f->tenant_next;
	x->n_flows--;
	mem_free(&f);
}

/* ---- items ---- */

void
turns_add(struct turn_table *t, struct turns *turns, struct turn_item *i,
    uint64_t tenant, bool is_first)
{
	struct tenant *x = tenant_get(t, tenant);
	struct flow *f = flow_get(t, x, turns, i->is_bulk);
	i->flow = f;
	i->next = is_first ? f->first : NULL;
	i->prev = is_first ? NULL : f->last;
	if (i->next)
		i->next->prev = i;
	else
		f->last = i;
	if (i->prev)
		i->prev->next = i;
	else
		f->first = i;
	x->n_items++;
	turns->n++;
}

void
turns_remove(struct turn_table *t, struct turn_item *i)
{
	struct flow *f = i->flow;
	struct tenant *x = f->tenant;
	if (i->prev)
		i->prev->next = i->next;
	else
		f->first = i->next;
	if (i->next)
		i->next->prev = i->prev;
	else
		f->last = i->prev;
	i->next = i->prev = NULL;
	i->flow = NULL;
	f->turns->n--;
	if (!f->first)
		flow_drop(t, f);
	if (--x->n_items == 0)
		tenant_drop(t, x);
}

/* ---- a destination's turns ---- */

/* Whole rounds in which nobody would have credit are gone through at once. */
static void
skip_rounds(struct turn_class *c)
{
	int64_t best = INT64_MIN;
	struct flow *f = c->now;
	do {
		if (f->credit > best)
			best = f->credit;
	} while ((f = f->next) != c->now);
	int64_t rounds = best > 0 ? 0 : -best / TURN_QUANTUM;
	do
		f->credit += rounds * TURN_QUANTUM;
	while ((f = f->next) != c->now);
}

/* The flow with credit whose turn it is. */
static struct flow *
class_next(struct turn_class *c)
{
	for (size_t n = 0; c->now->credit <= 0; n++) {
		if (n == c->n_flows)
			skip_rounds(c);
		c->now = c->now->next;
		c->now->credit += TURN_QUANTUM;
	}
	return c->now;
}

struct turn_item *
turns_next(struct turns *t)
{
	struct turn_class *small = &t->classes[0], *bulk = &t->classes[1];
	if (!small->now && !bulk->now)
		return NULL;
	if (!small->now || !bulk->now)
		t->bulk_credit = 0;
	bool is_bulk = bulk->now && (!small->now || t->bulk_credit > 0);
	return class_next(is_bulk ? bulk : small)->first;
}

void
turns_take(struct turn_table *t, struct turn_item *i)
{
	struct flow *f = i->flow;
	int64_t cost = (int64_t)i->cost;
	f->credit -= cost;
	f->tenant->credit -= cost;
	if (f->tenant->credit < -TURN_DEBT_MOST)
		f->tenant->credit = -TURN_DEBT_MOST;
	f->turns->bulk_credit += f->is_bulk ? -cost : cost / (BULK_ONE_IN - 1);
	turns_remove(t, i);
}

/* ---- the whole ---- */

bool
turn_goes_on(struct turns *t, uint64_t cost)
{
	const struct turn_item *i = turns_next(t);
	return i && (cost < TURN_PICK_COST ||
			(cost < TURN_CONNECTION_COST && i->flow->tenant->credit > 0));
}

/* Of one tenant: small mail first, destinations in turn. */
static struct flow *
wanted_of(struct tenant *x, bool is_wanted(void *ctx, struct turns *), void *ctx)
{
	struct flow *bulk = NULL;
	size_t n = x->n_flows < PICK_LOOKS_MOST ? x->n_flows : PICK_LOOKS_MOST;
	for (size_t i = 0; i < n; i++) {
		struct flow *f = x->flows;
		x->flows = f->tenant_next;
		if ((f->is_bulk && bulk) || !is_wanted(ctx, f->turns))
			continue;
		if (!f->is_bulk)
			return f;
		bulk = f;
	}
	return bulk;
}

/* Whole rounds in which nobody would have credit are gone through at once. */
static void
add_rounds(struct turn_table *t, int64_t rounds)
{
	struct tenant *x = t->now;
	do {
		x->credit += rounds * TURN_QUANTUM;
		if (x->credit > TURN_QUANTUM)
			x->credit = TURN_QUANTUM;
	} while ((x = x->next) != t->now);
}

struct turns *
turn_pick(struct turn_table *t, bool is_wanted(void *ctx, struct turns *), void *ctx)
{
	for (int round = 0; round < 2 && t->now; round++) {
		int64_t best = INT64_MIN;
		for (size_t n = t->n_tenants; n; n--, t->now = t->now->next) {
			struct tenant *x = t->now;
			if (x->credit <= 0 && x->credit <= best)
				continue;
			struct flow *f = wanted_of(x, is_wanted, ctx);
			if (f && x->credit > 0) {
				x->credit -= TURN_PICK_COST;
				return f->turns;
			}
			if (f)
				best = x->credit;
		}
		if (best == INT64_MIN)
			return NULL;
		add_rounds(t, -best / TURN_QUANTUM + 1);
	}
	return NULL;
}

void
turn_table_free(struct turn_table *t)
{
	if (t->n_tenants)
		bug("something waits still");
	mem_free(&t->tenants);
	mem_free(&t->flows);
	*t = (struct turn_table){0};
}
