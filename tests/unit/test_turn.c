/* SPDX-License-Identifier: ISC */
/* test_turn.c - whose mail is next; connections by success and failure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "queue/pace.h"
#include "queue/turn.h"

enum { ITEMS = 4000 };

static struct turn_table table;
static struct turn_item items[ITEMS];
static size_t n_items;

static struct turn_item *
add(struct turns *to, uint64_t tenant, uint64_t cost, bool is_bulk)
{
	struct turn_item *i = &items[n_items++];
	*i = (struct turn_item){.cost = cost, .is_bulk = is_bulk};
	turns_add(&table, to, i, tenant, false);
	return i;
}

static int
setup(void **state)
{
	(void)state;
	n_items = 0;
	return 0;
}

static void
drain(struct turns *t)
{
	for (struct turn_item *i; (i = turns_next(t));)
		turns_take(&table, i);
	assert_int_equal(t->n, 0);
}

static void
test_first_come(void **state)
{
	struct turns t = {0};
	(void)state;
	struct turn_item *a = add(&t, 1, 100, false), *b = add(&t, 1, 100, false);
	assert_ptr_equal(turns_next(&t), a);
	assert_ptr_equal(turns_next(&t), a);
	turns_take(&table, a);
	turns_add(&table, &t, a, 1, true); /* it was not begun */
	assert_ptr_equal(turns_next(&t), a);
	turns_remove(&table, a);
	assert_ptr_equal(turns_next(&t), b);
	turns_take(&table, b);
	assert_null(turns_next(&t));
	turn_table_free(&table);
}

/* What each of three tenants has had, when so many were served. */
static void
serve(struct turns *t, unsigned n, const size_t *firsts, uint64_t *bytes)
{
	while (n--) {
		struct turn_item *i = turns_next(t);
		size_t at = (size_t)(i - items), tenant = 0;
		while (tenant < 2 && at >= firsts[tenant + 1])
			tenant++;
		bytes[tenant] += i->cost;
		turns_take(&table, i);
	}
}

/* One has many small ones, one few large ones, one some: while all wait, each gets the same. */
static void
test_equal_parts(void **state)
{
	struct turns t = {0};
	size_t firsts[3];
	uint64_t bytes[3] = {0}, least = UINT64_MAX, most = 0;
	(void)state;
	firsts[0] = n_items;
	for (int i = 0; i < 2000; i++)
		add(&t, 1, 8192, false);
	firsts[1] = n_items;
	for (int i = 0; i < 40; i++)
		add(&t, 2, 1000000, false);
	firsts[2] = n_items;
	for (int i = 0; i < 400; i++)
		add(&t, 3, 70000, false);
	serve(&t, 1500, firsts, bytes);
	for (int i = 0; i < 3; i++) {
		least = bytes[i] < least ? bytes[i] : least;
		most = bytes[i] > most ? bytes[i] : most;
	}
	assert_true(least > 5000000);
	assert_true(most - least <= 2 * 1000000 + 2 * TURN_QUANTUM);
	drain(&t);
	turn_table_free(&table);
}

static void
test_small_passes_bulk(void **state)
{
	struct turns t = {0};
	unsigned n_bulk = 0;
	(void)state;
	for (int i = 0; i < 1000; i++)
		add(&t, 1, 10000, true);
	for (int i = 0; i < 1000; i++)
		add(&t, 2, 10000, false);
	assert_false(turns_next(&t)->is_bulk);
	for (int i = 0; i < 1000; i++) {
		n_bulk += turns_next(&t)->is_bulk;
		turns_take(&table, turns_next(&t));
	}
	/* late, and never starved */
	assert_in_range(n_bulk, 1000 / BULK_ONE_IN - 2, 1000 / BULK_ONE_IN + 2);
	drain(&t);
	turn_table_free(&table);
}

static void
test_what_is_bulk(void **state)
{
	struct turns t = {0};
	(void)state;
	assert_false(turn_is_bulk(&table, 1, BULK_RCPTS));
	assert_true(turn_is_bulk(&table, 1, BULK_RCPTS + 1));
	for (int i = 0; i < BULK_BACKLOG; i++) {
		assert_false(turn_is_bulk(&table, 1, 1));
		add(&t, 1, 1, false);
	}
	assert_true(turn_is_bulk(&table, 1, 1));
	assert_false(turn_is_bulk(&table, 2, 1));
	drain(&t);
	turn_table_free(&table);
}

static struct turns *unwanted;

static bool
is_wanted(void *ctx, struct turns *t)
{
	(void)ctx;
	return t != unwanted;
}

