/* SPDX-License-Identifier: ISC */
/* test_retry.c - back-off and queue time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "queue/retry.h"

#define TEN_YEARS (10ll * 365 * 86400)

static void
test_jitter_and_doubling(void **state)
{
	(void)state;
	for (unsigned attempts = 0; attempts < 40; attempts++) {
		int64_t plain = attempts < 6 ? 300ll << attempts : 14400;
		if (plain > 14400)
			plain = 14400;
		int64_t least = INT64_MAX, most = 0;
		for (int i = 0; i < 2000; i++) {
			int64_t d = retry_delay(attempts, 300, 14400);
			assert_true(d >= plain - plain / 4 && d <= plain + plain / 4);
			least = d < least ? d : least;
			most = d > most ? d : most;
		}
		assert_true(most - least > plain / 4); /* it does spread */
	}
}

static void
test_delay_is_never_nothing(void **state)
{
	(void)state;
	for (unsigned attempts = 0; attempts < 10; attempts++)
		assert_true(retry_delay(attempts, 1, 1) >= 1);
	assert_true(retry_delay(0, 0, 0) >= 1);
	assert_true(retry_delay(UINT32_MAX, 300, 14400) <= 18000);
}

static void
test_clock(void **state)
{
	/* saved queue time, wall clock now minus the saved one, what is counted */
	static const int64_t rows[][3] = {{1000, 0, 1000}, {1000, 60, 1060},
	    {1000, 3600, 4600}, {1000, 3601, 4600}, {1000, 86400, 4600},
	    {1000, TEN_YEARS, 4600}, {1000, -60, 1000}, {1000, -TEN_YEARS, 1000}};
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		retry_clock_start(rows[i][0], clock_wall_sec() - rows[i][1]);
		int64_t now = retry_now();
		assert_true(now >= rows[i][2] && now <= rows[i][2] + 1);
	}
}

static void
test_clock_never_stored(void **state)
{
	(void)state;
	retry_clock_start(0, 0);
	assert_true(retry_now() <= 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_jitter_and_doubling),
	    cmocka_unit_test(test_delay_is_never_nothing), cmocka_unit_test(test_clock),
	    cmocka_unit_test(test_clock_never_stored)};
	return cmocka_run_group_tests_name("retry", tests, NULL, NULL);
}
