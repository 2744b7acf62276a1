/* SPDX-License-Identifier: ISC */
/* db.c - environments and transactions on Berkeley DB. */
#include "db/db.h"

#include <db.h>
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
	SLICE_PERCENT = 5, /* of the cache, written back at once */
	/* before a checkpoint: jobs may change pages faster than they are written */
	SLICES_MOST = 40,
	/* transactions at once: one, and those of tables that are opened in it */
	TXNS_MOST = 64,
	/*
	 * pages of a full cache that one bucket of its table has: the library would have 2, and
	 * touches all buckets at the start
	 */
	BUCKET_PAGES = 8,
};

/* Closing, when all it would sync is known to be on disk, or is to be synced once for all. */
static bool syncs_nothing;

static int
sync_file(int fd)
{
	return syncs_nothing ? 0 : fdatasync(fd);
}

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

int
db_result(struct db *db, int err)
{
	db->is_full |= err == ENOSPC || err == EDQUOT;
	return db_err(err, &db->is_damaged);
}

/*
 * Sizes small, for an environment that serves one mailbox or one queue, and mostly for a moment: who
 * opens it reads its last log file.  That has its zeros from the start, as a sync that gives a file
 * its blocks is half as long again as one that does not.
 */
static int
configure(DB_ENV *env, size_t cache_bytes)
{
	env->set_errcall(env, on_message);
	env->set_errpfx(env, "");
	int err = env->set_cachesize(env, 0, (uint32_t)cache_bytes, 1);
	if (!err) /* or it looks for one */
		err = env->set_tmp_dir(env, ".");
	if (!err)
		err = env->set_mp_tablesize(
		    env, (uint32_t)(cache_bytes / DB_PAGE_BYTES / BUCKET_PAGES) | 1);
	if (!err)
		err = env->set_lg_max(env, DB_LOG_FIRST_BYTES);
	if (!err)
		err = env->set_lg_bsize(env, DB_LOG_BUFFER_BYTES);
	if (!err)
		err = env->log_set_config(env, DB_LOG_ZERO, 1);
	if (!err)
		err = env->set_flags(env, DB_TXN_NOSYNC, 1);
	if (!err)
		err = env->set_tx_max(env, TXNS_MOST);
	if (!err)
		err = db_env_set_func_fsync(sync_file);
	if (!err)
		err = db_folder_ways();
	return err;
}

/*
 * It logs much: files of its log come seldom, and are written once.  First no zeros: with them a
 * longer file would be longer than DB_LOG_FILE_BYTES, and no mark believed.
 */
