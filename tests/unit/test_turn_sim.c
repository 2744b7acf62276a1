/* SPDX-License-Identifier: ISC */
/*
 * test_turn_sim.c - the scheduler's decisions with a virtual clock: 1,000,000 messages of 100
 * tenants to 10,000 destinations.  Tenant 0 sends most of it, to all; ten more have much from the
 * start on; the other 89 send little all the time.  It is run with tenants, and with all mail as
 * one tenant's: first come, first served.  The figures go into queue/README.md.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "queue/pace.h"
#include "queue/turn.h"

#ifdef __SANITIZE_ADDRESS__
enum { MESSAGES = 100000, DESTS = 1000 };
#else
enum { MESSAGES = 1000000, DESTS = 10000 };
#endif

enum {
	/* 0: the bulk sender; then heavy ones; then those who send little */
	TENANTS = 100,
	HEAVY = 10,
	HEAVY_PERCENT = 20,
	LIGHT_PERCENT = 10,
	BULK_PER_MS = 5, /* he is quicker than the whole */
	/* with half of the mail; a tenth of the domains stand behind them */
	LARGE_PROVIDERS = 20,
	CONNECTIONS = 400,
	OPEN_MS = 100,
	BYTES_PER_MS = 1000,
	LIGHT_TIMES = 10, /* the light ones send for so many times as long as he does */
	SLOW_SAYS_MOST = 3, /* times that a provider which says "too much" says it */
};

struct message {
	struct turn_item item; /* the first: an item is its message */
	uint32_t came_ms, bytes;
	uint16_t dest;
	uint8_t tenant;
};

struct provider {
	struct pace pace;
	unsigned latency_ms, slow_says;
};

struct dest {
	struct turns turns; /* the first */
	struct provider *provider;
	unsigned n_open;
};

struct connection {
	struct dest *dest;
	struct message *busy_with;
	uint64_t cost;
	uint64_t due_ms;
};

static const struct pace_rules rules = {.first = 2,
    .most = 20,
    .grow = 1,
    .shrink_percent = 50,
    .pause_first_ms = 60000,
    .pause_most_ms = 600000};

static struct sim {
	bool has_tenants;
	struct turn_table table;
	struct message *messages; /* own */
	struct dest *dests;       /* own */
	struct provider providers[DESTS];
	struct connection heap[CONNECTIONS]; /* by due time */
	size_t n_heap;
	uint64_t now_ms, next_open_ms;
	size_t n_served;
	uint64_t heavy_bytes[HEAVY + 1]; /* while all of them wait */
	uint64_t much_ms;                /* when the last of theirs was delivered */
	size_t waiting[TENANTS];
	uint32_t *waits[TENANTS]; /* own: how long each message of a tenant waited */
	size_t n_waits[TENANTS];
	uint64_t random;
} sim;

static uint32_t
below(uint32_t bound)
{
	sim.random ^= sim.random << 13;
	sim.random ^= sim.random >> 7;
	sim.random ^= sim.random << 17;
	return (uint32_t)(sim.random >> 16) % bound;
}

/* ---- connections ---- */

static void
heap_swap(size_t a, size_t b)
{
	struct connection c = sim.heap[a];
	sim.heap[a] = sim.heap[b];
	sim.heap[b] = c;
}

static void
heap_add(struct connection c)
{
	size_t i = sim.n_heap++;
	sim.heap[i] = c;
	for (; i && sim.heap[i].due_ms < sim.heap[(i - 1) / 2].due_ms; i = (i - 1) / 2)
		heap_swap(i, (i - 1) / 2);
}

static struct connection
heap_take(void)
{
	struct connection c = sim.heap[0];
	sim.heap[0] = sim.heap[--sim.n_heap];
	for (size_t i = 0, child; (child = 2 * i + 1) < sim.n_heap; i = child) {
		if (child + 1 < sim.n_heap &&
		    sim.heap[child + 1].due_ms < sim.heap[child].due_ms)
			child++;
		if (sim.heap[i].due_ms <= sim.heap[child].due_ms)
			break;
		heap_swap(i, child);
	}
	return c;
}

static bool
is_wanted(void *ctx, struct turns *t)
{
	struct dest *d = (struct dest *)(void *)t;
	(void)ctx;
	return t->n > d->n_open &&
	       pace_may_open(&d->provider->pace, (int64_t)sim.now_ms);
}

static void
open_one(struct dest *d)
{
	d->n_open++;
	d->provider->pace.n_open++;
	heap_add((struct connection){.dest = d, .due_ms = sim.now_ms + OPEN_MS});
}

