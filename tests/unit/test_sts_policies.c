/* SPDX-License-Identifier: ISC */
/*
 * test_sts_policies.c - policies that are kept: over restarts, as many as have room, in the order
 * in which they are due.
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
#include "queue/sts/policies.h"
#include "scratch.h"

/* A B-tree that cannot be opened is not closed: Berkeley DB's own. */
const char *__lsan_default_suppressions(void);

const char *
__lsan_default_suppressions(void)
{
	return "leak:libdb-5.3";
}

enum { MOST = 3 };

static char dir[64], sub[128];
static struct policies *kept;
static struct arena arena = {.max_bytes = 1 << 20};

static int
setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/merpati-test-policies.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(sub, sizeof sub, "%s/sts", dir);
	assert_int_equal(mkdir(sub, 0700), 0);
	return policies_open(dir, MOST, &kept);
}

static int
teardown(void **state)
{
	(void)state;
	policies_close(&kept);
	arena_reset(&arena);
	scratch_remove(dir);
	return 0;
}

static void
put(const char *domain, int64_t used_sec, int64_t due_sec)
{
	struct policy_row row = {.domain = span_of(domain),
	    .id = SPAN("1"),
	    .policy = SPAN("mode: testing\n"),
	    .ends_sec = 900,
	    .tried_sec = 100,
	    .used_sec = used_sec,
	    .due_sec = due_sec,
	    .failure = 9,
	    .why = SPAN("because")};
	assert_int_equal(policies_put(kept, &row), E_OK);
}

static int
get(const char *domain, struct policy_row *out)
{
	return policies_get(kept, span_of(domain), &arena, out);
}

static void
test_kept(void **state)
{
	struct policy_row row;
	(void)state;
	assert_int_equal(get("a.test", &row), E_BAD);
	put("A.Test", 5, 500);
	assert_int_equal(policies_sync(kept), E_OK);
	policies_close(&kept);
	assert_int_equal(policies_open(dir, MOST, &kept), E_OK);
	assert_int_equal(get("a.TEST", &row), E_OK);
	assert_true(span_eqs(row.domain, "a.test") && span_eqs(row.id, "1") &&
		    span_eqs(row.policy, "mode: testing\n"));
	assert_true(row.ends_sec == 900 && row.tried_sec == 100 && row.used_sec == 5 &&
		    row.due_sec == 500 && row.failure == 9);
	assert_true(span_eqs(row.why, "because"));
	assert_int_equal(policies_remove(kept, SPAN("a.test")), E_OK);
	assert_int_equal(policies_remove(kept, SPAN("a.test")), E_BAD);
	assert_int_equal(get("a.test", &row), E_BAD);
}

static void
test_oldest_goes(void **state)
{
	struct policy_row row;
	(void)state;
	put("a.test", 30, 1);
	put("b.test", 10, 2);
	put("c.test", 20, 3);
	put("b.test", 40, 2); /* it is used again */
	put("d.test", 50, 4);
	assert_int_equal(get("c.test", &row), E_BAD);
	for (const char **d = (const char *[]){"a.test", "b.test", "d.test", NULL}; *d;
	     d++)
		assert_int_equal(get(*d, &row), E_OK);
	policies_close(&kept);
	/* it counts what is there */
	assert_int_equal(policies_open(dir, MOST, &kept), E_OK);
	put("e.test", 60, 5);
	assert_int_equal(get("a.test", &row), E_BAD);
}

static void
test_due(void **state)
{
	struct policy_row row;
	(void)state;
	put("a.test", 1, 300);
	put("b.test", 1, 200);
	assert_int_equal(policies_due(kept, 199, &arena, &row), E_BAD);
	assert_int_equal(policies_due(kept, 200, &arena, &row), E_OK);
	assert_true(span_eqs(row.domain, "b.test"));
	put("b.test", 1, 400);
	assert_int_equal(policies_due(kept, 1000, &arena, &row), E_OK);
	assert_true(span_eqs(row.domain, "a.test"));
	assert_int_equal(policies_remove(kept, SPAN("a.test")), E_OK);
	assert_int_equal(policies_due(kept, 399, &arena, &row), E_BAD);
}

static void
test_long(void **state)
{
	struct buf text = {0};
	struct policy_row row = {.domain = SPAN("a.test"), .id = SPAN("1")};
	(void)state;
	while (text.len < POLICIES_TEXT_MAX)
		buf_ch(&text, 'x');
	row.policy = buf_as_span(&text);
	assert_int_equal(policies_put(kept, &row), E_OK);
	assert_int_equal(get("a.test", &row), E_OK);
	assert_true(span_eq(row.policy, buf_as_span(&text)));
	buf_free(&text);
}

static void
test_damaged(void **state)
{
	struct policy_row row;
	(void)state;
	put("a.test", 1, 1);
	policies_close(&kept);
	scratch_spoil(sub);
	assert_int_equal(policies_open(dir, MOST, &kept), E_OK);
	assert_int_equal(get("a.test", &row), E_BAD);
	put("a.test", 1, 1);
	assert_int_equal(get("a.test", &row), E_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_kept, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_oldest_goes, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_due, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_long, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_damaged, setup, teardown),
	};
	log_level(LOG_EMERG);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
