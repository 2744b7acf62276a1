/* SPDX-License-Identifier: ISC */
/* db.c - environments, tables and transactions on Berkeley DB. */
#include "db/db.h"

#include <db.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "db/closed.h"
#include "db/state.h"

enum {
	LOG_RECORD_BYTES = 150,
	TABLES_MAX = 16,
	TABLE_MODE = 0640,
	SLICE_PERCENT = 5, /* of the cache, written back at once */
	/* before a checkpoint: jobs may change pages faster than they are written */
	SLICES_MOST = 40,
};

struct db_table {
	struct db *db; /* borrow */
	DB *handle;    /* own */
};

struct db {
	DB_ENV *env;                         /* own */
	int dir;                             /* own */
	struct db_table *tables[TABLES_MAX]; /* own */
	size_t n_tables;
	uint64_t logged_bytes; /* about: since the last checkpoint */
	unsigned n_slices;     /* written back since then */
	/* own, the library's: names of files that no recovery needs, then NULL.  NULL: none */
	char **old_logs;
	size_t n_removed; /* of them */
	bool is_damaged;
	bool is_full; /* a write found no room */
};

struct db_txn {
	struct db *db; /* borrow */
	DB_TXN *handle;
};

struct db_cursor {
	struct db *db;  /* borrow */
	DBC *handle;    /* own */
	DBT key, value; /* own: the library's memory, grown by it */
};

static void
on_message(const DB_ENV *env, const char *prefix, const char *text)
{
	(void)env, (void)prefix;
	log_event(LOG_WARNING, "db", "says=%s", log_qs(text));
}

int
db_err(int err, bool *is_damaged)
{
	switch (err) {
	case 0:
		return E_OK;
	case DB_NOTFOUND:
	case DB_KEYEMPTY:
		return E_BAD;
	case ENOSPC:
	case EDQUOT:
		return E_LIMIT;
	case DB_RUNRECOVERY:
	case DB_VERIFY_BAD:
	case DB_PAGE_NOTFOUND:
	case DB_CHKSUM_FAIL:
		*is_damaged = true;
		return E_LIMIT;
	}
	log_event(LOG_ERR, "db_failed", "err=%s", log_qs(db_strerror(err)));
	return E_IO;
}

static int
result(struct db *db, int err)
{
	db->is_full |= err == ENOSPC || err == EDQUOT;
	return db_err(err, &db->is_damaged);
}

/* Sizes small, for an environment that serves one mailbox or one queue. */
static int
configure(DB_ENV *env, size_t cache_bytes)
{
	env->set_errcall(env, on_message);
	env->set_errpfx(env, "");
	int err = env->set_cachesize(env, 0, (uint32_t)cache_bytes, 1);
	if (!err)
		err = env->set_lg_max(env, DB_LOG_FILE_BYTES);
	if (!err)
		err = env->set_lg_bsize(env, DB_LOG_BUFFER_BYTES);
	if (!err)
		err = env->set_flags(env, DB_TXN_NOSYNC, 1);
	if (!err)
		err = env->set_tx_max(env, 64);
	return err;
}

static int
open_env(struct db *db, const char *dir, size_t cache_bytes, uint32_t recover)
{
	int err = db_env_create(&db->env, 0);
	if (!err)
		err = configure(db->env, cache_bytes);
	if (!err)
		err = db->env->open(db->env, dir,
		    DB_CREATE | DB_PRIVATE | recover | DB_INIT_LOG | DB_INIT_MPOOL |
			DB_INIT_TXN,
		    0600);
	return err;
}

/* What was closed as it should has nothing to recover: that is most of what opening takes. */
static int
open_as_left(struct db *db, const char *dir, size_t cache_bytes)
{
	if (!closed_take(db->dir) || open_env(db, dir, cache_bytes, 0) != 0) {
		if (db->env)
			db->env->close(db->env, 0);
		db->env = NULL;
		return open_env(db, dir, cache_bytes, DB_RECOVER);
	}
	return 0;
}

int
db_open(const char *dir, size_t cache_bytes, struct db **out)
{
	struct db *db = mem_new(sizeof *db);
	int err = 0;
	if (mkdir(dir, 0700) != 0 && errno != EEXIST)
		err = errno;
	db->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!err && db->dir < 0)
		err = errno;
	if (!err)
		err = open_as_left(db, dir, cache_bytes);
	if (!err) {
		*out = db;
		return E_OK;
	}
	log_event(LOG_ERR, "db_not_opened", "dir=%s err=%s", log_qs(dir),
	    log_qs(db_strerror(err)));
	bool is_world = err == ENOSPC || err == EDQUOT || err == EACCES ||
	                err == EROFS || err == ENOMEM;
	db_abandon(&db);
	return is_world ? E_IO : E_LIMIT;
}

