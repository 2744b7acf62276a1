/* SPDX-License-Identifier: ISC */
/* test_db.c - tables: what was synced is there again, in order; and damage is told from what can be tried later. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "db/db.h"

/* Berkeley DB keeps memory of an environment whose recovery failed. */
const char *__lsan_default_suppressions(void);

const char *
__lsan_default_suppressions(void)
{
	return "leak:libdb-5.3";
}

enum { CACHE_BYTES = 256 * 1024, ROWS = 300 };

struct place {
	char dir[64], command[128];
	struct db *db;
	struct db_table *table;
};

static int
open_again(struct place *p)
{
	db_close(&p->db);
	int err = db_open(p->dir, CACHE_BYTES, &p->db);
	return err == E_OK ? db_table_open(p->db, "rows", false, &p->table) : err;
}

static int
setup(void **state)
{
	struct place *p = calloc(1, sizeof *p);
	log_level(LOG_EMERG); /* damage is made here on purpose */
	strcpy(p->dir, "/tmp/merpati-db-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	assert_int_equal(db_open(p->dir, CACHE_BYTES, &p->db), E_OK);
	assert_int_equal(db_table_open(p->db, "rows", false, &p->table), E_BAD); /* not there, and no damage */
	assert_false(db_is_damaged(p->db));
	assert_int_equal(db_table_open(p->db, "rows", true, &p->table), E_OK);
	*state = p;
	return 0;
}

static int
teardown(void **state)
{
	struct place *p = *state;
	db_close(&p->db);
	snprintf(p->command, sizeof p->command, "rm -rf %s", p->dir);
	assert_int_equal(system(p->command), 0);
	free(p);
	return 0;
}

static void
put_rows(struct place *p)
{
	struct db_txn *txn;
	assert_int_equal(db_begin(p->db, &txn), E_OK);
	for (uint32_t i = ROWS; i-- > 0;) {
		struct buf key = {0};
		db_key_u32(&key, i);
		assert_int_equal(db_put(p->table, txn, buf_as_span(&key), SPAN("value")), E_OK);
		buf_free(&key);
	}
	assert_int_equal(db_commit(&txn), E_OK);
	assert_int_equal(db_sync(p->db), E_OK);
}

static void
check_rows(struct place *p)
{
	struct db_cursor *c;
	struct span key, value;
	uint32_t n = 0;
	int err;
	assert_int_equal(db_cursor_open(p->table, NULL, &c), E_OK);
	for (err = db_seek(c, SPAN(""), &key, &value); err == E_OK; err = db_next(c, &key, &value)) {
		struct rd r = rd_of(key);
		assert_int_equal(rd_key_u32(&r), n++); /* numbers in keys sort as numbers */
		assert_true(span_eqs(value, "value"));
	}
	assert_int_equal(err, E_BAD);
	assert_int_equal(n, ROWS);
	db_cursor_close(&c);
}

static void
test_there_again(void **state)
{
	struct place *p = *state;
	put_rows(p);
	check_rows(p);
	assert_int_equal(open_again(p), E_OK);
	check_rows(p);
}

static void
test_aborted_is_nothing(void **state)
{
	struct place *p = *state;
	struct db_txn *txn;
	struct buf value = {0};
	put_rows(p);
	assert_int_equal(db_begin(p->db, &txn), E_OK);
	assert_int_equal(db_put(p->table, txn, SPAN("key"), SPAN("x")), E_OK);
	assert_int_equal(db_get(p->table, txn, SPAN("key"), &value), E_OK);
	db_abort(&txn);
	assert_int_equal(db_get(p->table, NULL, SPAN("key"), &value), E_BAD);
	check_rows(p);
	buf_free(&value);
}

/* The first page of a table, as a bad disk or a cut leaves it: zeros, junk, or no page at all. */
static void
test_damaged_first_page(void **state)
{
	struct place *p = *state;
	char path[80], page[DB_PAGE_BYTES];
	put_rows(p);
	snprintf(path, sizeof path, "%s/rows", p->dir);
	for (int kind = 0; kind < 3; kind++) {
		db_close(&p->db);
		int fd = open(path, O_RDWR | O_CLOEXEC);
		assert_true(fd >= 0);
		memset(page, kind == 0 ? 'Z' : 0, sizeof page);
		assert_int_equal(kind == 2 ? ftruncate(fd, 0) : pwrite(fd, page, sizeof page, 0),
		    kind == 2 ? 0 : (int)sizeof page);
		close(fd);
		int err = db_open(p->dir, CACHE_BYTES, &p->db);
		if (err == E_OK) {
			err = db_table_open(p->db, "rows", false, &p->table);
			assert_true(err != E_LIMIT || db_is_damaged(p->db));
		}
		assert_int_equal(err, E_LIMIT); /* to be made anew; never "try later" */
		if (p->db)
			db_abandon(&p->db);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_there_again), TEST(test_aborted_is_nothing), TEST(test_damaged_first_page)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
