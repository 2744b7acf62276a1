/* SPDX-License-Identifier: ISC */
/*
 * test_db_closed.c - the mark of an environment that was closed: it is believed only where nothing
 * was logged behind it, and an old one that a power cut brings back takes nothing away, also after a
 * recovery.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "db/closed.h"
#include "db/db.h"
#include "db_place.h"

enum { MUCH = 4000 };

/* ---- what is synced ---- */

/*
 * Of this program's own two calls, also from the library: the names of the files, in their order,
 * "." for a folder, and "*" where the table that is watched has changed by then.
 */
static struct {
	struct buf names;
	struct buf table; /* what it was; empty: none is watched */
	int dir;
} seen;

static void
read_table(struct buf *out)
{
	int fd = openat(seen.dir, "rows", O_RDONLY | O_CLOEXEC);
	ssize_t n = 0;
	buf_reset(out);
	do {
		char *room = buf_room(out, DB_PAGE_BYTES);
		assert_non_null(room);
		n = read(fd, room, DB_PAGE_BYTES);
		buf_added(out, n > 0 ? (size_t)n : 0);
	} while (n > 0);
	assert_int_equal(n, 0);
	close(fd);
}

static bool
is_table_same(void)
{
	struct buf now = {0};
	read_table(&now);
	bool is = span_eq(buf_as_span(&now), buf_as_span(&seen.table));
	buf_free(&now);
	return is;
}

static void
note_sync(int fd, bool is_folder)
{
	char link[32], to[256];
	if (!seen.table.len)
		return;
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, to, sizeof to);
	struct span name = span_make(to, n > 0 ? (size_t)n : 0);
	buf_span(&seen.names,
	    is_folder ? SPAN(".") : span_from(name, span_rfind(name, '/') + 1));
	buf_str(&seen.names, is_table_same() ? " " : "* ");
}

int
fdatasync(int fd)
{
	note_sync(fd, false);
	return (int)syscall(SYS_fdatasync, fd);
}

int
fsync(int fd)
{
	note_sync(fd, true);
	return (int)syscall(SYS_fsync, fd);
}

static int
teardown(void **state)
{
	buf_free(&seen.table);
	buf_free(&seen.names);
	return place_teardown(state);
}

static void
file_put(const struct place *p, const char *name, const void *bytes, size_t n)
{
	int fd = openat(p->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), n);
	close(fd);
}

/* ---- the mark alone ---- */

static int
put_mark(const struct place *p, uint32_t log)
{
	const struct closed_log l = {.first = log, .last = log};
	return closed_put(p->fd, &l, true, SPAN("of whom"));
}

/* True: what was noted is there, too. */
static bool
take_mark(const struct place *p)
{
	struct buf note = {0};
	uint32_t log;
	bool is = closed_take(p->fd, &log, &note);
	if (is)
		assert_int_equal(log, 7);
	buf_free(&note);
	return is;
}

#define LOG "log.0000000007"

static void
test_unchanged(void **state)
{
	static const struct {
		size_t used, all; /* octets; zeros behind the first ones */
	} rows[] = {{1, 1}, {100, 100}, {100, 50000}, {16384, 16384}, {16385, 40000},
	    {DB_LOG_FILE_BYTES, DB_LOG_FILE_BYTES}};

	static char bytes[DB_LOG_FILE_BYTES];
	struct place *p = *state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		memset(bytes, 0, sizeof bytes);
		memset(bytes, 'x', rows[i].used);
		file_put(p, LOG, bytes, rows[i].all);
		assert_int_equal(put_mark(p, 7), E_OK);
		assert_true(take_mark(p));
		assert_false(is_there(p, "closed"));
		assert_false(take_mark(p)); /* once */
	}
}

/* Whatever is logged behind the mark, and wherever a power cut left it. */
static void
test_logged_since(void **state)
{
	static const size_t places[] = {100, 101, 16383, 16384, 40000, 79999};
	static char bytes[80000];
	struct place *p = *state;
	for (size_t i = 0; i < COUNT(places); i++) {
		memset(bytes, 0, sizeof bytes);
		memset(bytes, 'x', 100);
		file_put(p, LOG, bytes, places[i] < 200 ? 100 : sizeof bytes);
		assert_int_equal(put_mark(p, 7), E_OK);
		bytes[places[i]] = 1;
		file_put(p, LOG, bytes, places[i] + 1);
		assert_false(take_mark(p));
	}
}