/* The first thing that went wrong, as the library says it. */
static int
close_tables(struct db *db, uint32_t flags)
{
	int err = 0;
	for (size_t i = 0; i < db->n_tables; i++) {
		int failed = db->tables[i]->handle->close(db->tables[i]->handle, flags);
		err = err ? err : failed;
		mem_free(&db->tables[i]);
	}
	db->n_tables = 0;
	return err;
}

static int
close_env(struct db *db)
{
	int err = db->env ? db->env->close(db->env, 0) : 0;
	db->env = NULL;
	free(db->old_logs);
	return err;
}

/* 0: nobody knows */
static uint32_t
last_log(struct db *db)
{
	DB_LOG_STAT *stat = NULL;
	int err = db->env->log_stat(db->env, &stat, 0);
	uint32_t log = err ? 0 : stat->st_cur_file;
	free(stat);
	return log;
}

bool
db_has_old_logs(const struct db *db)
{
	return db->old_logs != NULL;
}

/*
 * Not by the library, which removes all at once in a checkpoint: 64 MB of log are 256 files, 0.2 s.
 */
static void
remove_old_log(struct db *db)
{
	const char *name = db->old_logs ? db->old_logs[db->n_removed++] : NULL;
	if (name && unlinkat(db->dir, name, 0) == 0)
		return;
	/* the last was removed; or one cannot be, and the next checkpoint names it again */
	free(db->old_logs);
	db->old_logs = NULL;
	db->n_removed = 0;
}

void
db_close(struct db **dbp)
{
	if (!*dbp)
		return;
	if ((*dbp)->is_damaged || (*dbp)->is_full) {
		db_abandon(dbp);
		return;
	}
	struct db *db = *dbp;
	bool is_whole = db_checkpoint(db, 0) == E_OK;
	if (!is_whole)
		log_event(LOG_ERR, "db_no_checkpoint", "%s", "");
	while (db_has_old_logs(db))
		remove_old_log(db);
	/* tables say in the log that they were closed */
	is_whole &= close_tables(db, 0) == 0 && db->env->log_flush(db->env, NULL) == 0;
	uint32_t log = last_log(db);
	is_whole &= close_env(db) == 0 && log;
	if (is_whole && closed_put(db->dir, log) != E_OK)
		log_event(LOG_INFO, "db_not_marked", "%s", "");
	close(db->dir);
	mem_free(dbp);
}

static void
on_nothing(const DB_ENV *env, const char *prefix, const char *text)
{
	(void)env, (void)prefix, (void)text;
}

/*
 * Closing writes pages, even those whose log could not be written: the next recovery then fails.  A
 * panic keeps it from that.
 */
void
db_abandon(struct db **dbp)
{
	if (!*dbp)
		return;
	DB_ENV *env = (*dbp)->env;
	if (env) {
		env->set_errcall(env, on_nothing);
		env->set_flags(env, DB_PANIC_ENVIRONMENT, 1);
	}
	close_tables(*dbp, DB_NOSYNC);
	close_env(*dbp);
	if ((*dbp)->dir >= 0)
		close((*dbp)->dir);
	mem_free(dbp);
}

int
db_put_aside(struct db **dbp, const char *dir, struct buf *aside)
{
	db_abandon(dbp);
	buf_putf(aside, "%s.broken-%lld", dir, (long long)clock_wall_sec());
	return rename(dir, buf_cstr(aside)) == 0 || errno == ENOENT ? E_OK : E_IO;
}

bool
db_is_damaged(const struct db *db)
{
	return db->is_damaged;
}

bool
db_is_full(const struct db *db)
{
	return db->is_full;
}

