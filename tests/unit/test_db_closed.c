/* SPDX-License-Identifier: ISC */
/*
 * test_db_closed.c - the mark of an environment that was closed: it is believed only where nothing
 * was logged behind it, and an old one that a power cut brings back takes nothing away, also after a
 * recovery.  And tables of which it says that they have no row.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
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

#include "base/log.h"
#include "db/closed.h"
#include "db/db.h"

/* Berkeley DB keeps memory of an environment that was abandoned. */
const char *__lsan_default_suppressions(void);

const char *
__lsan_default_suppressions(void)
{
	return "leak:libdb-5.3";
}

enum { CACHE_BYTES = 256 * 1024, MUCH = 4000 };

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

struct place {
	char dir[64];
	int fd;
};

static int
setup(void **state)
{
	struct place *p = calloc(1, sizeof *p);
	log_level(LOG_EMERG);
	strcpy(p->dir, "/tmp/merpati-closed-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	p->fd = open(p->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(p->fd >= 0);
	*state = p;
	return 0;
}

static int
teardown(void **state)
{
	struct place *p = *state;
	char command[128];
	close(p->fd);
	buf_free(&seen.table);
	buf_free(&seen.names);
	snprintf(command, sizeof command, "rm -rf %s", p->dir);
	assert_int_equal(system(command), 0);
	free(p);
	return 0;
}

static void
file_put(const struct place *p, const char *name, const void *bytes, size_t n)
{
	int fd = openat(p->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, n), n);
	close(fd);
}

static bool
is_there(const struct place *p, const char *name)
{
	return faccessat(p->fd, name, F_OK, 0) == 0;
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

static struct db_table *
open_rows(const struct place *p, struct db **db)
{
	struct db_table *t = NULL;
	assert_int_equal(db_open(p->dir, CACHE_BYTES, db), E_OK);
	assert_int_equal(db_table_open(*db, "rows", true, &t), E_OK);
	return t;
}

static void
put_rows(struct db *db, struct db_table *t, uint32_t from, uint32_t n)
{
	struct db_txn *txn;
	assert_int_equal(db_begin(db, &txn), E_OK);
	for (uint32_t i = from; i < from + n; i++) {
		struct buf key = {0};
		db_key_u32(&key, i);
		assert_int_equal(
		    db_put(t, txn, buf_as_span(&key), SPAN("a value of some length")),
		    E_OK);
		buf_free(&key);
	}
	assert_int_equal(db_commit(&txn), E_OK);
	assert_int_equal(db_sync(db), E_OK);
}

/* All n rows, and no other. */
static void
check_rows(const struct place *p, uint32_t n)
{
	struct db *db;
	struct db_cursor *c;
	struct span key, value;
	uint32_t k = 0;
	struct db_table *t = open_rows(p, &db);
	assert_int_equal(db_cursor_open(t, NULL, &c), E_OK);
	for (int err = db_seek(c, SPAN(""), &key, &value); err == E_OK;
	     err = db_next(c, &key, &value)) {
		struct rd r = rd_of(key);
		assert_int_equal(rd_key_u32(&r), k++);
	}
	assert_int_equal(k, n);
	db_cursor_close(&c);
	db_close(&db);
}

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

/* ---- tables without a row ---- */

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
	    cmocka_unit_test_setup_teardown(test_unchanged, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_logged_since, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_not_believed, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_not_renamed, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_made_and_taken, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_sizes_of_logs, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_many_lives, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_mark_comes_back, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_synced_before_recovery, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_opened_not_renamed, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_empty_is_not_opened, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_next_after_a_miss, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_no_item, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_empty_again, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_empty_is_lost, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_empty_is_damaged, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_empty_goes, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