static void
test_not_believed(void **state)
{
	static const char *const marks[] = {"", "7", "7 ", "7 100", " 100\n", "7 0\n",
	    "7 99\n", "7 101\n", "8 100\n", "7 99999999\n", "x y\n", "\n",
	    "4294967295 100\n"};
	char bytes[100];
	static char long_file[DB_LOG_FILE_BYTES + 2];
	struct place *p = *state;
	memset(bytes, 'x', sizeof bytes);
	file_put(p, LOG, bytes, sizeof bytes);
	for (size_t i = 0; i < COUNT(marks); i++) {
		file_put(p, "closed", marks[i], strlen(marks[i]));
		assert_false(take_mark(p));
		assert_false(is_there(p, "closed"));
	}
	file_put(p, "closed", "7 100\n", 6);
	assert_true(take_mark(p));
	file_put(p, "closed", "7 100\n", 6);
	file_put(p, "log.0000000008", "", 0); /* another one was begun */
	assert_false(take_mark(p));
	assert_int_equal(unlinkat(p->fd, "log.0000000008", 0), 0);
	memset(long_file, 'x', 100);
	file_put(p, LOG, long_file, sizeof long_file); /* none of ours */
	file_put(p, "closed", "7 100\n", 6);
	assert_false(take_mark(p));
	assert_int_equal(put_mark(p, 7), E_IO);
	assert_int_equal(put_mark(p, 6), E_IO);
	assert_false(is_there(p, "closed"));
}

/* It could not be renamed: before a recovery it goes all the same, or none may begin. */
static void
test_not_renamed(void **state)
{
	struct place *p = *state;
	file_put(p, LOG, "x", 1);
	assert_int_equal(put_mark(p, 7), E_OK);
	assert_int_equal(mkdirat(p->fd, "closed.new", 0700), 0);
	assert_false(take_mark(p));
	assert_true(is_there(p, "closed"));
	assert_int_equal(closed_not(p->fd), E_OK);
	assert_false(is_there(p, "closed"));
	assert_int_equal(closed_not(p->fd), E_OK);
	assert_int_equal(mkdirat(p->fd, "closed", 0700), 0);
	assert_int_equal(closed_not(p->fd), E_IO);
}

/* ---- with an environment ---- */

