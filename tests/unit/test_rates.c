/* SPDX-License-Identifier: ISC */
/* test_rates.c - buckets of networks: a minute's worth, no more; whatever stands in their memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "smtpd/rates.h"

enum { SECOND = 1000000 };

static const int64_t start_us = 5000000000;
static struct rate_table *table;

static int
begin(void **state)
{
	(void)state;
	table = mem_new(sizeof *table);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	mem_free(&table);
	return 0;
}

static uint64_t
key(const char *address)
{
	uint64_t k;
	assert_int_equal(rate_key(address, &k), E_OK);
	return k;
}

static unsigned
take_many(const char *address, unsigned tries, uint32_t most, int64_t now)
{
	unsigned n = 0;
	for (unsigned i = 0; i < tries; i++)
		n += rate_take(table, key(address), RATE_MESSAGES, 1, most, now);
	return n;
}

static void
test_networks(void **state)
{
	uint64_t k;
	(void)state;
	assert_true(key("192.0.2.1") != key("192.0.2.2"));
	assert_true(key("2001:db8:0:1::1") == key("2001:db8:0:1:ffff::9"));
	assert_true(key("2001:db8:0:1::1") != key("2001:db8:0:2::1"));
	assert_int_equal(rate_key("unix", &k), E_BAD);
}

static void
test_minute(void **state)
{
	(void)state;
	assert_int_equal(take_many("192.0.2.1", 20, 6, start_us), 6);
	assert_int_equal(take_many("192.0.2.2", 20, 6, start_us), 6);
	/* one comes free each ten seconds, whatever was refused meanwhile */
	assert_int_equal(take_many("192.0.2.1", 20, 6, start_us + 9 * SECOND), 0);
	assert_int_equal(take_many("192.0.2.1", 20, 6, start_us + 10 * SECOND), 1);
	assert_int_equal(take_many("192.0.2.1", 20, 6, start_us + 40 * SECOND), 3);
	assert_int_equal(take_many("192.0.2.1", 20, 6, start_us + 600LL * SECOND), 6);
	/* no limit; more at once than ever fits */
	assert_int_equal(take_many("192.0.2.3", 500, 0, start_us), 500);
	assert_false(
	    rate_take(table, key("192.0.2.3"), RATE_RECIPIENTS, 7, 6, start_us));
	assert_true(
	    rate_take(table, key("192.0.2.3"), RATE_RECIPIENTS, 6, 6, start_us));
}

static void
test_charge(void **state)
{
	(void)state;
	assert_true(
	    rate_charge(table, key("192.0.2.1"), RATE_ERRORS, 10, 10, start_us));
	assert_true(rate_charge(table, key("192.0.2.1"), RATE_ERRORS, 0, 10, start_us));
	assert_false(rate_charge(
	    table, key("192.0.2.1"), RATE_ERRORS, UINT32_MAX, 10, start_us));
	assert_false(rate_charge(
	    table, key("192.0.2.1"), RATE_ERRORS, 0, 10, start_us + 59 * SECOND));
	/* however much it was, it is over a minute later */
	assert_true(rate_charge(
	    table, key("192.0.2.1"), RATE_ERRORS, 0, 10, start_us + 60 * SECOND));
	assert_true(rate_take(table, key("192.0.2.1"), RATE_MESSAGES, 1, 1, start_us));
}

/* More networks than there are places: who does much is not forgotten for those that come once. */
static void
test_many(void **state)
{
	(void)state;
	assert_int_equal(take_many("192.0.2.1", 60, 60, start_us), 60);
	for (uint64_t i = 1; i < 100000; i++)
		assert_true(rate_take(table, i * 0x9e3779b97f4a7c15u | 1, RATE_MESSAGES,
		    1, 60, start_us));
	assert_int_equal(take_many("192.0.2.1", 60, 60, start_us), 0);
}

/* A front that was taken over writes what it likes: others go on, and within a minute all is well. */
static void
test_scribbled(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		memset((void *)table, (int[]){0, 0xff, 0x41}[i], sizeof *table);
		take_many("192.0.2.1", 10, 6, start_us);
		rate_charge(table, key("192.0.2.1"), RATE_ERRORS, 3, 6, start_us);
		assert_int_equal(
		    take_many("192.0.2.1", 10, 6, start_us + 200LL * SECOND), 6);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_networks),
	    TEST(test_minute),
	    TEST(test_charge),
	    TEST(test_many),
	    TEST(test_scribbled),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
