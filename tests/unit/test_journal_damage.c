/* SPDX-License-Identifier: ISC */
/*
 * test_journal_damage.c - what comes back from a journal of which bytes were lost or changed, and
 * what never does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <unistd.h>

#include "journal_place.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, place_setup, place_teardown)

/* ---- a torn tail ---- */

static void
check_torn(struct place *p)
{
	reopen(p);
	assert_true(p->n_seen >= 5 && p->n_seen <= 8);
	for (unsigned i = 0; i < 5; i++)
		check(p, &p->seen[i], i, 3000);
	/* of the torn batch some may be whole */
	for (size_t i = 5; i < p->n_seen; i++) {
		unsigned n = number_of(&p->seen[i]);
		assert_true(n >= 100 && n < 103);
		check(p, &p->seen[i], n, 3000);
	}
}

/* each of five batches takes a page */
static const off_t LAST = JOURNAL_PAGE + 5 * 4096;

static void
put_torn(struct place *p)
{
	for (unsigned i = 0; i < 5; i++)
		put_all(p, i, 1, 3000);
	put_all(p, 100, 3, 3000);
	reopen(p);
	assert_int_equal(p->n_seen, 8);
}

static void
test_tail_zeroed(void **state)
{
	struct place *p = *state;
	static const char zeros[3 * 4096];
	put_torn(p);
	for (off_t cut = 3 * 4096 - 1; cut >= 0; cut -= cut > 200 ? 97 : 1) {
		int fd = segment_file(p, 0);
		assert_int_equal(
		    pwrite(fd, zeros, (size_t)(3 * 4096 - cut), LAST + cut),
		    3 * 4096 - cut);
		close(fd);
		check_torn(p);
	}
	assert_int_equal(p->n_seen, 5);
}

static void
test_tail_cut_off(void **state)
{
	struct place *p = *state;
	put_torn(p);
	for (off_t cut = 3 * 4096 - 1; cut >= 0; cut -= 97) {
		int fd = segment_file(p, 0);
		assert_int_equal(ftruncate(fd, LAST + cut), 0);
		close(fd);
		check_torn(p);
	}
}

/* Any of its pages may be the one that did not reach the disk. */
static void
test_page_in_the_tail_missing(void **state)
{
	static const char zeros[4096];
	for (off_t page = 0; page < 3; page++) {
		struct place *p = *state;
		put_torn(p);
		int fd = segment_file(p, 0);
		assert_int_equal(
		    pwrite(fd, zeros, sizeof zeros, LAST + page * 4096), sizeof zeros);
		close(fd);
		check_torn(p);
		place_teardown(state);
		place_setup(state);
	}
}

static void
test_written_on_behind_a_torn_tail(void **state)
{
	struct place *p = *state;
	put_torn(p);
	flip(p, 0, (uint64_t)LAST, 0);
	reopen(p);
	put_all(p, 200, 2, 50);
	reopen(p);
	assert_int_equal(p->n_seen, 7);
	check(p, &p->seen[5], 200, 50);
	check(p, &p->seen[6], 201, 50);
}

/* ---- damage ---- */

static void
test_flipped_bit_in_a_record(void **state)
{
	struct place *p = *state;
	put_all(p, 0, 3, 300);
	put_all(p, 3, 1, 300);
	reopen(p);
	assert_int_equal(p->n_seen, 4);
	uint64_t end = p->seen[1].offset + 300, begin = p->seen[0].offset + 300;
	for (uint64_t at = begin; at < end; at++) {
		int bit = (int)(at % 8);
		flip(p, 0, at, bit);
		reopen(p);
		assert_int_equal(p->n_seen, 3);
		assert_int_equal(p->n_bad, 1);
		assert_int_equal(p->bad_offset, begin);
		assert_int_equal(p->bad_bytes, end - begin);
		check(p, &p->seen[0], 0, 300);
		check(p, &p->seen[1], 2, 300);
		check(p, &p->seen[2], 3, 300);
		flip(p, 0, at, bit);
	}
	reopen(p);
	assert_int_equal(p->n_seen, 4);
}

/* Its records are found without it. */
static void
test_flipped_bit_in_a_batch_head(void **state)
{
	struct place *p = *state;
	put_all(p, 0, 2, 300);
	put_all(p, 2, 2, 9000);
	put_all(p, 4, 2, 300);
	reopen(p);
	uint64_t head = 2 * JOURNAL_PAGE, end = head + 24 + 16 + 2 * 4;
	for (uint64_t at = head; at < end; at++) {
		flip(p, 0, at, (int)(at % 8));
		reopen(p);
		assert_int_equal(p->n_seen, 6);
		assert_int_equal(p->n_bad, 1);
		assert_int_equal(p->bad_offset, head);
		for (unsigned i = 0; i < 6; i++)
			check(p, &p->seen[i], i, i / 2 == 1 ? 9000 : 300);
		flip(p, 0, at, (int)(at % 8));
	}
}