static void
log_longer(struct db *db)
{
	if (db->is_busy || db->logged_bytes < DB_LOG_FIRST_BYTES)
		return;
	db->is_busy = true;
	if (db->env->log_set_config(db->env, DB_LOG_ZERO, 0) != 0 ||
	    db->env->set_lg_max(db->env, DB_LOG_FILE_BYTES) != 0)
		log_event(LOG_INFO, "db_log_short", "%s", "");
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
static bool
open_as_left(struct db *db, const char *dir, size_t cache_bytes)
{
	db->is_as_left = closed_take(db->dir, &db->left_log, &db->empty) &&
	                 open_env(db, dir, cache_bytes, 0) == 0;
	return db->is_as_left;
}

/* is_world: out, nothing is wrong with what is there */
static int
open_recovered(struct db *db, const char *dir, size_t cache_bytes, bool *is_world)
{
	if (db->env)
		db->env->close(db->env, 0);
	db->env = NULL;
	db->has_names = true;
	buf_reset(&db->empty);
	*is_world = closed_not(db->dir) != E_OK;
	return *is_world ? EIO : open_env(db, dir, cache_bytes, DB_RECOVER);
}

int
db_open(const char *dir, size_t cache_bytes, struct db **out)
{
	struct db *db = mem_new(sizeof *db);
	bool is_world = false;
	int err = 0;
	db->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (db->dir < 0 && errno == ENOENT && mkdir(dir, 0700) == 0)
		db->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (db->dir < 0)
		err = errno;
	if (!err && !open_as_left(db, dir, cache_bytes))
		err = open_recovered(db, dir, cache_bytes, &is_world);
	if (!err) {
		*out = db;
		return E_OK;
	}
	log_event(LOG_ERR, "db_not_opened", "dir=%s err=%s", log_qs(dir),
	    log_qs(db_strerror(err)));
	is_world |= err == ENOSPC || err == EDQUOT || err == EACCES || err == EROFS ||
	            err == ENOMEM || err == EMFILE || err == ENFILE;
	db_abandon(&db);
	return is_world ? E_IO : E_LIMIT;
}

static int
close_env(struct db *db)
{
	int err = db->env ? db->env->close(db->env, 0) : 0;
	db->env = NULL;
	return err;
}

static void
db_free(struct db **dbp)
{
	free((*dbp)->old_logs);
	buf_free(&(*dbp)->empty);
	if ((*dbp)->dir >= 0)
		close((*dbp)->dir);
	mem_free(dbp);
}

/* Where the log ends.  0: nobody knows */
static uint32_t
last_log(struct db *db, uint32_t *end)
{
	DB_LOG_STAT *stat = NULL;
	int err = db->env->log_stat(db->env, &stat, 0);
	uint32_t log = err ? 0 : stat->st_cur_file;
	*end = err ? 0 : stat->st_cur_offset;
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

/*
 * Each file that changed is synced once, and the log behind them: what the library does by itself,
 * of a message taken in, are 16 syncs instead of 5.  Until the mark is there nobody believes that it
 * was closed, so what is written meanwhile may come to the disk in any order.
 */
static int
close_whole(struct db *db)
{
	struct closed_log log = {.end = 0};
	log.first = last_log(db, &log.end);
	bool is_whole = log.first && db->env->memp_sync(db->env, NULL) == 0;
	buf_reset(&db->empty);
	db->empty.max = CLOSED_NOTE_MAX;
	db_tables_note_empty(db, &db->empty);
	syncs_nothing = is_whole;
	if (db_checkpoint(db, 0) != E_OK) {
		log_event(LOG_ERR, "db_no_checkpoint", "%s", "");
		is_whole = false;
	}
	/* tables say in the log that they were closed */
	is_whole &= db_tables_close(db, is_whole ? DB_NOSYNC : 0) == 0;
	is_whole &= db->env->log_flush(db->env, NULL) == 0;
	log.last = last_log(db, &log.end);
	is_whole &= close_env(db) == 0 && log.last;
	syncs_nothing = false;
	if (!is_whole)
		return E_IO;
	return closed_put(db->dir, &log, db->has_names || log.last != db->left_log,
	    buf_as_span(&db->empty));
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
	if (close_whole(db) != E_OK)
		log_event(LOG_INFO, "db_not_marked", "%s", "");
	else
		while (db_has_old_logs(db))
			remove_old_log(db);
	db_free(dbp);
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
	db_tables_close(*dbp, DB_NOSYNC);
	close_env(*dbp);
	db_free(dbp);
}

int
db_put_aside(struct db **dbp, const char *dir, struct buf *aside)
{
	db_abandon(dbp);
	buf_putf(aside, "%s.broken-%lld", dir, (long long)clock_wall_sec());
	return rename(dir, buf_cstr(aside)) == 0 || errno == ENOENT ? E_OK : E_IO;
}

bool
db_is_as_left(const struct db *db)
{
	return db->is_as_left;
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
db_begin(struct db *db, struct db_txn **out)
{
	struct db_txn *t = mem_new(sizeof *t);
	log_longer(db);
	t->db = db;
	int err = db->env->txn_begin(db->env, NULL, &t->handle, DB_TXN_NOSYNC);
	if (err) {
		mem_free(&t);
		return db_result(db, err);
	}
	*out = t;
	return E_OK;
}

static int
commit(struct db_txn **tp, uint32_t flags)
{
	struct db_txn *t = *tp;
	int err = db_result(t->db, t->handle->commit(t->handle, flags));
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
	if (db_result(t->db, t->handle->abort(t->handle)) != E_OK)
		t->db->is_damaged = true;
	mem_free(tp);
}

int
db_sync(struct db *db)
{
	return db_result(db, db->env->log_flush(db->env, NULL));
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
		DB *h = db->tables[i]->handle;
		int fd;
		if (h && h->fd(h, &fd) == 0)
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
	int err = db_result(db, db->env->memp_trickle(db->env, (int)percent, &wrote));
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
	return db_result(db, err);
}
