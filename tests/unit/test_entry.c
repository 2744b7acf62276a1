/* SPDX-License-Identifier: ISC */
/* test_entry.c - messages of the journal by id and by segment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "queue/entry.h"

enum { MANY = 5000, SEGMENTS = 5 };

static struct id
id_of(unsigned n)
{
	struct id id = {{3}};
	memcpy(id.b, &n, sizeof n);
	return id;
}

static void
test_found_until_retired(void **state)
{
	struct entries *all = entries_new();
	(void)state;
	for (unsigned i = 0; i < MANY; i++)
		entry_add(all, id_of(i), i % SEGMENTS, span_make(&i, sizeof i));
	assert_int_equal(entries_count(all), MANY);
	for (unsigned i = 0; i < MANY; i++) {
		struct entry *e = entry_find(all, id_of(i));
		assert_non_null(e);
		assert_int_equal(e->segment, i % SEGMENTS);
		assert_memory_equal(e->envelope, &i, sizeof i);
	}
	assert_null(entry_find(all, id_of(MANY)));
	for (unsigned i = 0; i < MANY; i += SEGMENTS) {
		struct entry *e = entry_find(all, id_of(i));
		entry_done(all, e);
		entry_done(all, e); /* counts once */
		assert_null(e->envelope);
		assert_ptr_equal(entry_find(all, id_of(i)), e); /* the id stays taken */
	}
	assert_int_equal(entries_unfinished(all, 0), 0);
	assert_int_equal(entries_unfinished(all, 1), MANY / SEGMENTS);
	assert_int_equal(entries_count(all), MANY - MANY / SEGMENTS);
	entries_retire(all, 0);
	assert_null(entries_of(all, 0));
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(entry_find(all, id_of(i)) != NULL, i % SEGMENTS != 0);
	entry_add(all, id_of(0), 0, SPAN("again"));
	assert_int_equal(entries_unfinished(all, 0), 1);
	entries_free(&all);
	assert_null(all);
}

static void
test_of_a_segment(void **state)
{
	struct entries *all = entries_new();
	unsigned n = 0;
	(void)state;
	for (unsigned i = 0; i < 30; i++)
		entry_add(all, id_of(i), i % 3, SPAN(""));
	for (struct entry *e = entries_of(all, 1); e; e = e->segment_next, n++)
		assert_int_equal(e->segment, 1);
	assert_int_equal(n, 10);
	entries_free(&all);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_found_until_retired),
	    cmocka_unit_test(test_of_a_segment)};
	return cmocka_run_group_tests_name("entry", tests, NULL, NULL);
}