/* A process that opens, writes and is killed. */
static void
write_and_die(const struct place *p, uint32_t from, uint32_t n)
{
	int status;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct db *db;
		struct db_table *t = open_rows(p, &db);
		for (uint32_t i = from; i < from + n; i++)
			put_rows(db, t, i, 1);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
test_made_and_taken(void **state)
{
	struct place *p = *state;
	struct db *db;
	open_rows(p, &db);
	assert_false(is_there(p, "closed"));
	db_close(&db);
	assert_true(is_there(p, "closed"));
	open_rows(p, &db);
	assert_false(is_there(p, "closed")); /* who is killed now leaves none */
	db_abandon(&db);
	assert_false(is_there(p, "closed"));
	check_rows(p, 0);
	assert_true(is_there(p, "closed"));
}

static uint64_t
size_of(const struct place *p, const char *name)
{
	struct stat st;
	assert_int_equal(fstatat(p->fd, name, &st, 0), 0);
	return (uint64_t)st.st_size;
}

/* The first log files have all their zeros, and one buffer more; those of who logs much a hole. */
static void
test_sizes_of_logs(void **state)
{
	struct place *p = *state;
	struct db *db;
	struct db_table *t = open_rows(p, &db);
	assert_int_equal(
	    size_of(p, "log.0000000001"), DB_LOG_FIRST_BYTES + DB_LOG_BUFFER_BYTES);
	for (uint32_t i = 0; !is_there(p, "log.0000000004"); i++)
		put_rows(db, t, i * 100, 100);
	assert_in_range(
	    size_of(p, "log.0000000003"), DB_LOG_FIRST_BYTES, DB_LOG_FILE_BYTES);
	db_close(&db);
}

/* Closed and opened again and again: rows of all of them, also after a kill between. */
static void
test_many_lives(void **state)
{
	struct place *p = *state;
	struct db *db;
	uint32_t n = 0;
	for (int life = 0; life < 8; life++) {
		struct db_table *t = open_rows(p, &db);
		put_rows(db, t, n, MUCH);
		n += MUCH;
		db_close(&db);
		assert_true(is_there(p, "closed")); /* its log files are longer */
		if (life % 2) {
			write_and_die(p, n, 3);
			n += 3;
		}
		check_rows(p, n);
	}
}

/* A power cut undoes that the mark was removed: what was synced behind it is there. */
static void
test_mark_comes_back(void **state)
{
	static const uint32_t behind[] = {1, 3, MUCH}; /* the last: other log files */
	struct place *p = *state;
	struct db *db;
	uint32_t n = 10;
	char mark[64];
	struct db_table *t = open_rows(p, &db);
	put_rows(db, t, 0, n);
	db_close(&db);
	for (size_t i = 0; i < COUNT(behind); i++) {
		int fd = openat(p->fd, "closed", O_RDONLY | O_CLOEXEC);
		ssize_t got = read(fd, mark, sizeof mark);
		assert_true(got > 0);
		close(fd);
		write_and_die(p, n, behind[i]);
		n += behind[i];
		assert_false(is_there(p, "closed"));
		file_put(p, "closed", mark, (size_t)got);
		check_rows(p, n);
	}
}

/*
 * Who was killed has logged what it did not sync: that is durable, and that there is no mark, before
 * a recovery writes a page.
 */
static void
test_synced_before_recovery(void **state)
{
	static const char synced[] = "log.0000000001 . ";
	struct place *p = *state;
	struct db *db;
	struct db_table *t = open_rows(p, &db);
	put_rows(db, t, 0, 10);
	db_close(&db);
	seen.dir = p->fd;
	read_table(&seen.table);
	/* as it was left: nothing but what a close needs */
	check_rows(p, 10);
	assert_false(span_starts(buf_as_span(&seen.names), SPAN(synced)));
	write_and_die(p, 10, 3);
	read_table(&seen.table);
	buf_reset(&seen.names);
	assert_int_equal(db_open(p->dir, CACHE_BYTES, &db), E_OK);
	assert_false(is_table_same());
	assert_true(span_starts(buf_as_span(&seen.names), SPAN(synced)));
	buf_reset(&seen.table);
	db_close(&db);
	check_rows(p, 13);
}

/* The mark cannot be renamed as the environment is opened: what is written then it does not hide. */
static void
test_opened_not_renamed(void **state)
{
	struct place *p = *state;
	struct db *db;
	struct db_table *t = open_rows(p, &db);
	put_rows(db, t, 0, 3);
	db_close(&db);
	assert_int_equal(mkdirat(p->fd, "closed.new", 0700), 0);
	t = open_rows(p, &db);
	assert_false(is_there(p, "closed"));
	put_rows(db, t, 3, 1);
	db_abandon(&db);
	check_rows(p, 4);
}

int
main(void)
{
	db_warm(); /* as daemons do; it leaves nothing behind */
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_unchanged, place_setup, teardown),
	    cmocka_unit_test_setup_teardown(test_logged_since, place_setup, teardown),
	    cmocka_unit_test_setup_teardown(test_not_believed, place_setup, teardown),
	    cmocka_unit_test_setup_teardown(test_not_renamed, place_setup, teardown),
	    cmocka_unit_test_setup_teardown(test_made_and_taken, place_setup, teardown),
	    cmocka_unit_test_setup_teardown(test_sizes_of_logs, place_setup, teardown),
	    cmocka_unit_test_setup_teardown(test_many_lives, place_setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_mark_comes_back, place_setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_synced_before_recovery, place_setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_opened_not_renamed, place_setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
