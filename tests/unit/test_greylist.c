/* SPDX-License-Identifier: ISC */
/* test_greylist.c - greylisting: who waits, who passes, who is known; what is kept, and how much. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scratch.h"
#include "smtpd/policy/greylist_rows.h"
#include "smtpd/policy/psl.h"

enum { T0 = 1800000000, DELAY = 180, WINDOW = 86400, KEEP = 36 * 86400, MOST = 20 };

static struct greylist_rules rules = {.delay_sec = DELAY,
    .window_sec = WINDOW,
    .keep_sec = KEEP,
    .learn = 3,
    .most = MOST};
static struct greylist_rows *rows;
static char dir[64];

static int
setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/merpati-test-greylist.XXXXXX");
	assert_non_null(mkdtemp(dir));
	return greylist_rows_open(dir, &rules, &rows);
}

static int
teardown(void **state)
{
	(void)state;
	greylist_rows_close(&rows);
	scratch_remove(dir);
	return 0;
}

static struct greylist_said
judge(const char *key, const char *sender, const char *rcpt, int64_t at)
{
	struct greylist_said said;
	assert_int_equal(greylist_rows_judge(rows, span_of(key), span_of(sender),
			     span_of(rcpt), T0 + at, &said),
	    E_OK);
	return said;
}

#define NET "net:192.0.2.0/24"
#define ASSERT_WAITS(at, left)                                                         \
	do {                                                                           \
		struct greylist_said s_ =                                              \
		    judge(NET, "a@b.example", "c@d.example", at);                      \
		assert_int_equal(s_.verdict, GREYLIST_WAIT);                           \
		assert_int_equal(s_.left_sec, left);                                   \
	} while (0)
#define ASSERT_SAYS(at, what)                                                          \
	assert_int_equal(                                                              \
	    judge(NET, "a@b.example", "c@d.example", at).verdict, GREYLIST_##what)

static void
test_waits_and_passes(void **state)
{
	(void)state;
	ASSERT_WAITS(0, DELAY);
	ASSERT_WAITS(1, DELAY - 1);
	ASSERT_WAITS(DELAY - 1, 1);
	ASSERT_SAYS(DELAY, PASS);
	ASSERT_SAYS(DELAY + 1, PASS);
	/* in any case; but nothing else of it may differ */
	assert_int_equal(
	    judge(NET, "A@B.Example", "C@D.Example", DELAY).verdict, GREYLIST_PASS);
	assert_int_equal(
	    judge(NET, "a@b.example", "x@d.example", DELAY).verdict, GREYLIST_WAIT);
	assert_int_equal(
	    judge(NET, "x@b.example", "c@d.example", DELAY).verdict, GREYLIST_WAIT);
	assert_int_equal(
	    judge("net:192.0.3.0/24", "a@b.example", "c@d.example", DELAY).verdict,
	    GREYLIST_WAIT);
	assert_int_equal(
	    judge(NET, "a@b.examplec", "@d.example", DELAY).verdict, GREYLIST_WAIT);
	assert_int_equal(judge(NET, "", "c@d.example", DELAY).verdict, GREYLIST_WAIT);
}

static void
test_window(void **state)
{
	(void)state;
	ASSERT_WAITS(0, DELAY);
	ASSERT_WAITS(WINDOW, DELAY); /* too late: it begins anew */
	ASSERT_SAYS(WINDOW + DELAY, PASS);
	ASSERT_SAYS(3 * WINDOW, PASS);
}

static void
test_keep(void **state)
{
	(void)state;
	ASSERT_WAITS(0, DELAY);
	ASSERT_SAYS(DELAY, PASS);
	ASSERT_SAYS(KEEP, PASS); /* and is known from here on */
	ASSERT_SAYS(2 * (int64_t)KEEP - 1, PASS);
	ASSERT_WAITS(3 * (int64_t)KEEP, DELAY);
}

static void
test_clock_goes_back(void **state)
{
	(void)state;
	ASSERT_WAITS(0, DELAY);
	ASSERT_WAITS(-100000, DELAY);
	ASSERT_SAYS(-100000 + DELAY, PASS);
	ASSERT_SAYS(-200000, PASS);
}

