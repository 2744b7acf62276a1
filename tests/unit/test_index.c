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
	struct index_row row = {.id = id_of(n), .due_sec = due_sec, .first_sec = 5, .waits_for_deliver = 1,
	    .entry = {.id = id_of(n), .attempts = n, .sender = SPAN("s@example.net"), .n_rcpts = 1, .rcpts = &r}};
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
	assert_int_equal(row.waits_for_deliver, 1);
	assert_int_equal(row.entry.attempts, 3);
	assert_true(span_eqs(row.entry.rcpts[0].reason, "4.2.1 later"));
	assert_int_equal(index_get(p->index, id_of(4), &a, &row), E_BAD);
	arena_reset(&a);
}

static void
test_order(void **state)
{
	struct place *p = *state;
	assert_int_equal(index_next(p->index), INT64_MAX);
	put(p, 1, 70000);
	put(p, 2, 255);
	put(p, 3, 256);
	put(p, 4, 255);
	assert_int_equal(index_next(p->index), 255);
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
	assert_int_equal(index_next(p->index), 701);
	assert_int_equal(index_each(p->index, sum, &all), E_OK);
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

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_put_and_get), TEST(test_order), TEST(test_reopened),
	    TEST(test_damaged_is_made_anew), TEST(test_damaged_while_open)};
	return cmocka_run_group_tests_name("index", tests, NULL, NULL);
}
