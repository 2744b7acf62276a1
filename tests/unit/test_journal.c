/* SPDX-License-Identifier: ISC */
/*
 * test_journal.c - what was acknowledged comes back from the journal; segments, their files, and a
 * world that fails.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <unistd.h>

#include "journal_place.h"
#include "queue/batch.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, place_setup, place_teardown)

/* ---- what is written comes back ---- */

static void
test_all_comes_back(void **state)
{
	struct place *p = *state;
	unsigned n = 0;
	for (unsigned i = 0; i < 30; n += i % 7 + 1, i++)
		put_all(p, n, i % 7 + 1, 3000);
	reopen(p);
	assert_int_equal(p->n_seen, n);
	assert_int_equal(p->n_bad, 0);
	for (unsigned i = 0; i < p->n_seen; i++) {
		struct buf read = {0};
		check(p, &p->seen[i], i, 3000);
		assert_int_equal(journal_read(p->journal, p->seen[i].segment,
				     p->seen[i].offset, 3000, &read),
		    E_OK);
		assert_true(
		    span_eq(buf_as_span(&read), buf_as_span(&p->seen[i].message)));
		buf_free(&read);
	}
}

static void
test_offset_is_told_at_once(void **state)
{
	struct place *p = *state;
	struct record r[3];
	struct buf read = {0};
	unsigned segment;
	for (unsigned i = 0; i < 3; i++)
		r[i] = record(p, i, 500);
	assert_int_equal(journal_write(p->journal, r, 3, &segment), E_OK);
	for (unsigned i = 0; i < 3; i++, buf_reset(&read)) {
		assert_int_equal(
		    journal_read(p->journal, segment, r[i].offset, 500, &read), E_OK);
		assert_true(span_eq(buf_as_span(&read), r[i].message));
	}
	buf_free(&read);
}

static void
test_full_batch_and_empty_spans(void **state)
{
	struct place *p = *state;
	unsigned segment;
	struct record r = {
	    .kind = RECORD_DONE, .envelope = SPAN(""), .message = SPAN("")};
	put_all(p, 0, JOURNAL_BATCH_RECORDS_MAX, 10);
	assert_int_equal(journal_write(p->journal, &r, 1, &segment), E_OK);
	reopen(p);
	assert_int_equal(p->n_seen, JOURNAL_BATCH_RECORDS_MAX + 1);
	for (unsigned i = 0; i < JOURNAL_BATCH_RECORDS_MAX; i++)
		check(p, &p->seen[i], i, 10);
	assert_int_equal(p->seen[p->n_seen - 1].kind, RECORD_DONE);
	assert_int_equal(p->seen[p->n_seen - 1].message.len, 0);
}

/* Over several restarts, each with batches of its own: order is that of writing. */
static void
test_order_over_restarts(void **state)
{
	struct place *p = *state;
	for (unsigned turn = 0; turn < MOST; turn++) {
		put_all(p, 2 * turn, 1, 100);
		put_all(p, 2 * turn + 1, 1, 100);
		reopen(p);
		assert_int_equal(p->n_seen, 2 * turn + 2);
		for (unsigned i = 0; i < p->n_seen; i++)
			check(p, &p->seen[i], i, 100);
	}
}

/* ---- segments are used again ---- */

static void
test_old_use_never_comes_back(void **state)
{
	struct place *p = *state;
	unsigned first, other, oldest;
	for (unsigned i = 0; i < 60; i++)
		assert_int_equal(put(p, i, 1, 3000, &first), E_OK);
	assert_int_equal(put(p, 60, 1, 900000, &other), E_OK);
	/* first is not current any more */
	assert_int_equal(put(p, 61, 1, 900000, &other), E_OK);
	assert_int_not_equal(first, other);
	assert_true(journal_oldest(p->journal, &oldest));
	assert_int_equal(oldest, first);
	journal_retire(p->journal, first);
	assert_int_equal(put(p, 500, 1, 3000, &other), E_OK);
	while (other != first)
		assert_int_equal(put(p, 500, 1, 900000, &other), E_OK);
	reopen(p);
	size_t in_first = 0;
	for (size_t i = 0; i < p->n_seen; i++) {
		assert_true(number_of(&p->seen[i]) >= 60);
		in_first += p->seen[i].segment == first;
	}
	assert_int_equal(in_first, 1);
	assert_int_equal(p->n_bad, 0);
}