int
db_table_open(
    struct db *db, const char *name, bool is_made_if_missing, struct db_table **out)
{
	DB *h;
	if (db->n_tables == TABLES_MAX)
		bug("too many tables");
	int err = db_create(&h, db->env, 0);
	if (err)
		return result(db, err);
	err = h->set_flags(h, DB_CHKSUM);
	if (!err)
		err = h->set_pagesize(h, DB_PAGE_BYTES);
	if (!err)
		err = h->open(h, NULL, name, NULL, DB_BTREE,
		    DB_AUTO_COMMIT | (is_made_if_missing ? (uint32_t)DB_CREATE : 0),
		    TABLE_MODE);
	if (err) {
		h->close(h, DB_NOSYNC);
		if (err == ENOENT)
			return E_BAD;
		/*
		 * a first page that is none: what the caller does not find here again is damage,
		 * not the world
		 */
		db->is_damaged |= err == EINVAL || err == DB_OLD_VERSION;
		int told = result(db, err);
		return db->is_damaged ? E_LIMIT : told;
	}
	struct db_table *t = mem_new(sizeof *t);
	*t = (struct db_table){.db = db, .handle = h};
	db->tables[db->n_tables++] = t;
	*out = t;
	return E_OK;
}

int
db_begin(struct db *db, struct db_txn **out)
{
	struct db_txn *t = mem_new(sizeof *t);
	t->db = db;
	int err = db->env->txn_begin(db->env, NULL, &t->handle, DB_TXN_NOSYNC);
	if (err) {
		mem_free(&t);
		return result(db, err);
	}
	*out = t;
	return E_OK;
}

static int
commit(struct db_txn **tp, uint32_t flags)
{
	struct db_txn *t = *tp;
	int err = result(t->db, t->handle->commit(t->handle, flags));
	mem_free(tp);
	return err;
}

int
db_commit(struct db_txn **tp)
{
	return commit(tp, DB_TXN_NOSYNC);
}

int
db_commit_written(struct db_txn **tp)
{
	return commit(tp, DB_TXN_WRITE_NOSYNC);
}

void
db_abort(struct db_txn **tp)
{
	struct db_txn *t = *tp;
	if (!t)
		return;
	if (result(t->db, t->handle->abort(t->handle)) != E_OK)
		t->db->is_damaged = true;
	mem_free(tp);
}

int
db_sync(struct db *db)
{
	return result(db, db->env->log_flush(db->env, NULL));
}

static uint32_t
clean_percent(struct db *db)
{
	DB_MPOOL_STAT *stat = NULL;
	uint32_t percent = 100;
	if (db->env->memp_stat(db->env, &stat, NULL, 0) == 0 && stat->st_pages &&
	    stat->st_page_clean < stat->st_pages)
		percent = stat->st_page_clean * 100 / stat->st_pages;
	free(stat);
	return percent;
}

/* Without waiting for it. */
static void
disk_begins(struct db *db)
{
	for (size_t i = 0; i < db->n_tables; i++) {
		int fd;
		if (db->tables[i]->handle->fd(db->tables[i]->handle, &fd) == 0)
			sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	}
}

/*
 * What is counted here is more than what the library logs: of a row that changes it logs what is
 * different.
 */
static bool
has_logged(struct db *db, size_t bytes)
{
	DB_LOG_STAT *stat = NULL;
	if (db->logged_bytes < bytes)
		return false;
	if (bytes && db->env->log_stat(db->env, &stat, 0) == 0)
		db->logged_bytes =
		    ((uint64_t)stat->st_wc_mbytes << 20) + stat->st_wc_bytes;
	free(stat);
	return db->logged_bytes >= bytes;
}

int
db_write_back(struct db *db, size_t min_log_bytes)
{
	int wrote = 0;
	if (db->n_slices == SLICES_MOST || !has_logged(db, min_log_bytes))
		return E_OK;
	uint32_t percent = clean_percent(db) + SLICE_PERCENT;
	if (percent >= 100)
		return E_OK;
	db->n_slices++;
	int err = result(db, db->env->memp_trickle(db->env, (int)percent, &wrote));
	disk_begins(db);
	return err == E_OK && wrote ? E_MORE : err;
}

int
db_checkpoint(struct db *db, size_t min_log_bytes)
{
	/* the library looks into its log files each time it is asked */
	remove_old_log(db);
	if (!has_logged(db, min_log_bytes))
		return E_OK;
	db->logged_bytes = 0;
	db->n_slices = 0;
	int err = db->env->txn_checkpoint(db->env, 0, 0, DB_FORCE);
	if (!err && !db->old_logs)
		err = db->env->log_archive(db->env, &db->old_logs, 0);
	return result(db, err);
}

