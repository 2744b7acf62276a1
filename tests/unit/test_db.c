/* SPDX-License-Identifier: ISC */
/*
 * test_db.c - tables: what was synced is there again, in order; and damage is told from what can be
 * tried later.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

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

enum { CACHE_BYTES = 256 * 1024, ROWS = 300, FIRST_PAGE_USED_BYTES = 512 };

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
	assert_int_equal(db_table_open(p->db, "rows", false, &p->table),
	    E_BAD); /* not there, and no damage */
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
		assert_int_equal(
		    db_put(p->table, txn, buf_as_span(&key), SPAN("value")), E_OK);
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
	for (err = db_seek(c, SPAN(""), &key, &value); err == E_OK;
	     err = db_next(c, &key, &value)) {
		struct rd r = rd_of(key);
		assert_int_equal(
		    rd_key_u32(&r), n++); /* numbers in keys sort as numbers */
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
		assert_int_equal(
		    kind == 2 ? ftruncate(fd, 0) : pwrite(fd, page, sizeof page, 0),
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

static void
flip(const char *path, off_t at)
{
	unsigned char byte;
	int fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 0x55;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

/* Opens and reads everything.  E_OK, or what went wrong first */
static int
walk_all(struct place *p)
{
	struct db_cursor *c;
	struct span key, value;
	int err = open_again(p);
	if (err != E_OK)
		return err;
	err = db_cursor_open(p->table, NULL, &c);
	if (err != E_OK)
		return err;
	for (err = db_seek(c, SPAN(""), &key, &value); err == E_OK;)
		err = db_next(c, &key, &value);
	db_cursor_close(&c);
	return err == E_BAD ? E_OK : err;
}

/*
 * One bad byte in any page: it is told as damage by whoever reads the page; the rest of us goes on.
 */
static void
test_damaged_page(void **state)
{
	struct place *p = *state;
	char path[80];
	struct stat st;
	static const off_t offsets[] = {0, 30, 2000, DB_PAGE_BYTES - 1};
	put_rows(p);
	db_close(&p->db);
	snprintf(path, sizeof path, "%s/rows", p->dir);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size >= 3 * DB_PAGE_BYTES);
	for (off_t page = 0; page < st.st_size / DB_PAGE_BYTES; page++) {
		for (size_t i = 0; i < COUNT(offsets); i++) {
			if (page == 0 && offsets[i] >= FIRST_PAGE_USED_BYTES)
				continue; /* nothing is there, and no sum is made of it */
			flip(path, page * DB_PAGE_BYTES + offsets[i]);
			int err = walk_all(p);
			if (err != E_LIMIT)
				fail_msg("page %d, byte %d: %d", (int)page,
				    (int)offsets[i], err);
			assert_true(db_is_damaged(p->db));
			db_close(&p->db); /* does not write to it */
			flip(path, page * DB_PAGE_BYTES + offsets[i]);
		}
	}
	assert_int_equal(
	    open_again(p), E_OK); /* what was not written to is whole again */
	check_rows(p);
}

/* ---- one item at a time ---- */

static void
test_items(void **state)
{
	static const size_t sizes[] = {
	    0, 1, 511, 512, 513, DB_ITEM_BEST_BYTES, DB_PAGE_BYTES, 100000};
	struct place *p = *state;
	struct buf value = {0}, have = {0};
	assert_int_equal(db_get(p->table, NULL, SPAN("key"), &have), E_BAD);
	assert_int_equal(db_del(p->table, NULL, SPAN("key")), E_BAD);
	for (size_t i = 0; i < COUNT(sizes);
	     i++) { /* each takes the place of the one before */
		buf_reset(&value);
		while (value.len < sizes[i])
			buf_ch(&value, (char)(value.len % 251));
		assert_int_equal(
		    db_put(p->table, NULL, SPAN("key"), buf_as_span(&value)), E_OK);
		assert_int_equal(db_get(p->table, NULL, SPAN("key"), &have), E_OK);
		assert_true(span_eq(buf_as_span(&value), buf_as_span(&have)));
	}
	struct buf small = {.max = 2000};
	assert_int_equal(db_get(p->table, NULL, SPAN("key"), &small),
	    E_LIMIT); /* larger than there is room */
	assert_false(db_is_damaged(p->db));
	assert_int_equal(db_put(p->table, NULL, SPAN("key2"), SPAN("2")), E_OK);
	assert_int_equal(db_del(p->table, NULL, SPAN("key")), E_OK);
	assert_int_equal(db_get(p->table, NULL, SPAN("key"), &have), E_BAD);
	assert_int_equal(db_get(p->table, NULL, SPAN("key2"), &have), E_OK);
	assert_true(span_eqs(buf_as_span(&have), "2"));
	buf_free(&value);
	buf_free(&have);
	buf_free(&small);
}

static void
put_strings(struct place *p, const char *const *keys)
{
	struct db_txn *txn;
	assert_int_equal(db_begin(p->db, &txn), E_OK);
	for (; *keys; keys++)
		assert_int_equal(
		    db_put(p->table, txn, span_of(*keys), span_of(*keys)), E_OK);
	assert_int_equal(db_commit(&txn), E_OK);
}

static void
test_walk(void **state)
{
	static const char *const keys[] = {"b", "a", "abc", "ab", "\xff", "c", NULL};

	/* clang-format off */
	static const struct {
		const char *at_least, *found; /* NULL: none */
	} seeks[] = {
		{"", "a"}, {"a", "a"}, {"aa", "ab"}, {"ab", "ab"}, {"abd", "b"}, {"b\x01", "c"}, {"d", "\xff"}, {"\xff\x01", NULL},
	};
	/* clang-format on */
	struct place *p = *state;
	struct db_cursor *c;
	struct span key, value;
	assert_int_equal(db_cursor_open(p->table, NULL, &c), E_OK);
	assert_int_equal(
	    db_seek(c, SPAN(""), &key, &value), E_BAD); /* an empty table */
	assert_int_equal(db_next(c, &key, &value), E_BAD);
	db_cursor_close(&c);
	put_strings(p, keys);
	assert_int_equal(db_cursor_open(p->table, NULL, &c), E_OK);
	for (size_t i = 0; i < COUNT(seeks); i++) {
		int err = db_seek(c, span_of(seeks[i].at_least), &key, &value);
		assert_int_equal(err, seeks[i].found ? E_OK : E_BAD);
		if (err == E_OK)
			assert_true(span_eqs(key, seeks[i].found) &&
				    span_eqs(value, seeks[i].found));
	}
	assert_int_equal(db_seek(c, SPAN("b"), &key, &value), E_OK);
	assert_int_equal(db_next(c, &key, &value), E_OK);
	assert_true(span_eqs(key, "c"));
	assert_int_equal(db_next(c, &key, &value), E_OK);
	assert_int_equal(db_next(c, &key, &value), E_BAD);
	db_cursor_close(&c);
	assert_null(c);
	db_cursor_close(&c);
}

/* A walk that takes items away goes on behind each; an abort brings them back. */
static void
test_walk_and_take(void **state)
{
	struct place *p = *state;
	put_rows(p);
	for (int is_kept = 0; is_kept < 2; is_kept++) {
		struct db_txn *txn;
		struct db_cursor *c;
		struct span key, value;
		uint32_t n = 0;
		assert_int_equal(db_begin(p->db, &txn), E_OK);
		assert_int_equal(db_cursor_open(p->table, txn, &c), E_OK);
		for (int err = db_seek(c, SPAN(""), &key, &value); err == E_OK;
		     err = db_next(c, &key, &value), n++)
			assert_int_equal(db_cursor_del(c), E_OK);
		assert_int_equal(n, ROWS);
		assert_int_equal(db_cursor_del(c), E_BAD); /* it is gone already */
		db_cursor_close(&c);
		if (!is_kept) {
			db_abort(&txn);
			check_rows(p);
			continue;
		}
		assert_int_equal(db_commit(&txn), E_OK);
		assert_int_equal(db_cursor_open(p->table, NULL, &c), E_OK);
		assert_int_equal(db_seek(c, SPAN(""), &key, &value), E_BAD);
		db_cursor_close(&c);
	}
}

/*
 * Ended without a close: what was synced is there, what was not committed is not, and rows are
 * whole.
 */
static void
test_killed(void **state)
{
	struct place *p = *state;
	struct buf value = {0};
	int status;
	db_close(&p->db);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct db_txn *txn;
		if (open_again(p) != E_OK)
			_exit(1);
		put_rows(p);
		if (db_begin(p->db, &txn) != E_OK ||
		    db_put(p->table, txn, SPAN("lost"), SPAN("x")) != E_OK ||
		    db_sync(p->db) != E_OK ||
		    db_checkpoint(p->db, 0) != E_OK) /* its page is written, too */
			_exit(2);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(open_again(p), E_OK);
	check_rows(p);
	assert_int_equal(db_get(p->table, NULL, SPAN("lost"), &value), E_BAD);
	buf_free(&value);
}

static unsigned
log_files(const struct place *p)
{
	unsigned n = 0;
	DIR *d = opendir(p->dir);
	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));)
		n += strncmp(e->d_name, "log.", 4) == 0;
	closedir(d);
	return n;
}

