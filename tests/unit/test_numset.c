/* SPDX-License-Identifier: ISC */
/* Sets of numbers: against a plain array of what is in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store/numset.h"

enum { NUMBERS = 200 };

static void
assert_text(const struct numset *s, const char *text)
{
	struct buf b = {0};
	numset_put(&b, s);
	assert_string_equal(buf_cstr(&b), text);
	buf_free(&b);
}

static void
test_ranges_join(void **state)
{
	struct numset s = {0};
	(void)state;
	assert_text(&s, "");
	assert_int_equal(numset_add(&s, 5, 5), E_OK);
	assert_int_equal(numset_add(&s, 7, 9), E_OK);
	assert_text(&s, "5,7:9");
	assert_int_equal(numset_add(&s, 6, 6), E_OK);
	assert_text(&s, "5:9");
	assert_int_equal(numset_add(&s, 1, 2), E_OK);
	assert_int_equal(numset_add(&s, UINT32_MAX, UINT32_MAX), E_OK);
	assert_text(&s, "1:2,5:9,4294967295");
	assert_int_equal(numset_add(&s, 2, UINT32_MAX), E_OK);
	assert_text(&s, "1:4294967295");
	assert_int_equal(numset_count(&s), UINT32_MAX);
	numset_free(&s);
}

static void
test_toggle(void **state)
{
	struct numset a = {0}, b = {0}, out = {0};
	(void)state;
	assert_int_equal(numset_toggle(&out, &a, &b), E_OK);
	assert_text(&out, "");
	assert_int_equal(numset_add(&a, 1, 10), E_OK);
	assert_int_equal(numset_add(&a, UINT32_MAX, UINT32_MAX), E_OK);
	assert_int_equal(numset_add(&b, 1, 1), E_OK);
	assert_int_equal(numset_add(&b, 5, 6), E_OK);
	assert_int_equal(numset_add(&b, 10, 12), E_OK);
	assert_int_equal(numset_toggle(&out, &a, &b), E_OK);
	assert_text(&out, "2:4,7:9,11:12,4294967295");
	numset_reset(&out);
	assert_int_equal(numset_toggle(&out, &a, &a), E_OK);
	assert_text(&out, "");
	numset_free(&a);
	numset_free(&b);
	numset_free(&out);
}

static void
assert_same(const struct numset *s, const bool *has)
{
	uint64_t n = 0;
	for (uint32_t i = 1; i < NUMBERS; i++) {
		assert_int_equal(numset_has(s, i), has[i]);
		n += has[i];
	}
	assert_int_equal(numset_count(s), n);
	for (size_t i = 1; i < s->n; i++)
		assert_true(s->ranges[i].from > s->ranges[i - 1].to + 1);
}

static void
test_as_an_array(void **state)
{
	(void)state;
	srand(7);
	for (int round = 0; round < 300; round++) {
		struct numset s = {0};
		bool has[NUMBERS] = {false};
		for (int k = 0; k < 60; k++) {
			uint32_t from = (uint32_t)(rand() % (NUMBERS - 1)) + 1,
				 to = from + (uint32_t)(rand() % 8);
			to = to < NUMBERS ? to : NUMBERS - 1;
			assert_int_equal(numset_add(&s, from, to), E_OK);
			memset(has + from, true, to - from + 1);
		}
		assert_same(&s, has);
		uint32_t low = (uint32_t)(rand() % (NUMBERS - 1)) + 1,
			 high = low + (uint32_t)(rand() % NUMBERS);
		struct numset common = {0};
		assert_int_equal(
		    numset_add_common(&common, &s, (struct num_range){low, high}),
		    E_OK);
		for (uint32_t i = 1; i < NUMBERS; i++)
			assert_int_equal(
			    numset_has(&common, i), has[i] && i >= low && i <= high);
		numset_free(&common);
		struct buf b = {0};
		struct numset again = {0};
		numset_encode(&b, s.ranges, s.n);
		struct rd r = rd_of(buf_as_span(&b));
		assert_int_equal(numset_decode(&r, &again), E_OK);
		assert_same(&again, has);
		numset_free(&again);
		numset_free(&s);
		buf_free(&b);
	}
}

static void
test_decode_refuses(void **state)
{
	static const struct num_range bad[][2] = {
	    {{3, 2}, {5, 6}}, {{3, 4}, {4, 6}}, {{0, 4}, {6, 6}}};
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct buf b = {0};
		struct numset s = {0};
		numset_encode(&b, bad[i], 2);
		struct rd r = rd_of(buf_as_span(&b));
		assert_int_equal(numset_decode(&r, &s), E_BAD);
		numset_free(&s);
		buf_free(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_ranges_join),
	    cmocka_unit_test(test_toggle),
	    cmocka_unit_test(test_as_an_array),
	    cmocka_unit_test(test_decode_refuses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
