/* SPDX-License-Identifier: ISC */
/*
 * test_suspend.c - suspended destinations: what outlasts a restart, and an index that is made anew.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "queue/retry.h"
#include "queue/suspend.h"
#include "scratch.h"

/* Berkeley DB keeps memory of an environment whose recovery failed. */
const char *__lsan_default_suppressions(void);
int __wrap_index_reschedule(struct index *, struct id, int64_t due_sec);

static unsigned n_failed;

const char *
__lsan_default_suppressions(void)
{
	return "leak:libdb-5.3";
}

int
__wrap_index_reschedule(struct index *x, struct id id, int64_t due_sec)
{
	(void)x, (void)id, (void)due_sec;
	n_failed++;
	return E_IO;
}

static char dir[] = "/tmp/test_suspend.XXXXXX";

static void
count_word(void *ctx, struct span text, int64_t value)
{
	size_t *n = ctx;
	assert_true(span_eq(text, SPAN("suspended mx.a.test")));
	assert_true(value > 0);
	++*n;
}

static size_t
words(void)
{
	size_t n = 0;
	assert_int_equal(index_words(the_sched.index, count_word, &n), E_OK);
	return n;
}

static void
open_again(void)
{
	index_close(&the_sched.index);
	assert_int_equal(index_open(dir, &the_sched.index), E_OK);
}

static void
test_outlasts(void **state)
{
	(void)state;
	assert_int_equal(suspend_add(SPAN("MX.a.test")), E_OK);
	assert_int_equal(suspend_add(SPAN("mx.A.test")), E_BAD);
	open_again();
	assert_int_equal(words(), 1);
	assert_int_equal(index_renew(the_sched.index), E_OK);
	assert_int_equal(words(), 0);
	suspend_renew();
	open_again();
	assert_int_equal(words(), 1);
	assert_int_equal(suspend_end(SPAN("mx.a.test")), E_OK);
	assert_int_equal(suspend_end(SPAN("mx.a.test")), E_BAD);
}

/*
 * Rows cannot be written, as on a full disk: what waited is tried again later, and not without an
 * end.
 */
static void
test_end_on_full_disk(void **state)
{
	(void)state;
	struct index_row row = {
	    .id = {.b = {1}}, .due_sec = 100, .entry = {.id = {.b = {1}}}};
	assert_int_equal(suspend_add(SPAN("b.test")), E_OK);
	row.waits_for = suspend_waits(suspend_at(0));
	assert_int_equal(index_put(the_sched.index, &row), E_OK);
	the_sched.is_replayed = true;
	assert_int_equal(suspend_end(SPAN("b.test")), E_OK);
	assert_int_equal(n_failed, 1);
	suspend_tick();
	assert_int_equal(n_failed, 2);
	assert_int_equal(
	    index_waiting(the_sched.index, row.waits_for, &(struct id){{0}}, 1), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_outlasts), cmocka_unit_test(test_end_on_full_disk)};
	char sched[80];
	log_level(LOG_EMERG);
	if (!mkdtemp(dir))
		return 1;
	snprintf(sched, sizeof sched, "%s/sched", dir);
	if (mkdir(sched, 0700) != 0 || index_open(dir, &the_sched.index) != E_OK)
		return 1;
	retry_clock_start(0, 0);
	int failed = cmocka_run_group_tests_name("suspend", tests, NULL, NULL);
	index_close(&the_sched.index);
	scratch_remove(dir);
	return failed;
}