/* The head of a segment is there twice. */
static void
test_flipped_bit_in_the_segment_head(void **state)
{
	struct place *p = *state;
	put_all(p, 0, 1, 300);
	for (uint64_t at = 0; at < 73; at++) {
		flip(p, 0, at, 3);
		reopen(p);
		assert_int_equal(p->n_seen, 1);
		flip(p, 0, at, 3);
	}
	flip(p, 0, 3, 3);
	flip(p, 0, 2048 + 3, 3);
	reopen(p);
	assert_int_equal(p->n_seen, 0);
	unsigned elsewhere;
	assert_int_equal(put(p, 1, 1, 300, &elsewhere), E_OK);
	assert_int_not_equal(elsewhere, 0); /* an admin may want to look */
}

/* A last batch that goes bad is no torn tail once the next use says that it was there. */
static void
test_damage_before_a_known_end(void **state)
{
	struct place *p = *state;
	unsigned first, second;
	assert_int_equal(put(p, 0, 1, 600000, &first), E_OK);
	assert_int_equal(put(p, 1, 1, 300, &first), E_OK);
	assert_int_equal(put(p, 2, 1, 600000, &second), E_OK);
	assert_int_not_equal(first, second);
	reopen(p);
	assert_int_equal(p->n_seen, 3);
	uint64_t offset = p->seen[1].offset;
	flip(p, first, offset, 0);
	reopen(p);
	assert_int_equal(p->n_seen, 2);
	assert_int_equal(p->n_bad, 1);
	flip(p, first, offset / JOURNAL_PAGE * JOURNAL_PAGE, 0);
	reopen(p);
	assert_int_equal(p->n_seen, 2);
	assert_int_equal(p->n_bad, 1);
}

/* ---- bytes of a journal in a message ---- */

/*
 * A segment's bytes sent as a message, on a page boundary as batches are, and the head before it
 * damaged.
 */
static void
test_image_of_a_segment_in_a_message(void **state)
{
	struct place *p = *state;
	unsigned segment;

	enum { IMAGE = 40 * JOURNAL_PAGE };

	char *image = mem_new(JOURNAL_PAGE + IMAGE);
	for (unsigned i = 0; i < 20; i++)
		put_all(p, i, 1, 3000);
	int fd = segment_file(p, 0);
	struct record r = {.kind = RECORD_MESSAGE,
	    .envelope = SPAN("image"),
	    .message = span_make(image, JOURNAL_PAGE + IMAGE)};
	r.id.b[0] = 0xee;
	r.id.b[5] = 1;
	assert_int_equal(journal_write(p->journal, &r, 1, &segment), E_OK);
	size_t pad = JOURNAL_PAGE - (size_t)(r.offset % JOURNAL_PAGE);
	assert_int_equal(pread(fd, image + pad, IMAGE, 0), IMAGE);
	r.id.b[5] = 2;
	assert_int_equal(journal_write(p->journal, &r, 1, &segment), E_OK);
	assert_int_equal((r.offset + pad) % JOURNAL_PAGE, 0);
	uint64_t head = r.offset / JOURNAL_PAGE * JOURNAL_PAGE;
	put_all(p, 20, 1, 3000);
	reopen(p);
	assert_int_equal(p->n_seen, 23);
	assert_int_equal(p->n_bad, 0);
	flip(p, 0, head, 0);
	/* and its record, so that it is not found either: a search goes through its bytes */
	flip(p, 0, r.offset, 0);
	reopen(p);
	assert_int_equal(p->n_seen, 22);
	assert_int_equal(p->n_bad, 1);
	assert_int_equal(p->bad_offset, head);
	for (unsigned i = 0; i < 20; i++)
		check(p, &p->seen[i], i, 3000);
	check(p, &p->seen[21], 20, 3000);
	close(fd);
	mem_free(&image);
}

/* The same in another segment: its own random bits are what counts. */
static void
test_image_in_another_segment(void **state)
{
	struct place *p = *state;
	unsigned segment;

	enum { IMAGE = 40 * JOURNAL_PAGE };

	char *image = mem_new(IMAGE);
	for (unsigned i = 0; i < 20; i++)
		put_all(p, i, 1, 3000);
	int fd = segment_file(p, 0);
	assert_int_equal(pread(fd, image, IMAGE, 0), IMAGE);
	close(fd);
	reopen(p); /* a new segment begins */
	struct record r = {.kind = RECORD_MESSAGE,
	    .envelope = SPAN("image"),
	    .message = span_make(image, IMAGE)};
	assert_int_equal(journal_write(p->journal, &r, 1, &segment), E_OK);
	assert_int_not_equal(segment, 0);
	/* all of the image where batches are looked for */
	fd = segment_file(p, segment);
	assert_int_equal(
	    pwrite(fd, image + JOURNAL_PAGE, IMAGE - JOURNAL_PAGE, JOURNAL_PAGE),
	    IMAGE - JOURNAL_PAGE);
	close(fd);
	reopen(p);
	assert_int_equal(p->n_seen, 20);
	mem_free(&image);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_tail_zeroed),
	    TEST(test_tail_cut_off), TEST(test_page_in_the_tail_missing),
	    TEST(test_written_on_behind_a_torn_tail),
	    TEST(test_flipped_bit_in_a_record), TEST(test_flipped_bit_in_a_batch_head),
	    TEST(test_flipped_bit_in_the_segment_head),
	    TEST(test_damage_before_a_known_end),
	    TEST(test_image_of_a_segment_in_a_message),
	    TEST(test_image_in_another_segment)};
	return cmocka_run_group_tests_name("journal_damage", tests, NULL, NULL);
}