/* More than the cache holds. */
static void
put_much(struct place *p)
{
	char value[200];
	struct db_txn *txn;
	memset(value, 'v', sizeof value);
	assert_int_equal(db_begin(p->db, &txn), E_OK);
	for (uint32_t i = 0; i < 2 * CACHE_BYTES / sizeof value; i++) {
		struct buf key = {0};
		db_key_u32(&key, i);
		memcpy(value, &i, sizeof i);
		assert_int_equal(db_put(p->table, txn, buf_as_span(&key),
				     span_make(value, sizeof value)),
		    E_OK);
		buf_free(&key);
	}
	assert_int_equal(db_commit(&txn), E_OK);
	assert_int_equal(db_sync(p->db), E_OK);
}

/*
 * Much log: pages are written before a checkpoint, log files go one by one after it, and the rest
 * at the end.
 */
static void
test_checkpoint_in_slices(void **state)
{
	enum { LOG_BYTES = 1 << 20, LOG_FILES = 12, CALLS_MOST = 1000 };
	struct place *p = *state;
	unsigned slices = 0, before, calls = 0;
	int err;
	assert_int_equal(db_write_back(p->db, LOG_BYTES), E_OK); /* not due */
	while (log_files(p) < LOG_FILES)
		put_much(p);
	while (
	    (err = db_write_back(p->db, LOG_BYTES)) == E_MORE && slices++ < CALLS_MOST)
		continue;
	assert_int_equal(err, E_OK);
	assert_true(slices > 0 && slices < CALLS_MOST);
	assert_false(db_has_old_logs(p->db));
	before = log_files(p);
	assert_int_equal(db_checkpoint(p->db, LOG_BYTES), E_OK);
	assert_true(db_has_old_logs(p->db));
	assert_int_equal(log_files(p), before);
	assert_int_equal(db_checkpoint(p->db, LOG_BYTES), E_OK); /* none is due */
	assert_int_equal(log_files(p), before - 1);
	for (; db_has_old_logs(p->db) && calls < CALLS_MOST; calls++)
		assert_int_equal(db_checkpoint(p->db, LOG_BYTES), E_OK);
	assert_true(log_files(p) <= 2);
	while (log_files(p) < 4)
		put_much(p);
	assert_int_equal(open_again(p), E_OK);
	assert_true(log_files(p) <= 2);
}

