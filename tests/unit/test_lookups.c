/* SPDX-License-Identifier: ISC */
/* test_lookups.c - what is wanted is asked once, and what was answered stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "net/lookups.h"

static void
test_rounds(void **state)
{
	(void)state;
	struct lookups l;
	struct dns_answer found = {.status = DNS_FOUND, .ttl_sec = 1},
			  none = {.status = DNS_NO_RECORD};
	lookups_init(&l);
	assert_null(lookups_get(&l, DNS_TXT, SPAN("example.test")));
	assert_null(lookups_get(&l, DNS_TXT, SPAN("EXAMPLE.test.")));
	assert_null(lookups_get(&l, DNS_A, SPAN("example.test")));
	assert_int_equal(lookups_wanted(&l, 0)->kind, DNS_TXT);
	assert_int_equal(lookups_wanted(&l, 1)->kind, DNS_A);
	assert_null(lookups_wanted(&l, 2));
	lookups_put(&l, &found);
	const struct dns_answer *first = lookups_get(&l, DNS_TXT, SPAN("example.test"));
	assert_int_equal(first->status, DNS_FOUND);
	assert_null(lookups_get(&l, DNS_A, SPAN("example.test")));
	lookups_put(&l, &none);
	for (int i = 0; i < 100; i++) { /* an answer stays where it is */
		char name[32];
		snprintf(name, sizeof name, "n%d.example.test", i);
		assert_null(lookups_get(&l, DNS_MX, span_of(name)));
	}
	assert_ptr_equal(lookups_get(&l, DNS_TXT, SPAN("example.test")), first);
	assert_int_equal(
	    lookups_get(&l, DNS_A, SPAN("example.test"))->status, DNS_NO_RECORD);
	lookups_done(&l);
}

static void
test_limits(void **state)
{
	(void)state;
	struct lookups l;
	char name[32];
	lookups_init(&l);
	assert_int_equal(lookups_get(&l, DNS_A, SPAN(""))->status, DNS_NO_NAME);
	assert_int_equal(lookups_get(&l, DNS_A, SPAN("a..b"))->status, DNS_NO_NAME);
	assert_int_equal(lookups_get(&l, DNS_A, SPAN("a b"))->status, DNS_NO_NAME);
	assert_null(lookups_wanted(&l, 0));
	for (int i = 0; i < LOOKUPS_MAX; i++) {
		snprintf(name, sizeof name, "n%d.test", i);
		assert_null(lookups_get(&l, DNS_A, span_of(name)));
	}
	assert_int_equal(lookups_get(&l, DNS_A, SPAN("more.test"))->status, DNS_TEMP);
	assert_null(lookups_get(&l, DNS_A, SPAN("n0.test")));
	lookups_done(&l);
	lookups_done(&l);
}

/* What was asked is known to the next message, as long as its TTL says; what failed is asked again. */
static void
test_kept(void **state)
{
	(void)state;
	struct lookups_kept kept = {0};
	struct resolver none = {.chan = -1};
	struct lookups l;
	lookups_init(&l);
	l.kept = &kept;
	assert_null(lookups_get(&l, DNS_A, SPAN("a.test")));
	assert_true(lookups_ask(&l, &none, 1)); /* nobody answers: DNS_TEMP */
	assert_int_equal(lookups_get(&l, DNS_A, SPAN("a.test"))->status, DNS_TEMP);
	lookups_done(&l);
	lookups_init(&l);
	l.kept = &kept;
	assert_null(lookups_get(&l, DNS_A, SPAN("a.test")));
	lookups_done(&l);
	lookups_kept_done(&kept);
	lookups_kept_done(&kept);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rounds),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