static void
test_retired_is_not_replayed(void **state)
{
	struct place *p = *state;
	unsigned first, other;
	assert_int_equal(put(p, 0, 1, 900000, &first), E_OK);
	assert_int_equal(put(p, 1, 1, 900000, &other), E_OK);
	journal_retire(p->journal, first);
	assert_int_equal(journal_live(p->journal), 1);
	reopen(p);
	assert_int_equal(p->n_seen, 1);
	check(p, &p->seen[0], 1, 900000);
}

/* ---- files that are not as they were left ---- */

static void
segment_path(struct place *p, unsigned segment, char out[96])
{
	snprintf(out, 96, "%s/journal/%u", p->dir, segment);
}

/* A crash came while one was replaced: those behind it hold mail all the same. */
static void
test_file_missing_between_others(void **state)
{
	struct place *p = *state;
	char path[96];
	unsigned segment;
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(put(p, i, 1, 900000, &segment), E_OK);
		assert_int_equal(segment, i);
	}
	segment_path(p, 1, path);
	assert_int_equal(unlink(path), 0);
	reopen(p);
	assert_int_equal(p->n_seen, 2);
	check(p, &p->seen[0], 0, 900000);
	check(p, &p->seen[1], 2, 900000);
	assert_int_equal(put(p, 3, 1, 900000, &segment), E_OK);
	assert_int_equal(segment, 1); /* there again */
	reopen(p);
	assert_int_equal(p->n_seen, 3);
	check(p, &p->seen[1], 2, 900000);
	check(p, &p->seen[2], 3, 900000);
}

/* Not taken for one that is missing: it would be overwritten. */
static void
test_file_that_cannot_be_opened(void **state)
{
	struct place *p = *state;
	char path[96], aside[104];
	unsigned segment;
	assert_int_equal(put(p, 0, 1, 900000, &segment), E_OK);
	assert_int_equal(put(p, 1, 1, 900000, &segment), E_OK);
	segment_path(p, segment, path);
	snprintf(aside, sizeof aside, "%s.aside", path);
	assert_int_equal(rename(path, aside), 0);
	assert_int_equal(symlink(aside, path), 0);
	journal_close(&p->journal);
	assert_int_equal(journal_open(p->dir, SEGMENT, p->most, &p->journal), E_IO);
	assert_int_equal(rename(aside, path), 0);
	reopen(p);
	assert_int_equal(p->n_seen, 2);
}

/* A setting that became smaller: what is there is read, and no more is made. */
static void
test_more_files_than_allowed(void **state)
{
	struct place *p = *state;
	unsigned segment, oldest;
	for (unsigned i = 0; i < MOST; i++)
		put_all(p, i, 1, 900000);
	p->most = 2;
	reopen(p);
	assert_int_equal(p->n_seen, MOST);
	assert_int_equal(put(p, 9, 1, 900000, &segment), E_LIMIT);
	for (unsigned i = 0; i < MOST; i++) {
		assert_true(journal_oldest(p->journal, &oldest));
		journal_retire(p->journal, oldest);
	}
	put_all(p, 10, 1, 900000);
}

/* ---- the world fails ---- */

static void
test_failed_sync(void **state)
{
	struct place *p = *state;
	unsigned before, failed, after;
	assert_int_equal(put(p, 0, 1, 300, &before), E_OK);
	sync_failures = 1;
	assert_int_equal(put(p, 1, 1, 300, &failed), E_IO);
	assert_true(journal_is_bad(p->journal, before));
	assert_int_equal(put(p, 2, 1, 300, &after), E_OK);
	assert_int_not_equal(after, before);
	assert_false(journal_is_bad(p->journal, after));
	assert_int_equal(journal_live(p->journal), 2);
	reopen(p);
	/* the header of the next use says that it does not count */
	assert_int_equal(p->n_seen, 2);
	check(p, &p->seen[0], 0, 300);
	check(p, &p->seen[1], 2, 300);
}

static void
test_failed_first_sync_of_a_segment(void **state)
{
	struct place *p = *state;
	unsigned segment;
	sync_fails = true;
	assert_int_equal(put(p, 0, 1, 300, &segment), E_IO);
	assert_int_equal(put(p, 0, 1, 300, &segment), E_IO);
	sync_fails = false;
	assert_int_equal(put(p, 1, 1, 300, &segment), E_OK);
	reopen(p);
	assert_int_equal(p->n_seen, 1);
	check(p, &p->seen[0], 1, 300);
}

/*
 * Its header is on the disk all the same, as the use that it would have been: the next one is
 * another.
 */
