/* SPDX-License-Identifier: ISC */
/* test_db_empty.c - tables of which the mark of a close says that they have no row: opened when they get one. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "db_place.h"

static bool
is_open(const char *name)
{
	bool is = false;
	DIR *d = opendir("/proc/self/fd");
	assert_non_null(d);
	for (struct dirent *e; !is && (e = readdir(d));) {
		char to[256];
		ssize_t n = readlinkat(dirfd(d), e->d_name, to, sizeof to);
		is = n > 0 && span_ends(span_make(to, (size_t)n), span_of(name));
	}
	closedir(d);
	return is;
}

/* An environment that was closed with one table that has rows, and this one that has none. */
static struct db_table *
open_empty(const struct place *p, struct db **db)
{
	struct db_table *t = open_rows(p, db), *empty;
	put_rows(*db, t, 0, 3);
	assert_int_equal(db_table_open(*db, "empty", true, &empty), E_OK);
	db_close(db);
	assert_int_equal(db_open(p->dir, CACHE_BYTES, db), E_OK);
	assert_int_equal(db_table_open(*db, "rows", false, &t), E_OK);
	assert_int_equal(db_table_open(*db, "empty", false, &empty), E_OK);
	assert_true(is_open("/rows"));
	assert_false(is_open("/empty"));
	return empty;
}

static void
test_empty_is_not_opened(void **state)
{
	struct place *p = *state;
	struct db *db;
	struct db_txn *txn;
	struct db_cursor *c;
	struct span key, value;
	struct buf out = {0};
	struct db_table *t = open_empty(p, &db);
	assert_int_equal(db_begin(db, &txn), E_OK);
	assert_int_equal(db_get(t, NULL, SPAN("a"), &out), E_BAD);
	assert_int_equal(db_del(t, txn, SPAN("a")), E_BAD);
	assert_int_equal(db_cursor_open(t, txn, &c), E_OK);
	assert_int_equal(db_seek(c, SPAN(""), &key, &value), E_BAD);
	assert_int_equal(db_seek(c, SPAN("a"), &key, &value), E_BAD);
	assert_int_equal(db_next(c, &key, &value), E_BAD);
	assert_false(is_open("/empty"));
	/* a row, and who walks finds it */
	assert_int_equal(db_put(t, txn, SPAN("b"), SPAN("value")), E_OK);
	assert_true(is_open("/empty"));
	assert_int_equal(db_seek(c, SPAN("a"), &key, &value), E_OK);
	assert_true(span_eq(key, SPAN("b")));
	db_cursor_close(&c);
	assert_int_equal(db_commit(&txn), E_OK);
	assert_int_equal(db_sync(db), E_OK);
	/* which a recovery finds, too */
	db_abandon(&db);
	assert_int_equal(db_open(p->dir, CACHE_BYTES, &db), E_OK);
	assert_int_equal(db_table_open(db, "empty", false, &t), E_OK);
	assert_int_equal(db_get(t, NULL, SPAN("b"), &out), E_OK);
	db_close(&db);
	/* and who opens what was closed with it */
	assert_int_equal(db_open(p->dir, CACHE_BYTES, &db), E_OK);
	assert_int_equal(db_table_open(db, "empty", false, &t), E_OK);
	assert_true(is_open("/empty"));
	assert_int_equal(db_get(t, NULL, SPAN("b"), &out), E_OK);
	db_close(&db);
	buf_free(&out);
}

/* A row comes behind a miss: whether the table was opened before makes no difference. */
static void
next_after_a_miss(struct db *db, struct db_table *t)
{
	struct db_txn *txn;
	struct db_cursor *c;
	struct span key, value;
	assert_int_equal(db_begin(db, &txn), E_OK);
	assert_int_equal(db_cursor_open(t, txn, &c), E_OK);
	assert_int_equal(db_seek(c, SPAN("x"), &key, &value), E_BAD);
	assert_int_equal(db_put(t, txn, SPAN("a"), SPAN("1")), E_OK);
	assert_int_equal(db_put(t, txn, SPAN("b"), SPAN("2")), E_OK);
	assert_int_equal(db_next(c, &key, &value), E_OK);
	assert_true(span_eq(key, SPAN("a")));
	assert_int_equal(db_seek(c, SPAN("x"), &key, &value), E_BAD);
	assert_int_equal(db_next(c, &key, &value), E_OK);
	assert_true(span_eq(key, SPAN("b")));
	assert_int_equal(db_next(c, &key, &value), E_BAD);
	db_cursor_close(&c);
	assert_int_equal(db_commit(&txn), E_OK);
}

static void
test_next_after_a_miss(void **state)
{
	struct place *p = *state;
	struct db *db;
	struct db_table *t = open_empty(p, &db);
	next_after_a_miss(db, t);
	assert_int_equal(db_table_open(db, "opened", true, &t), E_OK);
	assert_true(is_open("/opened"));
	next_after_a_miss(db, t);
	db_close(&db);
}