static void
open_more(void)
{
	for (struct turns *t;
	     sim.n_heap < CONNECTIONS && (t = turn_pick(&sim.table, is_wanted, NULL));)
		open_one((struct dest *)(void *)t);
}

/*
 * The bulk sender and the heavy ones each have more than enough, for most destinations: what they
 * get is what they are given.
 */
static bool
all_wait(void)
{
	bool all = true;
	for (unsigned i = 0; i <= HEAVY; i++)
		all &= sim.waiting[i] > MESSAGES / 100 * HEAVY_PERCENT / HEAVY / 2;
	return all;
}

static void
served(struct message *m)
{
	unsigned who = m->tenant;
	sim.n_served++;
	sim.waits[who][sim.n_waits[who]++] = (uint32_t)(sim.now_ms - m->came_ms);
	sim.waiting[who]--;
	if (who <= HEAVY)
		sim.much_ms = sim.now_ms;
	if (who <= HEAVY && all_wait())
		sim.heavy_bytes[who] += m->bytes + TURN_RCPT_COST;
}

/* A connection has something to do no more, or is to begin with the next message. */
static void
go_on(struct connection c)
{
	struct pace *p = &c.dest->provider->pace;
	if (c.busy_with) {
		served(c.busy_with);
		pace_took(p, &rules);
		if (c.dest->provider->slow_says && below(50) == 0) {
			c.dest->provider->slow_says--;
			pace_slow(p, &rules, (int64_t)sim.now_ms);
		}
	}
	bool goes_on =
	    !pace_is_paused(p, (int64_t)sim.now_ms) && p->n_open <= p->limit &&
	    (sim.n_heap + 1 < CONNECTIONS || turn_goes_on(&c.dest->turns, c.cost));
	struct turn_item *i = goes_on ? turns_next(&c.dest->turns) : NULL;
	if (!i) {
		c.dest->n_open--;
		p->n_open--;
		return;
	}
	turns_take(&sim.table, i);
	c.busy_with = (struct message *)(void *)i;
	c.cost += i->cost;
	c.due_ms = sim.now_ms + c.dest->provider->latency_ms +
	           c.busy_with->bytes / BYTES_PER_MS;
	heap_add(c);
}

/* ---- mail ---- */

static void
come(struct message *m, unsigned tenant)
{
	uint64_t name = sim.has_tenants ? tenant : 0;
	m->tenant = (uint8_t)tenant;
	m->came_ms = (uint32_t)sim.now_ms;
	m->bytes = 1000 + below(9000);
	m->dest = (uint16_t)(below(2) ? below(DESTS / 10)
				      : DESTS / 10 + below(DESTS - DESTS / 10));
	m->item = (struct turn_item){.cost = turn_cost(m->bytes, 1),
	    .is_bulk = sim.has_tenants && turn_is_bulk(&sim.table, name, 1)};
	struct dest *d = &sim.dests[m->dest];
	turns_add(&sim.table, &d->turns, &m->item, name, false);
	sim.waiting[tenant]++;
	if (sim.n_heap < CONNECTIONS && is_wanted(NULL, &d->turns))
		open_more();
}

static void
make_world(void)
{
	sim.random = 88172645463325252u;
	for (unsigned i = 0; i < DESTS; i++) {
		struct provider *p =
		    &sim.providers[i < DESTS / 10 ? i % LARGE_PROVIDERS : i];
		sim.dests[i].provider = p;
		pace_init(&p->pace, &rules);
		p->latency_ms = i < DESTS / 10 ? 50 : 50 + below(400);
		p->slow_says = i >= DESTS / 10 && i % 100 == 99 ? SLOW_SAYS_MOST : 0;
	}
}