static void
test_segment_that_can_neither_begin_nor_be_replaced(void **state)
{
	struct place *p = *state;
	unsigned segment;
	put_all(p, 0, 1, 900000);
	sync_failures = 1;
	unlink_fails = true;
	assert_int_equal(put(p, 1, 1, 900000, &segment), E_IO);
	unlink_fails = false;
	put_all(p, 2, 1, 900000);
	reopen(p);
	assert_int_equal(p->n_seen, 2);
	assert_int_equal(p->n_bad, 0);
	check(p, &p->seen[0], 0, 900000);
	check(p, &p->seen[1], 2, 900000);
}

static void
test_bad_segment_retires(void **state)
{
	struct place *p = *state;
	unsigned bad, after, oldest;
	assert_int_equal(put(p, 0, 1, 300, &bad), E_OK);
	sync_fails = true;
	assert_int_equal(put(p, 1, 1, 300, &after), E_IO);
	sync_fails = false;
	assert_int_equal(put(p, 2, 1, 300, &after), E_OK);
	assert_true(journal_oldest(p->journal, &oldest));
	assert_int_equal(oldest, bad);
	journal_retire(p->journal, bad);
	assert_false(journal_is_bad(p->journal, bad));
	reopen(p);
	assert_int_equal(p->n_seen, 1);
	check(p, &p->seen[0], 2, 300);
}

/*
 * What is read by a start may not be on the disk: when that cannot be made sure of, it is to be
 * written elsewhere.
 */
static void
test_failed_sync_of_a_start(void **state)
{
	struct place *p = *state;
	unsigned first, second, after, retired;
	assert_int_equal(put(p, 0, 1, 900000, &retired), E_OK);
	assert_int_equal(put(p, 1, 1, 900000, &first), E_OK);
	assert_int_equal(put(p, 2, 1, 900000, &second), E_OK);
	journal_retire(p->journal, retired);
	sync_fails = true;
	reopen(p);
	sync_fails = false;
	assert_int_equal(p->n_seen, 2);
	assert_true(
	    journal_is_bad(p->journal, first) && journal_is_bad(p->journal, second));
	assert_int_equal(journal_live(p->journal), 2);
	assert_int_equal(put(p, 3, 1, 300, &after), E_OK);
	assert_true(
	    after != first && after != second && !journal_is_bad(p->journal, after));
	reopen(p);
	assert_int_equal(p->n_seen, 3);
	assert_false(journal_is_bad(p->journal, first));
}

static void
test_cap_of_segments(void **state)
{
	struct place *p = *state;
	unsigned segment, oldest;
	for (unsigned i = 0; i < MOST; i++) {
		assert_int_equal(put(p, i, 1, 900000, &segment), E_OK);
		while (journal_prepare(p->journal) == E_MORE)
			;
	}
	assert_int_equal(journal_live(p->journal), MOST);
	assert_int_equal(put(p, 9, 1, 900000, &segment), E_LIMIT);
	put_all(p, 10, 1, 100); /* what fits into the current one is still taken */
	assert_true(journal_oldest(p->journal, &oldest));
	journal_retire(p->journal, oldest);
	put_all(p, 11, 1, 900000);
	reopen(p);
	assert_int_equal(p->n_seen, MOST + 1);
}

static void
test_too_large_for_a_segment(void **state)
{
	struct place *p = *state;
	unsigned segment;
	struct record r = record(p, 0, 0);
	r.message = span_make(p->message, SEGMENT);
	assert_int_equal(journal_write(p->journal, &r, 1, &segment), E_LIMIT);
	r.message = span_make(p->message,
	    journal_room(p->journal) -
		batch_record_bytes(&(struct record){.envelope = r.envelope}));
	assert_int_equal(journal_write(p->journal, &r, 1, &segment), E_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_all_comes_back),
	    TEST(test_offset_is_told_at_once), TEST(test_full_batch_and_empty_spans),
	    TEST(test_order_over_restarts), TEST(test_old_use_never_comes_back),
	    TEST(test_retired_is_not_replayed), TEST(test_file_missing_between_others),
	    TEST(test_file_that_cannot_be_opened), TEST(test_more_files_than_allowed),
	    TEST(test_failed_sync), TEST(test_failed_first_sync_of_a_segment),
	    TEST(test_segment_that_can_neither_begin_nor_be_replaced),
	    TEST(test_bad_segment_retires), TEST(test_failed_sync_of_a_start),
	    TEST(test_cap_of_segments), TEST(test_too_large_for_a_segment)};
	return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
