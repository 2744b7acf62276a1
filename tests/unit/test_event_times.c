/* SPDX-License-Identifier: ISC */
/* test_event_times.c - what an account may have so often, in a window of time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "deliver/events.h"

enum { MOST = 3, BEGIN_MS = 5000 };

static void
test_window(void **state)
{
	struct event_times t = {0};
	(void)state;
	assert_false(event_times_are_known(&t, BEGIN_MS));
	for (unsigned i = 0; i < MOST; i++)
		assert_true(event_times_take(&t, MOST, BEGIN_MS + i));
	assert_false(event_times_take(&t, MOST, BEGIN_MS + MOST));
	/* who asks on does not make it longer */
	assert_false(event_times_take(&t, MOST, BEGIN_MS + EVENTS_WINDOW_MS));
	assert_true(event_times_take(&t, MOST, BEGIN_MS + EVENTS_WINDOW_MS + 1));
	assert_int_equal(t.n, 1);
}

/* The window begins with the first one, not with the account. */
static void
test_begin(void **state)
{
	struct event_times t = {0};
	(void)state;
	assert_true(event_times_take(&t, MOST, 10 * EVENTS_WINDOW_MS));
	assert_true(event_times_are_known(&t, 11 * EVENTS_WINDOW_MS - 1));
	assert_false(event_times_are_known(&t, 11 * EVENTS_WINDOW_MS));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_window), cmocka_unit_test(test_begin)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