/* Messages of three streams, each in its time, and what becomes of them. */
static void
run(void)
{
	size_t n_heavy = MESSAGES / 100 * HEAVY_PERCENT,
	       n_light = MESSAGES / 100 * LIGHT_PERCENT, next = 0, light = 0, bulk = 0;
	size_t n_bulk = MESSAGES - n_heavy - n_light;
	uint64_t span_ms = n_bulk / BULK_PER_MS * LIGHT_TIMES;
	for (; next < n_heavy; next++)
		come(&sim.messages[next], 1 + (unsigned)(next % HEAVY));
	while (sim.n_served < MESSAGES) {
		uint64_t t_bulk = bulk < n_bulk ? bulk / BULK_PER_MS : UINT64_MAX;
		uint64_t t_light =
		    light < n_light ? light * span_ms / n_light : UINT64_MAX;
		uint64_t t_done = sim.n_heap ? sim.heap[0].due_ms : UINT64_MAX,
			 first = t_bulk < t_light ? t_bulk : t_light;
		if (first == UINT64_MAX && t_done == UINT64_MAX)
			sim.now_ms += 1000; /* all that is left is paused */
		else
			sim.now_ms = first < t_done ? first : t_done;
		if (t_done <= first && t_done != UINT64_MAX)
			go_on(heap_take());
		else if (t_bulk <= t_light && t_bulk != UINT64_MAX)
			come(&sim.messages[next++], 0), bulk++;
		else if (t_light != UINT64_MAX)
			come(&sim.messages[next++],
			    HEAVY + 1 + (unsigned)(light++ % (TENANTS - HEAVY - 1)));
		if (sim.n_heap < CONNECTIONS && sim.now_ms >= sim.next_open_ms) {
			open_more();
			/* nobody wants more just now */
			sim.next_open_ms =
			    sim.now_ms + (sim.n_heap < CONNECTIONS ? 5 : 0);
		}
	}
}

/* ---- figures ---- */

struct figures {
	/* much: all of theirs is delivered */
	double light_median_s, light_p99_s, light_most_s, bulk_median_s, bulk_most_s,
	    fairness, much_s;
};

static int
by_wait(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

static struct figures
measure(void)
{
	static uint32_t light[MESSAGES];
	struct figures f = {.much_s = (double)sim.much_ms / 1000};
	size_t n = 0, n_bulk = sim.n_waits[0];
	double sum = 0, squares = 0;
	for (unsigned i = HEAVY + 1; i < TENANTS; i++)
		for (size_t j = 0; j < sim.n_waits[i]; j++)
			light[n++] = sim.waits[i][j];
	qsort(light, n, sizeof *light, by_wait);
	qsort(sim.waits[0], n_bulk, sizeof *light, by_wait);
	f.light_median_s = light[n / 2] / 1000.0;
	f.light_p99_s = light[n - n / 100] / 1000.0;
	f.light_most_s = light[n - 1] / 1000.0;
	f.bulk_median_s = sim.waits[0][n_bulk / 2] / 1000.0;
	f.bulk_most_s = sim.waits[0][n_bulk - 1] / 1000.0;
	for (unsigned i = 0; i <= HEAVY; i++) {
		double x = (double)sim.heavy_bytes[i];
		sum += x;
		squares += x * x;
	}
	f.fairness = sum * sum / (squares * (HEAVY + 1)); /* Jain's index */
	return f;
}

static struct figures
simulate(bool has_tenants, const char *name)
{
	int64_t begun_ms = clock_mono_ms();
	memset(&sim, 0, sizeof sim);
	sim.has_tenants = has_tenants;
	sim.messages = mem_new(MESSAGES * sizeof *sim.messages);
	sim.dests = mem_new(DESTS * sizeof *sim.dests);
	for (unsigned i = 0; i < TENANTS; i++)
		sim.waits[i] = mem_new(MESSAGES * sizeof(uint32_t));
	make_world();
	run();
	struct figures f = measure();
	printf("# %s: %d messages, %d destinations, %d tenants: those with much have "
	       "all delivered in %.0f s; light tenants wait %.2f s (median), "
	       "%.1f s (p99), %.0f s (most); the bulk sender %.0f s (median), %.0f s "
	       "(most); fairness of those with much %.3f; "
	       "%lld ms of work\n",
	    name, MESSAGES, DESTS, TENANTS, f.much_s, f.light_median_s, f.light_p99_s,
	    f.light_most_s, f.bulk_median_s, f.bulk_most_s, f.fairness,
	    (long long)(clock_mono_ms() - begun_ms));
	turn_table_free(&sim.table);
	for (unsigned i = 0; i < TENANTS; i++)
		mem_free(&sim.waits[i]);
	mem_free(&sim.messages);
	mem_free(&sim.dests);
	return f;
}

static void
test_bulk_sender(void **state)
{
	(void)state;
	struct figures fair = simulate(true, "tenants"),
		       plain = simulate(false, "first come, first served");
	assert_true(fair.light_median_s < 2);
	assert_true(fair.light_p99_s * 10 < plain.light_p99_s);
	assert_true(fair.fairness > 0.9);
	assert_true(fair.much_s < plain.much_s * 1.25); /* what fairness costs */
	/* and nothing starves */
	assert_true(fair.bulk_most_s < plain.bulk_most_s * 1.25);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_bulk_sender)};
	return cmocka_run_group_tests_name("turn_sim", tests, NULL, NULL);
}