static void
test_not_opened(void **state)
{
	struct place *p = *state;
	struct db *other = NULL;
	char path[80];
	snprintf(path, sizeof path, "%s/no/folder", p->dir);
	assert_int_not_equal(db_open(path, CACHE_BYTES, &other), E_OK);
	assert_null(other);
}

/* ---- opens that fail ---- */

/*
 * A server that makes each file its own: who made it may not ask that its times are left alone; and
 * a signal comes before each second call.
 */
static struct {
	bool is_on;
	unsigned calls, interrupted, first, refused;
} squash;

int __real_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);

static int
refuse(const char *path, int flags, mode_t mode)
{
	int fd = __real_open64(path, flags & ~O_NOATIME, mode);
	if (fd >= 0) { /* it is made by then */
		close(fd);
		errno = EPERM;
		squash.refused++;
	}
	return -1;
}

int
__wrap_open64(const char *path, int flags, ...)
{
	va_list args;
	va_start(args, flags);
	mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
	va_end(args);
	if (squash.is_on && flags & O_CREAT && flags & O_EXCL)
		squash.first++;
	if (squash.is_on && squash.calls++ % 2 == 0) {
		squash.interrupted++;
		errno = EINTR;
		return -1;
	}
	return squash.is_on && flags & O_NOATIME ? refuse(path, flags, mode)
	                                         : __real_open64(path, flags, mode);
}

