/* SPDX-License-Identifier: ISC */
/*
 * db.h - tables of byte keys and byte values with transactions: the one door to Berkeley DB 5.3.
 * An environment belongs to one process (DB_PRIVATE; the caller holds a lock of its own): after
 * kill -9 the next db_open recovers.  Pages are 4 KB with checksums, log files go by themselves.
 * Keys sort as bytes: numbers in keys are big-endian (db_key_u32, db_key_u64).  Results: E_OK;
 * E_BAD no such key; E_IO the world failed, try later; E_LIMIT the disk is full or the environment
 * is damaged: db_is_damaged tells, then close, put aside and rebuild.  Nothing is said to stderr.
 * All calls may block on the disk.
 */
#ifndef DB_DB_H
#define DB_DB_H

#include "base/buf.h"

struct db;       /* an environment */
struct db_table; /* a table in it */
struct db_txn;   /* a transaction */
struct db_cursor;

enum {
	DB_PAGE_BYTES = 4096,
	/*
	 * a log file is filled with zeros to its end when an environment is recovered, and read when
	 * one is opened; the library wants 4 buffers in it.  The first of who opens, and the others.
	 * The first have their zeros when they are made, and a buffer of them more than they use
	 */
	DB_LOG_FIRST_BYTES = 64 << 10,
	DB_LOG_FILE_BYTES = 256 << 10,
	DB_LOG_BUFFER_BYTES = 16 << 10,
	/* larger values go to overflow pages and log more */
	DB_ITEM_BEST_BYTES = DB_PAGE_BYTES / 4,
};

/*
 * db_warm - by a process that forks others which open an environment each, for a moment: they open
 * it a good deal sooner.  Once, 1 ms; writes no file
 */
void db_warm(void);
/*
 * db_open - the environment in dir (made when missing), recovered where it was not closed as it
 * should (closed.h)
 *   cache_bytes  of the page cache, from 256 KB
 *   returns      E_OK, E_IO, E_LIMIT (recovery failed: damaged)
 */
MUST_USE int db_open(const char *dir, size_t cache_bytes, struct db **out);
/*
 * db_close - a checkpoint, then closed, tables too, and marked so.  One that is damaged or full is
 * abandoned
 */
void db_close(struct db **);
/* db_abandon - closes what it can without writing; for an environment that is damaged */
void db_abandon(struct db **);
/* db_is_as_left - it was closed as it should, and nothing was logged since: not recovered */
bool db_is_as_left(const struct db *);
bool db_is_damaged(const struct db *);
/*
 * db_put_aside - abandoned (NULL: it could not be opened); dir has the name DIR.broken-SECONDS from
 * now on, put into aside.  E_OK, also where there is no dir; E_IO
 */
MUST_USE int db_put_aside(struct db **, const char *dir, struct buf *aside);
/*
 * db_is_full - a write found no room.  What was committed since the last db_sync is not on disk and
 * may never be: abandon it; the next db_open recovers what is there
 */
bool db_is_full(const struct db *);

/*
 * db_table_open - a B-tree; is_made_if_missing.  One that had no row when the environment was closed
 * is looked at no closer than that its file is there and has whole pages: it is opened by the
 * db_put of its first row, which may be what finds it damaged (E_LIMIT).  Closed by db_close
 *   returns  E_OK, E_BAD (it is not there), E_LIMIT, E_IO
 */
MUST_USE int db_table_open(
    struct db *, const char *name, bool is_made_if_missing, struct db_table **out);

/* Transactions commit without a sync; db_sync makes all that committed durable at once. */
MUST_USE int db_begin(struct db *, struct db_txn **out);
MUST_USE int db_commit(struct db_txn **);
/* db_commit_written - all that committed so far outlasts the process, if not the host: a write */
MUST_USE int db_commit_written(struct db_txn **);
void db_abort(struct db_txn **);
MUST_USE int db_sync(struct db *);
/*
 * db_write_back - a checkpoint waits for the disk, the longer the more pages changed.  Before one
 * that is due: a twentieth of the cache is written, a few milliseconds' work, and the disk begins
 * with it.  E_OK: few are left; E_MORE: again, soon
 */
MUST_USE int db_write_back(struct db *, size_t min_log_bytes);
/*
 * db_checkpoint - writes pages back, so that recovery is short; min_log_bytes: only past about so
 * much log since the last.  Log files that are not needed any more go after it, one with each call
 */
MUST_USE int db_checkpoint(struct db *, size_t min_log_bytes);
bool db_has_old_logs(const struct db *); /* some have to go yet */

/* txn may be NULL for reads */
/* out is reset first */
MUST_USE int db_get(
    struct db_table *, struct db_txn *, struct span key, struct buf *out);
/* E_LIMIT also of a table that was not opened before, and is found damaged now */
MUST_USE int db_put(
    struct db_table *, struct db_txn *, struct span key, struct span value);
MUST_USE int db_del(struct db_table *, struct db_txn *, struct span key);

/* A walk in the order of keys.  key and value are borrowed until the next call. */
MUST_USE int db_cursor_open(struct db_table *, struct db_txn *, struct db_cursor **out);
void db_cursor_close(struct db_cursor **);
/* E_BAD: none */
MUST_USE int db_seek(
    struct db_cursor *, struct span at_least, struct span *key, struct span *value);
/*
 * db_next - from the item on which the last db_seek or db_next that found one left it; where none
 * did, the first of all.  E_BAD: the end
 */
MUST_USE int db_next(struct db_cursor *, struct span *key, struct span *value);
/* the item the cursor stands on: only where the last db_seek or db_next found one */
MUST_USE int db_cursor_del(struct db_cursor *);
/* its value becomes another */
MUST_USE int db_cursor_put(struct db_cursor *, struct span value);

/*
 * ---- a table file without an environment, for readers of what another process writes (account)
 * ----
 */
struct db_file;
/* read-only.  E_OK, E_BAD (missing), E_IO */
MUST_USE int db_file_open(const char *path, struct db_file **out);
void db_file_close(struct db_file **);
MUST_USE int db_file_get(struct db_file *, struct span key, struct buf *out);
/*
 * db_file_behind - every item behind that key, which need not be there ("": all of them), in order;
 * fn returns E_OK to go on, anything else ends it and is returned
 */
MUST_USE int db_file_behind(struct db_file *, struct span after,
    int (*fn)(void *ctx, struct span key, struct span value), void *ctx);

/* Numbers in keys: big-endian. */
void db_key_u32(struct buf *, uint32_t);
void db_key_u64(struct buf *, uint64_t);
uint32_t rd_key_u32(struct rd *);
uint64_t rd_key_u64(struct rd *);

#endif