static void
test_learns(void **state)
{
	static const char *const rcpts[] = {
	    "1@d.example", "2@d.example", "3@d.example"};
	(void)state;
	for (size_t i = 0; i < COUNT(rcpts); i++)
		assert_int_equal(
		    judge(NET, "a@b.example", rcpts[i], 0).verdict, GREYLIST_WAIT);
	for (size_t i = 0; i < COUNT(rcpts); i++) {
		/* the same again is no other one */
		assert_int_equal(
		    judge(NET, "a@b.example", rcpts[0], 1000).verdict, GREYLIST_PASS);
		assert_int_equal(
		    judge(NET, "new@b.example", "c@d.example", DELAY / 2).verdict,
		    GREYLIST_WAIT);
		assert_int_equal(
		    judge(NET, "a@b.example", rcpts[i], DELAY).verdict, GREYLIST_PASS);
	}
	ASSERT_SAYS(1000, KNOWN);
	ASSERT_SAYS(KEEP, KNOWN);
	ASSERT_SAYS(2 * (int64_t)KEEP - 1, KNOWN);
	ASSERT_WAITS(3 * (int64_t)KEEP, DELAY); /* and forgets */
	assert_int_equal(
	    judge("net:198.51.100.0/24", "a@b.example", rcpts[0], 1000).verdict,
	    GREYLIST_WAIT);
}

static void
test_learns_nothing(void **state)
{
	(void)state;
	rules.learn = 0;
	assert_int_equal(teardown(state), 0);
	assert_int_equal(setup(state), 0);
	ASSERT_WAITS(0, DELAY);
	ASSERT_SAYS(DELAY, PASS);
	assert_int_equal(greylist_rows_count(rows), 1);
	rules.learn = 3;
}

static void
test_restart(void **state)
{
	(void)state;
	ASSERT_WAITS(0, DELAY);
	assert_int_equal(greylist_rows_sync(rows), E_OK);
	greylist_rows_close(&rows);
	assert_int_equal(greylist_rows_open(dir, &rules, &rows), E_OK);
	assert_int_equal(greylist_rows_count(rows), 1);
	ASSERT_WAITS(DELAY - 1, 1);
	ASSERT_SAYS(DELAY, PASS);
	assert_int_equal(greylist_rows_count(rows), 2);
}

/* Who came again stays; of the others the oldest go. */
static void
test_bounded(void **state)
{
	(void)state;
	ASSERT_WAITS(0, DELAY);
	ASSERT_SAYS(DELAY, PASS);
	for (int i = 0; i < 3 * MOST; i++) {
		char rcpt[32];
		snprintf(rcpt, sizeof rcpt, "%d@d.example", i);
		judge("net:198.51.100.0/24", "x@y.example", rcpt, 200 + i);
		assert_true(greylist_rows_count(rows) <= MOST);
	}
	assert_true(greylist_rows_count(rows) >= MOST - 1);
	ASSERT_SAYS(1000, PASS);
	assert_int_equal(
	    judge("net:198.51.100.0/24", "x@y.example", "59@d.example", 1000).verdict,
	    GREYLIST_PASS);
	assert_int_equal(
	    judge("net:198.51.100.0/24", "x@y.example", "0@d.example", 1000).verdict,
	    GREYLIST_WAIT);
}

static void
test_sweep(void **state)
{
	(void)state;
	ASSERT_WAITS(0, DELAY);
	judge(NET, "other@b.example", "c@d.example", 0);
	ASSERT_SAYS(DELAY, PASS);
	assert_int_equal(greylist_rows_count(rows), 3);
	assert_int_equal(greylist_rows_sweep(rows, T0 + WINDOW - 1), E_OK);
	assert_int_equal(greylist_rows_count(rows), 3);
	assert_int_equal(greylist_rows_sweep(rows, T0 + WINDOW), E_OK);
	assert_int_equal(greylist_rows_count(rows), 2);
	assert_int_equal(greylist_rows_sweep(rows, T0 + 2 * (int64_t)KEEP), E_OK);
	assert_int_equal(greylist_rows_count(rows), 0);
}

/* ---- who sends ---- */

/* clang-format off */
static const struct {
	const char *spf, *ip, *key;
} keys[] = {
	{"mail.example.co.uk", "192.0.2.1", "spf:example.co.uk"},
	{"",            "192.0.2.77",         "net:192.0.2.0/24"},
	{"",            "2001:db8:1:2:3::4",  "net:2001:db8:1:2::/64"},
	{"",            "::ffff:192.0.2.77",  "net:192.0.2.0/24"},
};

/* clang-format on */

static void
test_keys(void **state)
{
	(void)state;
	assert_int_equal(psl_prepare(), E_OK);
	for (size_t i = 0; i < COUNT(keys); i++) {
		struct buf out = {0};
		struct ip ip;
		assert_int_equal(ip_parse(span_of(keys[i].ip), &ip), E_OK);
		greylist_key_put(span_of(keys[i].spf), &ip, &out);
		assert_string_equal(buf_cstr(&out), keys[i].key);
		buf_free(&out);
	}
	psl_done();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_waits_and_passes),
	    TEST(test_window), TEST(test_keep), TEST(test_clock_goes_back),
	    TEST(test_learns), TEST(test_learns_nothing), TEST(test_restart),
	    TEST(test_bounded), TEST(test_sweep), cmocka_unit_test(test_keys)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