/* What a cursor that found nothing would change is nobody's: that is a mistake of the caller. */
static void
change_no_item(const struct place *p, bool is_put)
{
	struct db *db;
	struct db_txn *txn;
	struct db_cursor *c;
	struct span key, value;
	int status;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		signal(SIGABRT, SIG_DFL);
		struct db_table *t = open_empty(p, &db);
		if (db_begin(db, &txn) != E_OK || db_cursor_open(t, txn, &c) != E_OK ||
		    db_seek(c, SPAN(""), &key, &value) != E_BAD)
			_exit(1);
		_exit((is_put ? db_cursor_put(c, SPAN("1")) : db_cursor_del(c)) == E_OK
			  ? 2
			  : 3);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void
test_no_item(void **state)
{
	change_no_item(*state, false);
	change_no_item(*state, true);
}

static void
test_empty_again(void **state)
{
	struct place *p = *state;
	struct db *db;
	struct db_txn *txn;
	struct buf out = {0};
	struct db_table *t = open_empty(p, &db);
	assert_int_equal(db_begin(db, &txn), E_OK);
	assert_int_equal(db_put(t, txn, SPAN("a"), SPAN("value")), E_OK);
	db_abort(&txn);
	assert_int_equal(db_get(t, NULL, SPAN("a"), &out), E_BAD);
	assert_int_equal(db_begin(db, &txn), E_OK);
	assert_int_equal(db_put(t, txn, SPAN("b"), SPAN("value")), E_OK);
	assert_int_equal(db_del(t, txn, SPAN("b")), E_OK);
	assert_int_equal(db_commit(&txn), E_OK);
	db_close(&db);
	assert_int_equal(db_open(p->dir, CACHE_BYTES, &db), E_OK);
	assert_int_equal(db_table_open(db, "empty", false, &t), E_OK);
	assert_false(is_open("/empty"));
	assert_int_equal(db_get(t, NULL, SPAN("a"), &out), E_BAD);
	assert_int_equal(db_get(t, NULL, SPAN("b"), &out), E_BAD);
	db_close(&db);
	buf_free(&out);
}

/* A file that is lost or cut is found out when all is opened, as one that has rows. */
static void
test_empty_is_lost(void **state)
{
	struct place *p = *state;
	struct db *db;
	struct db_table *t;
	open_empty(p, &db);
	db_close(&db);
	int fd = openat(p->fd, "empty", O_WRONLY | O_CLOEXEC);
	assert_int_equal(ftruncate(fd, 100), 0);
	close(fd);
	assert_int_equal(db_open(p->dir, CACHE_BYTES, &db), E_OK);
	assert_int_equal(db_table_open(db, "empty", false, &t), E_LIMIT);
	assert_true(db_is_damaged(db));
	db_abandon(&db);
	assert_int_equal(unlinkat(p->fd, "empty", 0), 0);
	check_rows(p, 3);
	assert_int_equal(db_open(p->dir, CACHE_BYTES, &db), E_OK);
	assert_int_equal(db_table_open(db, "empty", false, &t), E_BAD);
	db_close(&db);
}

static void
first_row_finds_damage(const struct place *p, struct db *db, struct db_table *t)
{
	struct db_txn *txn;
	assert_int_equal(db_begin(db, &txn), E_OK);
	assert_int_equal(db_put(t, txn, SPAN("a"), SPAN("value")), E_LIMIT);
	assert_true(db_is_damaged(db));
	db_abort(&txn);
	db_close(&db);
	assert_false(is_there(p, "closed"));
}

/* What is wrong with its pages is found with its first row. */
static void
test_empty_is_damaged(void **state)
{
	struct place *p = *state;
	struct db *db;
	char junk[DB_PAGE_BYTES];
	struct db_table *t = open_empty(p, &db);
	db_close(&db);
	memset(junk, 'x', sizeof junk);
	int fd = openat(p->fd, "empty", O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, junk, sizeof junk, 0), sizeof junk);
	close(fd);
	assert_int_equal(db_open(p->dir, CACHE_BYTES, &db), E_OK);
	assert_int_equal(db_table_open(db, "empty", false, &t), E_OK);
	assert_false(db_is_damaged(db));
	first_row_finds_damage(p, db, t);
}

/* Its file goes meanwhile: damage, and not "no such row". */
static void
test_empty_goes(void **state)
{
	struct place *p = *state;
	struct db *db;
	struct db_table *t = open_empty(p, &db);
	assert_int_equal(unlinkat(p->fd, "empty", 0), 0);
	first_row_finds_damage(p, db, t);
}

int
main(void)
{
	db_warm(); /* as daemons do; it leaves nothing behind */
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		test_empty_is_not_opened, place_setup, place_teardown),
	    cmocka_unit_test_setup_teardown(
		test_next_after_a_miss, place_setup, place_teardown),
	    cmocka_unit_test_setup_teardown(test_no_item, place_setup, place_teardown),
	    cmocka_unit_test_setup_teardown(
		test_empty_again, place_setup, place_teardown),
	    cmocka_unit_test_setup_teardown(
		test_empty_is_lost, place_setup, place_teardown),
	    cmocka_unit_test_setup_teardown(
		test_empty_is_damaged, place_setup, place_teardown),
	    cmocka_unit_test_setup_teardown(
		test_empty_goes, place_setup, place_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