static DBT
dbt_of(struct span s)
{
	DBT d = {.data = (void *)(uintptr_t)s.p, .size = (uint32_t)s.n};
	return d;
}

static DB_TXN *
txn_of(struct db_txn *t)
{
	return t ? t->handle : NULL;
}

/* Reads into the buffer; grows it once when the value is larger than guessed. */
int
db_read(DB *h, DB_TXN *txn, struct span key, struct buf *out)
{
	DBT k = dbt_of(key), v = {.flags = DB_DBT_USERMEM};
	size_t guess = 512;
	for (;;) {
		buf_reset(out);
		v.data = buf_room(out, guess);
		v.ulen = (uint32_t)guess;
		if (!v.data)
			return ENOSPC;
		int err = h->get(h, txn, &k, &v, 0);
		if (err != DB_BUFFER_SMALL) {
			if (!err)
				buf_added(out, v.size);
			return err;
		}
		guess = v.size;
	}
}

int
db_get(struct db_table *t, struct db_txn *txn, struct span key, struct buf *out)
{
	return result(t->db, db_read(t->handle, txn_of(txn), key, out));
}

int
db_put(struct db_table *t, struct db_txn *txn, struct span key, struct span value)
{
	DBT k = dbt_of(key), v = dbt_of(value);
	/* what was, and what is */
	t->db->logged_bytes += key.n + 2 * value.n + LOG_RECORD_BYTES;
	return result(t->db, t->handle->put(t->handle, txn_of(txn), &k, &v, 0));
}

int
db_del(struct db_table *t, struct db_txn *txn, struct span key)
{
	DBT k = dbt_of(key);
	t->db->logged_bytes += key.n + LOG_RECORD_BYTES;
	return result(t->db, t->handle->del(t->handle, txn_of(txn), &k, 0));
}

int
db_cursor_open(struct db_table *t, struct db_txn *txn, struct db_cursor **out)
{
	struct db_cursor *c = mem_new(sizeof *c);
	c->db = t->db;
	c->key.flags = c->value.flags = DB_DBT_REALLOC;
	int err = t->handle->cursor(t->handle, txn_of(txn), &c->handle, 0);
	if (err) {
		mem_free(&c);
		return result(t->db, err);
	}
	*out = c;
	return E_OK;
}

void
db_cursor_close(struct db_cursor **cp)
{
	struct db_cursor *c = *cp;
	if (!c)
		return;
	c->handle->close(c->handle);
	free(c->key.data);
	free(c->value.data);
	mem_free(cp);
}

static int
step(struct db_cursor *c, uint32_t how, struct span *key, struct span *value)
{
	int err = result(c->db, c->handle->get(c->handle, &c->key, &c->value, how));
	if (err == E_OK) {
		*key = span_make(c->key.data, c->key.size);
		*value = span_make(c->value.data, c->value.size);
	}
	return err;
}

int
db_seek(struct db_cursor *c, struct span at_least, struct span *key, struct span *value)
{
	if (at_least.n == 0)
		return step(c, DB_FIRST, key, value);
	c->key.data = mem_grow(c->key.data, at_least.n, 1);
	memcpy(c->key.data, at_least.p, at_least.n);
	c->key.size = (uint32_t)at_least.n;
	return step(c, DB_SET_RANGE, key, value);
}

int
db_next(struct db_cursor *c, struct span *key, struct span *value)
{
	return step(c, DB_NEXT, key, value);
}

int
db_cursor_del(struct db_cursor *c)
{
	return result(c->db, c->handle->del(c->handle, 0));
}

int
db_cursor_put(struct db_cursor *c, struct span value)
{
	DBT v = dbt_of(value);
	return result(c->db, c->handle->put(c->handle, &c->key, &v, DB_CURRENT));
}

void
db_key_u32(struct buf *b, uint32_t v)
{
	v = htobe32(v);
	buf_put(b, &v, sizeof v);
}

void
db_key_u64(struct buf *b, uint64_t v)
{
	v = htobe64(v);
	buf_put(b, &v, sizeof v);
}

uint32_t
rd_key_u32(struct rd *r)
{
	uint32_t v = 0;
	struct span s = rd_bytes(r, sizeof v);
	memcpy(&v, s.p, s.n);
	return be32toh(v);
}

uint64_t
rd_key_u64(struct rd *r)
{
	uint64_t v = 0;
	struct span s = rd_bytes(r, sizeof v);
	memcpy(&v, s.p, s.n);
	return be64toh(v);
}