static void
test_squashed(void **state)
{
	struct place *p = *state;
	struct db_table *t;
	put_rows(p);
	db_close(&p->db);
	int dir = open(p->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(unlinkat(dir, "closed", 0), 0); /* it is recovered, too */
	close(dir);
	squash.calls = 1; /* the folder is not the library's to open */
	squash.is_on = true;
	int err = open_again(p);
	if (err == E_OK)
		err = db_table_open(p->db, "made", true, &t);
	squash.is_on = false;
	assert_int_equal(err, E_OK);
	assert_true(squash.interrupted > 0 && squash.refused > 0 && squash.first > 0);
	check_rows(p);
}

/* It fails at once, and is the world's matter: nobody makes anew what is sound. */
static void
test_no_descriptors(void **state)
{
	enum { SPARE_MOST = 20 };
	struct place *p = *state;
	struct rlimit was, few;
	unsigned spare = 0;
	put_rows(p);
	db_close(&p->db);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	few = was;
	int next = dup(0), err;
	assert_true(next >= 0);
	close(next);
	do {
		few.rlim_cur = (rlim_t)next + spare;
		setrlimit(RLIMIT_NOFILE, &few);
		err = open_again(p);
		setrlimit(RLIMIT_NOFILE, &was);
		if (err != E_OK)
			assert_int_equal(err, E_IO);
	} while (err != E_OK && spare++ < SPARE_MOST);
	assert_int_equal(err, E_OK);
	assert_true(spare > 2);
	check_rows(p);
}

/* ---- a table file without its environment ---- */

static int
count_until(void *ctx, struct span key, struct span value)
{
	uint32_t *n = ctx;
	struct rd r = rd_of(key);
	(void)value;
	assert_int_equal(rd_key_u32(&r), (*n)++);
	return *n == 10 ? E_DENY : E_OK;
}

static int
count_all(void *ctx, struct span key, struct span value)
{
	(void)key, (void)value;
	++*(uint32_t *)ctx;
	return E_OK;
}

static void
test_file(void **state)
{
	struct place *p = *state;
	struct db_file *f = NULL;
	struct buf key = {0}, value = {0};
	char path[80];
	uint32_t n = 0;
	snprintf(path, sizeof path, "%s/none", p->dir);
	assert_int_equal(db_file_open(path, &f), E_BAD);
	put_rows(p);
	db_close(&p->db);
	snprintf(path, sizeof path, "%s/rows", p->dir);
	assert_int_equal(db_file_open(path, &f), E_OK);
	db_key_u32(&key, ROWS - 1);
	assert_int_equal(db_file_get(f, buf_as_span(&key), &value), E_OK);
	assert_true(span_eqs(buf_as_span(&value), "value"));
	assert_int_equal(db_file_get(f, SPAN("none"), &value), E_BAD);
	assert_int_equal(db_file_behind(f, SPAN(""), count_until, &n), E_DENY);
	assert_int_equal(n, 10);
	n = 0;
	assert_int_equal(db_file_behind(f, SPAN(""), count_all, &n), E_OK);
	assert_int_equal(n, ROWS);
	db_file_close(&f);
	assert_null(f);
	buf_free(&key);
	buf_free(&value);
}

static void
test_damaged_file(void **state)
{
	struct place *p = *state;
	char path[80];
	struct stat st;
	put_rows(p);
	db_close(&p->db);
	snprintf(path, sizeof path, "%s/rows", p->dir);
	assert_int_equal(stat(path, &st), 0);
	for (off_t at = 100; at < st.st_size; at += DB_PAGE_BYTES) {
		struct db_file *f = NULL;
		uint32_t n = 0;
		flip(path, at);
		int err = db_file_open(path, &f);
		if (at < DB_PAGE_BYTES)
			assert_int_equal(err, E_IO);
		else
			assert_int_equal(
			    db_file_behind(f, SPAN(""), count_all, &n), E_LIMIT);
		db_file_close(&f);
		flip(path, at);
	}
}

static void
test_keys(void **state)
{
	static const uint64_t numbers[] = {
	    0, 1, 255, 256, 65536, UINT32_MAX, (uint64_t)UINT32_MAX + 1, UINT64_MAX};
	struct buf last = {0};
	(void)state;
	for (size_t i = 0; i < COUNT(numbers); i++) {
		struct buf key = {0};
		db_key_u64(&key, numbers[i]);
		struct rd r = rd_of(buf_as_span(&key));
		assert_int_equal(rd_key_u64(&r), numbers[i]);
		assert_int_equal(rd_end(&r), E_OK);
		assert_true(
		    i == 0 || span_cmp(buf_as_span(&last), buf_as_span(&key)) < 0);
		for (size_t n = 0; n < key.len; n++) {
			r = rd_of(span_head(buf_as_span(&key), n));
			assert_int_equal(rd_key_u64(&r), 0);
			assert_int_equal(rd_end(&r), E_BAD);
		}
		buf_free(&last);
		last = key;
	}
	buf_free(&last);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	db_warm(); /* as daemons do; it leaves nothing behind */
	const struct CMUnitTest tests[] = {TEST(test_there_again),
	    TEST(test_aborted_is_nothing), TEST(test_damaged_first_page),
	    TEST(test_damaged_page), TEST(test_items), TEST(test_walk),
	    TEST(test_walk_and_take), TEST(test_killed), TEST(test_not_opened),
	    TEST(test_squashed), TEST(test_no_descriptors),
	    TEST(test_checkpoint_in_slices), TEST(test_file), TEST(test_damaged_file),
	    cmocka_unit_test(test_keys)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
