/* SPDX-License-Identifier: ISC */
/* test_index.c - rows of what is deferred: their order, over restarts and damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "queue/index.h"
#include "scratch.h"

struct place {
	char dir[64];
	struct index *index;
};

/* Berkeley DB keeps memory of an environment whose recovery failed. */
const char *__lsan_default_suppressions(void);

const char *
__lsan_default_suppressions(void)
{
	return "leak:libdb-5.3";
}

static int
setup(void **state)
{
	struct place *p = mem_new(sizeof *p);
	char sched[80];
	log_level(LOG_EMERG);
	strcpy(p->dir, "/tmp/test_index.XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(sched, sizeof sched, "%s/sched", p->dir);
	assert_int_equal(mkdir(sched, 0700), 0);
	assert_int_equal(index_open(p->dir, &p->index), E_OK);
	*state = p;
	return 0;
}

static int
teardown(void **state)
{
	struct place *p = *state;
	index_close(&p->index);
	scratch_remove(p->dir);
	mem_free(state);
	return 0;
}

static struct id
id_of(unsigned n)
{
	struct id id = {{(unsigned char)(n >> 8), (unsigned char)n}};
	return id;
}

static void
put(struct place *p, unsigned n, int64_t due_sec)
{
	struct admin_rcpt r = {SPAN("a@example.org"), 0, SPAN("4.2.1 later")};
	struct index_row row = {.id = id_of(n),
	    .due_sec = due_sec,
	    .first_sec = 5,
	    .waits_for = 77,
	    .entry = {.id = id_of(n),
		.attempts = n,
		.sender = SPAN("s@example.net"),
		.n_rcpts = 1,
		.rcpts = &r}};
	assert_int_equal(index_put(p->index, &row), E_OK);
}

static void
check_due(struct place *p, int64_t now, const unsigned *want, size_t n)
{
	struct id due[100];
	assert_int_equal(index_due(p->index, now, due, 100), n);
	for (size_t i = 0; i < n; i++)
		assert_true(id_eq(due[i], id_of(want[i])));
}

static void
test_put_and_get(void **state)
{
	struct place *p = *state;
	struct arena a = {.max_bytes = 0};
	struct index_row row;
	put(p, 3, 300);
	assert_int_equal(index_get(p->index, id_of(3), &a, &row), E_OK);
	assert_true(id_eq(row.id, id_of(3)));
	assert_int_equal(row.due_sec, 300);
	assert_int_equal(row.first_sec, 5);
	assert_int_equal(row.waits_for, 77);
	assert_int_equal(row.entry.attempts, 3);
	assert_true(span_eqs(row.entry.rcpts[0].reason, "4.2.1 later"));
	assert_int_equal(index_get(p->index, id_of(4), &a, &row), E_BAD);
	arena_reset(&a);
}

static void
test_order(void **state)
{
	struct place *p = *state;
	put(p, 1, 70000);
	put(p, 2, 255);
	put(p, 3, 256);
	put(p, 4, 255);
	check_due(p, 254, NULL, 0);
	check_due(p, 255, (const unsigned[]){2, 4}, 2);
	check_due(p, INT64_MAX, (const unsigned[]){2, 4, 3, 1}, 4);
	put(p, 2, 80000); /* in place of the older row */
	assert_int_equal(index_count(p->index), 4);
	assert_int_equal(index_reschedule(p->index, id_of(1), 10), E_OK);
	check_due(p, INT64_MAX, (const unsigned[]){1, 4, 3, 2}, 4);
	assert_int_equal(index_remove(p->index, id_of(4)), E_OK);
	assert_int_equal(index_remove(p->index, id_of(4)), E_OK);
	assert_int_equal(index_count(p->index), 3);
	check_due(p, INT64_MAX, (const unsigned[]){1, 3, 2}, 3);
}

static int
sum(void *ctx, const struct index_row *row)
{
	*(uint32_t *)ctx += row->entry.attempts;
	return E_OK;
}

static void
test_reopened(void **state)
{
	struct place *p = *state;
	uint32_t all = 0;
	int64_t queue, wall;
	for (unsigned i = 0; i < 300; i++)
		put(p, i, 1000 - i);
	index_clock(p->index, &queue, &wall);
	assert_int_equal(wall, 0);
	assert_int_equal(index_sync(p->index), E_OK);
	index_close(&p->index);
	assert_int_equal(index_open(p->dir, &p->index), E_OK);
	assert_int_equal(index_count(p->index), 300);
	check_due(p, 702, (const unsigned[]){299, 298}, 2);
	assert_int_equal(index_each(p->index, NULL, 0, sum, &all), E_OK);
	assert_int_equal(all, 299 * 150);
	index_clock(p->index, &queue, &wall);
	assert_true(wall > 0);
}

/* Closed, with 300 rows in it; sched is where they are. */
static void
close_filled(struct place *p, char sched[80])
{
	for (unsigned i = 0; i < 300; i++)
		put(p, i, 1000);
	assert_int_equal(index_sync(p->index), E_OK);
	index_close(&p->index);
	snprintf(sched, 80, "%s/sched", p->dir);
}

static void
test_damaged_is_made_anew(void **state)
{
	struct place *p = *state;
	char sched[80];
	close_filled(p, sched);
	scratch_spoil(sched);
	assert_int_equal(index_open(p->dir, &p->index), E_OK);
	assert_int_equal(index_count(p->index), 0);
	put(p, 1, 10);
	check_due(p, 10, (const unsigned[]){1}, 1);
}

static int
spoil_rows(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	if (kind != FTW_F || strcmp(path + at->base, "rows") != 0)
		return 0;
	int fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	for (off_t page = 4096; page < st->st_size; page += 4096)
		assert_int_equal(pwrite(fd, "damaged", 7, page + 2000), 7);
	close(fd);
	return 0;
}

/* Damage that a start does not meet: it is found when a row is looked for. */
static void
test_damaged_while_open(void **state)
{
	struct place *p = *state;
	struct arena arena = {.max_bytes = 0};
	struct index_row row;
	char sched[80];
	close_filled(p, sched);
	assert_int_equal(nftw(sched, spoil_rows, 16, FTW_PHYS), 0);
	assert_int_equal(index_open(p->dir, &p->index), E_OK);
	assert_int_equal(index_count(p->index), 300);
	assert_false(index_is_damaged(p->index));
	assert_int_not_equal(index_get(p->index, id_of(7), &arena, &row), E_OK);
	assert_true(index_is_damaged(p->index));
	assert_int_equal(index_renew(p->index), E_OK);
	assert_false(index_is_damaged(p->index));
	assert_int_equal(index_count(p->index), 0);
	put(p, 1, 10);
	check_due(p, 10, (const unsigned[]){1}, 1);
	arena_reset(&arena);
}

/* ---- lanes, what is waited for, slices ---- */

static void
put_lane(struct place *p, unsigned n, uint8_t lane, bool is_bulk, uint64_t waits_for)
{
	struct index_row row = {.id = id_of(n),
	    .due_sec = 100,
	    .first_sec = n,
	    .lane = lane,
	    .is_bulk = is_bulk,
	    .waits_for = waits_for,
	    .entry = {.id = id_of(n)}};
	assert_int_equal(index_put(p->index, &row), E_OK);
}

/* One tenant has very many that are due: another's one comes with the first all the same. */
static void
test_lanes_take_turns(void **state)
{
	struct place *p = *state;
	struct id ids[16];
	size_t n_other = 0;
	for (unsigned i = 0; i < 1000; i++)
		put_lane(p, i, 7, false, 0);
	put_lane(p, 2000, 9, false, 0);
	assert_int_equal(index_due(p->index, 100, ids, 16), 16);
	for (int i = 0; i < 16; i++) {
		n_other += id_eq(ids[i], id_of(2000));
		for (int j = 0; j < i; j++)
			assert_false(id_eq(ids[i], ids[j]));
	}
	assert_int_equal(n_other, 1);
}

static unsigned
number(struct id id)
{
	return (unsigned)(id.b[0] << 8 | id.b[1]);
}

static void
test_waiting(void **state)
{
	struct place *p = *state;
	struct id ids[20];
	unsigned n_bulk = 0;
	assert_int_equal(index_waiting(p->index, 5, ids, 20), 0);
	for (unsigned i = 0; i < 100; i++) {
		put_lane(p, i, (uint8_t)(i % 3), true, 5);
		put_lane(p, 1000 + i, (uint8_t)(i % 5), false, 5);
		put_lane(p, 2000 + i, 0, false, 6);
	}
	assert_int_equal(index_waiting(p->index, 5, ids, 20), 20);
	for (int i = 0; i < 20; i++) {
		assert_true(number(ids[i]) < 2000);
		n_bulk += number(ids[i]) < 1000;
	}
	assert_int_equal(n_bulk, 4); /* one in five */
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(index_reschedule(p->index, id_of(1000 + i), 200),
		    E_OK); /* these wait no longer */
	/* LANE_SHARE of each of its lanes */
	assert_int_equal(index_waiting(p->index, 5, ids, 20), 12);
	for (int i = 0; i < 12; i++)
		assert_true(number(ids[i]) < 1000);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(index_remove(p->index, id_of(i)), E_OK);
	assert_int_equal(index_waiting(p->index, 5, ids, 20), 0);
	assert_int_equal(index_waiting(p->index, 6, ids, 3), 3);
}

/* A count that is made in slices is exact while rows come and go, before and behind it. */
static void
test_walk(void **state)
{
	struct place *p = *state;
	for (unsigned i = 0; i < 9000; i++)
		put_lane(p, i, (uint8_t)(i % 64), false, 0);
	index_close(&p->index);
	assert_int_equal(index_open(p->dir, &p->index), E_OK);
	assert_true(index_census(p->index).n < 9000); /* not all was read */
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(index_remove(p->index, id_of(i)), E_OK);
	for (unsigned i = 0; i < 32; i++)
		put_lane(p, 20000 + i, (uint8_t)(2 * i), false, 0);
	for (unsigned i = 100; i < 400; i++)
		assert_int_equal(
		    index_reschedule(p->index, id_of(i), i % 2 ? 1 : INT64_MAX), E_OK);
	assert_int_equal(index_count(p->index), 9000 - 64 + 32);
	assert_int_equal(index_census(p->index).n_held, 150);
	index_walk(p->index, 100000);
	assert_int_equal(index_census(p->index).oldest_sec, 64);
	put_lane(p, 5, 1, false, 0);
	assert_int_equal(index_census(p->index).n, 9000 - 64 + 33);
	index_walk(p->index, 100000);
	assert_int_equal(index_census(p->index).oldest_sec, 5);
	assert_int_equal(index_census(p->index).n, 9000 - 64 + 33);
}

static int
next_of(void *ctx, const struct index_row *row)
{
	unsigned *n = ctx;
	assert_int_equal(number(row->id), (*n)++);
	return E_OK;
}

static void
test_slices(void **state)
{
	struct place *p = *state;
	struct id after = {{0}};
	unsigned n = 1;
	for (unsigned i = 1; i <= 250; i++)
		put_lane(p, i, 0, false, 0);
	assert_int_equal(index_each(p->index, &after, 100, next_of, &n), E_MORE);
	assert_int_equal(n, 101);
	/* the one that it stands on */
	assert_int_equal(index_remove(p->index, id_of(100)), E_OK);
	assert_int_equal(index_each(p->index, &after, 100, next_of, &n), E_MORE);
	assert_int_equal(index_each(p->index, &after, 100, next_of, &n), E_OK);
	assert_int_equal(n, 251);
}

static void
add_word(void *ctx, struct span word, int64_t value)
{
	struct buf *all = ctx;
	buf_putf(all, "%.*s=%lld ", SPAN_ARG(word), (long long)value);
}

static void
test_words(void **state)
{
	struct place *p = *state;
	struct buf all = {0};
	assert_int_equal(index_word_put(p->index, SPAN("b.test"), 7), E_OK);
	assert_int_equal(index_word_put(p->index, SPAN("a.test"), 8), E_OK);
	assert_int_equal(index_word_put(p->index, SPAN("c.test"), 9), E_OK);
	assert_int_equal(index_word_remove(p->index, SPAN("c.test")), E_OK);
	assert_int_equal(index_word_remove(p->index, SPAN("d.test")), E_BAD);
	index_close(&p->index);
	assert_int_equal(index_open(p->dir, &p->index), E_OK);
	assert_int_equal(index_words(p->index, add_word, &all), E_OK);
	assert_string_equal(buf_cstr(&all), "a.test=8 b.test=7 ");
	buf_free(&all);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_put_and_get), TEST(test_order),
	    TEST(test_reopened), TEST(test_damaged_is_made_anew),
	    TEST(test_damaged_while_open), TEST(test_lanes_take_turns),
	    TEST(test_waiting), TEST(test_walk), TEST(test_slices), TEST(test_words)};
	return cmocka_run_group_tests_name("index", tests, NULL, NULL);
}