/*
 * One tenant waits at many destinations, another at one: the next connections are shared all the
 * same.
 */
static void
test_pick(void **state)
{
	struct turns many[100] = {0}, one = {0};
	unsigned n_one = 0;
	(void)state;
	for (int i = 0; i < 100; i++)
		add(&many[i], 1, 1000, false);
	add(&one, 2, 1000, false);
	for (int i = 0; i < 40; i++)
		n_one += turn_pick(&table, is_wanted, NULL) == &one;
	assert_in_range(n_one, 18, 22);
	unwanted = &one;
	for (int i = 0; i < 40; i++)
		assert_ptr_not_equal(turn_pick(&table, is_wanted, NULL), &one);
	for (int i = 0; i < 100; i++)
		drain(&many[i]);
	assert_null(turn_pick(&table, is_wanted, NULL));
	drain(&one);
	unwanted = NULL;
	assert_null(turn_pick(&table, is_wanted, NULL));
	turn_table_free(&table);
}

static void
test_tenants(void **state)
{
	(void)state;
	struct envelope a = {
	    .account = SPAN("u1@Example.test"), .sender = SPAN("x@other.test")};
	struct envelope b = {
	    .account = SPAN("u1@example.test"), .sender = SPAN("y@else.test")};
	struct envelope c = {.account = SPAN(""), .sender = SPAN("x@OTHER.test")},
			d = {.account = SPAN(""), .sender = SPAN("z@other.test")};
	assert_int_equal(tenant_name(&a), tenant_name(&b));
	assert_int_equal(tenant_name(&c), tenant_name(&d));
	assert_int_not_equal(tenant_name(&a), tenant_name(&c));
}

/* ---- connections ---- */

static const struct pace_rules rules = {.first = 2,
    .most = 6,
    .grow = 1,
    .shrink_percent = 50,
    .pause_first_ms = 60000,
    .pause_most_ms = 200000};

static void
test_grows(void **state)
{
	struct pace p;
	(void)state;
	pace_init(&p, &rules);
	assert_int_equal(p.limit, 2);
	pace_took(&p, &rules);
	assert_int_equal(p.limit, 2);
	pace_took(&p, &rules);
	assert_int_equal(p.limit, 3);
	for (int i = 0; i < 100; i++)
		pace_took(&p, &rules);
	assert_int_equal(p.limit, 6);
	p.n_open = 5;
	assert_true(pace_may_open(&p, 0));
	p.n_open = 6;
	assert_false(pace_may_open(&p, 0));
	p.n_open = 4;
	pace_enough(&p, 1000);
	assert_int_equal(p.limit, 4);
	p.n_open = 3;
	assert_false(pace_may_open(&p, 1000 + PACE_ENOUGH_MS - 1));
	assert_true(pace_may_open(&p, 1000 + PACE_ENOUGH_MS));
}

static void
test_slow(void **state)
{
	struct pace p;
	(void)state;
	pace_init(&p, &rules);
	p.limit = 6;
	p.n_open = 6;
	assert_int_equal(pace_slow(&p, &rules, 0), 60000);
	assert_int_equal(p.limit, 3);
	/* the others that were under way say the same */
	assert_int_equal(pace_slow(&p, &rules, 59999), 0);
	assert_int_equal(p.limit, 3);
	p.n_open = 0;
	assert_false(pace_may_open(&p, 59999));
	assert_true(pace_may_open(&p, 60000));
	assert_int_equal(pace_slow(&p, &rules, 60000), 120000);
	assert_int_equal(pace_slow(&p, &rules, 180000), 200000);
	assert_int_equal(p.limit, 1);
	pace_took(&p, &rules);
	assert_int_equal(pace_slow(&p, &rules, 400000), 60000);
}

static void
test_down(void **state)
{
	struct down d = {0};
	(void)state;
	assert_false(down_is(&d, 0));
	assert_false(down_ended(&d));
	down_failed(&d, 1000, 500);
	assert_true(down_is(&d, 1499));
	assert_false(down_is(&d, 1500));
	assert_int_equal(d.failures, 1);
	assert_true(down_ended(&d));
	assert_false(down_is(&d, 1000));
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int
main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_first_come),
	    TEST(test_equal_parts), TEST(test_small_passes_bulk),
	    TEST(test_what_is_bulk), TEST(test_pick), TEST(test_tenants),
	    TEST(test_grows), TEST(test_slow), TEST(test_down)};
	return cmocka_run_group_tests_name("turn", tests, NULL, NULL);
}
