/* SPDX-License-Identifier: ISC */
/*
 * test_suppress.c - addresses that were refused: which refusals count, how often, and that the
 * table stays bounded.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "queue/suppress.h"

enum { MOST = 3 };

static char dir[64];
static struct suppress *list;

static int
setup(void **state)
{
	char path[128];
	(void)state;
	strcpy(dir, "/tmp/merpati-test-suppress.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/sched", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	return suppress_open(dir, MOST, &list);
}

static int
teardown(void **state)
{
	char command[128];
	(void)state;
	suppress_close(&list);
	snprintf(command, sizeof command, "rm -rf %s", dir);
	return system(command);
}

static const struct {
	const char *reason;
	bool is_hard;
} reasons[] = {
    {"5.1.1 mx.test[192.0.2.1]:25 said: 550 5.1.1 no such user", true},
    {"5.1.10 mx.test said: 556 null MX", true},
    {"5.2.1 mx.test said: 550 5.2.1 disabled", true},
    {"5.1.1 no such mailbox", false}, /* nobody said it but us */
    {"5.2.2 mx.test said: 552 5.2.2 full", false},
    {"5.7.1 mx.test said: 550 5.7.1 we do not like you", false},
    {"4.1.1 mx.test said: 450 4.1.1 later", false},
    {"5.4.7 not delivered in time; last: 4.1.1 mx.test said: 450 4.1.1 later", false},
    {"mx.test said: 550 no", false},
    {"", false},
};

static void
test_which_count(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(reasons); i++)
		if (suppress_is_hard(span_of(reasons[i].reason)) != reasons[i].is_hard)
			fail_msg("%s", reasons[i].reason);
}

static uint32_t
count_of(const char *address)
{
	struct arena arena = {0};
	struct suppress_row row = {.count = 0};
	int err = suppress_get(list, span_of(address), &arena, &row);
	arena_reset(&arena);
	assert_true(err == E_OK || err == E_BAD);
	return err == E_OK ? row.count : 0;
}

static void
note(const char *address, int64_t now)
{
	assert_int_equal(
	    suppress_note(list, span_of(address), SPAN("mx: 550 no"), now), E_OK);
}

static void
test_counts(void **state)
{
	struct arena arena = {0};
	struct suppress_row row;
	(void)state;
	note("A@X.test", 100);
	note("a@x.TEST", 200);
	note("b@x.test", 150);
	assert_int_equal(count_of("a@x.test"), 2);
	assert_int_equal(count_of("B@x.test"), 1);
	assert_int_equal(count_of("c@x.test"), 0);
	assert_int_equal(suppress_sync(list), E_OK);
	suppress_close(&list);
	assert_int_equal(suppress_open(dir, MOST, &list), E_OK);
	assert_int_equal(suppress_get(list, SPAN("a@x.test"), &arena, &row), E_OK);
	assert_true(row.count == 2 && row.first_sec == 100 && row.last_sec == 200 &&
		    span_eqs(row.reason, "mx: 550 no"));
	arena_reset(&arena);
	assert_int_equal(suppress_remove(list, SPAN("A@x.test")), E_OK);
	assert_int_equal(suppress_remove(list, SPAN("A@x.test")), E_BAD);
	assert_int_equal(count_of("a@x.test"), 0);
}

static int
gather(void *ctx, const struct suppress_row *row)
{
	struct buf *b = ctx;
	buf_putf(b, "%.*s ", SPAN_ARG(row->address));
	return E_OK;
}

/* Who was refused longest ago makes room; whoever is refused again is young again. */
static void
test_bounded(void **state)
{
	struct buf b = {0};
	(void)state;
	note("a@x", 1);
	note("b@x", 2);
	note("c@x", 3);
	note("a@x", 4);
	note("d@x", 5);
	assert_int_equal(suppress_each(list, SPAN(""), gather, &b), E_OK);
	assert_string_equal(buf_cstr(&b), "a@x c@x d@x ");
	buf_reset(&b);
	assert_int_equal(suppress_each(list, SPAN("C@x"), gather, &b), E_OK);
	assert_string_equal(buf_cstr(&b), "d@x ");
	suppress_close(&list);
	/* it knows how many there are */
	assert_int_equal(suppress_open(dir, MOST, &list), E_OK);
	note("e@x", 6);
	buf_reset(&b);
	assert_int_equal(suppress_each(list, SPAN(""), gather, &b), E_OK);
	assert_string_equal(buf_cstr(&b), "a@x d@x e@x ");
	buf_free(&b);
}

static void
test_long_reason(void **state)
{
	static char text[SUPPRESS_REASON_MAX + 100];
	struct arena arena = {0};
	struct suppress_row row;
	(void)state;
	memset(text, 'x', sizeof text);
	assert_int_equal(
	    suppress_note(list, SPAN("a@x"), span_make(text, sizeof text), 1), E_OK);
	assert_int_equal(suppress_get(list, SPAN("a@x"), &arena, &row), E_OK);
	assert_int_equal(row.reason.n, SUPPRESS_REASON_MAX);
	arena_reset(&arena);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_which_count), TEST(test_counts),
	    TEST(test_bounded), TEST(test_long_reason)};
	log_level(LOG_EMERG);
	return cmocka_run_group_tests_name("suppress", tests, NULL, NULL);
}
