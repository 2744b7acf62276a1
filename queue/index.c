/* SPDX-License-Identifier: ISC */
/* index.c - rows of what is deferred. */
#include "queue/index.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "db/db.h"
#include "queue/retry.h"

enum { CACHE_BYTES = 1 << 20, CHECKPOINT_BYTES = 4 << 20 };

struct index {
	char *dir;             /* own */
	struct db *db;         /* own */
	struct db_table *rows; /* id -> row */
	struct db_table *due;  /* due time, id -> nothing */
	struct db_table *meta; /* "clock" -> queue time, wall time */
	uint64_t count;
};

/* ---- encoding ---- */

static void
row_put(struct buf *b, const struct index_row *r)
{
	buf_u64(b, (uint64_t)r->due_sec);
	buf_u64(b, (uint64_t)r->first_sec);
	buf_u8(b, r->waits_for_deliver);
	admin_entry_put(b, &r->entry);
}

static int
row_get(struct span bytes, struct arena *arena, struct index_row *out)
{
	struct rd r = rd_of(bytes);
	out->due_sec = (int64_t)rd_u64(&r);
	out->first_sec = (int64_t)rd_u64(&r);
	out->waits_for_deliver = rd_u8(&r);
	int err = admin_entry_get(&r, arena, &out->entry);
	out->id = out->entry.id;
	return err == E_OK ? rd_end(&r) : err;
}

static void
due_key(struct buf *b, int64_t due_sec, struct id id)
{
	db_key_u64(b, (uint64_t)due_sec);
	buf_put(b, id.b, ID_BYTES);
}

/* ---- life ---- */

static int
open_tables(struct index *x)
{
	int err = db_open(x->dir, CACHE_BYTES, &x->db);
	if (err == E_OK)
		err = db_table_open(x->db, "rows", true, &x->rows);
	if (err == E_OK)
		err = db_table_open(x->db, "due", true, &x->due);
	if (err == E_OK)
		err = db_table_open(x->db, "meta", true, &x->meta);
	return err;
}

static int
count_rows(struct index *x)
{
	struct db_cursor *c = NULL;
	struct span key, value;
	int err = db_cursor_open(x->due, NULL, &c);
	if (err != E_OK)
		return err;
	for (err = db_seek(c, SPAN(""), &key, &value); err == E_OK; err = db_next(c, &key, &value))
		x->count++;
	db_cursor_close(&c);
	return err == E_BAD ? E_OK : err;
}

/* A damaged index is put aside: the files in deferred/ tell all that matters. */
static int
put_aside(struct index *x)
{
	struct buf aside = {0};
	int err = db_put_aside(&x->db, x->dir, &aside);
	log_event(LOG_ALERT, "index_damaged", "dir=%s aside=%s do=\"nothing: it is made anew\"", log_qs(x->dir),
	    log_qs(buf_cstr(&aside)));
	buf_free(&aside);
	return err;
}

bool
index_is_damaged(const struct index *x)
{
	return db_is_damaged(x->db);
}

int
index_renew(struct index *x)
{
	x->count = 0;
	return put_aside(x) == E_OK ? open_tables(x) : E_IO;
}

int
index_open(const char *spool_dir, struct index **out)
{
	struct index *x = mem_new(sizeof *x);
	struct buf dir = {0};
	buf_putf(&dir, "%s/sched/index", spool_dir);
	x->dir = mem_dup(buf_cstr(&dir));
	buf_free(&dir);
	int err = open_tables(x);
	if (err == E_OK)
		err = count_rows(x);
	if (err == E_LIMIT && x->db && !db_is_damaged(x->db))
		err = E_IO; /* the disk is full */
	if (err == E_LIMIT)
		err = index_renew(x);
	if (err != E_OK) {
		index_close(&x);
		return err;
	}
	*out = x;
	return E_OK;
}

void
index_close(struct index **xp)
{
	if (!*xp)
		return;
	db_close(&(*xp)->db);
	mem_free(&(*xp)->dir);
	mem_free(xp);
}

void
index_clock(struct index *x, int64_t *queue_sec, int64_t *wall_sec)
{
	struct buf b = {0};
	*queue_sec = *wall_sec = 0;
	if (db_get(x->meta, NULL, SPAN("clock"), &b) == E_OK) {
		struct rd r = rd_of(buf_as_span(&b));
		*queue_sec = (int64_t)rd_u64(&r);
		*wall_sec = (int64_t)rd_u64(&r);
	}
	buf_free(&b);
}

/* ---- rows ---- */

static struct span
id_key(const struct id *id)
{
	return span_make(id->b, ID_BYTES);
}

/* The row of an id leaves both tables.  E_BAD: there is none. */
static int
remove_in(struct index *x, struct db_txn *txn, struct id id)
{
	struct buf b = {0}, key = {0};
	int err = db_get(x->rows, txn, id_key(&id), &b);
	if (err == E_OK) {
		struct rd r = rd_of(buf_as_span(&b));
		due_key(&key, (int64_t)rd_u64(&r), id);
		err = db_del(x->due, txn, buf_as_span(&key));
		if (err == E_BAD)
			err = E_OK;
	}
	if (err == E_OK)
		err = db_del(x->rows, txn, id_key(&id));
	buf_free(&b);
	buf_free(&key);
	return err;
}

static int
put_in(struct index *x, struct db_txn *txn, const struct index_row *row)
{
	struct buf b = {0}, key = {0};
	row_put(&b, row);
	due_key(&key, row->due_sec, row->id);
	int err = db_put(x->rows, txn, id_key(&row->id), buf_as_span(&b));
	if (err == E_OK)
		err = db_put(x->due, txn, buf_as_span(&key), SPAN(""));
	buf_free(&b);
	buf_free(&key);
	return err;
}

int
index_put(struct index *x, const struct index_row *row)
{
	struct db_txn *txn;
	int err = db_begin(x->db, &txn);
	if (err != E_OK)
		return err;
	int had = remove_in(x, txn, row->id);
	err = had == E_OK || had == E_BAD ? put_in(x, txn, row) : had;
	if (err != E_OK) {
		db_abort(&txn);
		return err;
	}
	err = db_commit(&txn);
	if (err == E_OK && had == E_BAD)
		x->count++;
	return err;
}

int
index_get(struct index *x, struct id id, struct arena *arena, struct index_row *out)
{
	struct buf b = {0};
	int err = db_get(x->rows, NULL, id_key(&id), &b);
	if (err == E_OK)
		err = row_get(arena_span(arena, buf_as_span(&b)), arena, out);
	buf_free(&b);
	return err;
}

int
index_remove(struct index *x, struct id id)
{
	struct db_txn *txn;
	int err = db_begin(x->db, &txn);
	if (err != E_OK)
		return err;
	err = remove_in(x, txn, id);
	if (err != E_OK) {
		db_abort(&txn);
		return err == E_BAD ? E_OK : err;
	}
	x->count--;
	return db_commit(&txn);
}

int
index_reschedule(struct index *x, struct id id, int64_t due_sec)
{
	struct arena arena = {.max_bytes = 1 << 20};
	struct index_row row;
	int err = index_get(x, id, &arena, &row);
	if (err == E_OK) {
		row.due_sec = due_sec;
		row.waits_for_deliver = 0;
		err = index_put(x, &row);
	}
	arena_reset(&arena);
	return err;
}

int
index_sync(struct index *x)
{
	struct db_txn *txn;
	struct buf b = {0};
	int err = db_begin(x->db, &txn);
	if (err != E_OK)
		return err;
	buf_u64(&b, (uint64_t)retry_now());
	buf_u64(&b, (uint64_t)clock_wall_sec());
	err = db_put(x->meta, txn, SPAN("clock"), buf_as_span(&b));
	buf_free(&b);
	if (err != E_OK) {
		db_abort(&txn);
		return err;
	}
	err = db_commit(&txn);
	if (err == E_OK)
		err = db_sync(x->db);
	if (err == E_OK)
		err = db_checkpoint(x->db, CHECKPOINT_BYTES);
	return err;
}

size_t
index_due(struct index *x, int64_t now_sec, struct id *out, size_t most)
{
	struct db_cursor *c = NULL;
	struct span key, value;
	size_t n = 0;
	if (db_cursor_open(x->due, NULL, &c) != E_OK)
		return 0;
	for (int err = db_seek(c, SPAN(""), &key, &value); err == E_OK && n < most; err = db_next(c, &key, &value)) {
		struct rd r = rd_of(key);
		int64_t due = (int64_t)rd_key_u64(&r);
		if (due > now_sec || r.in.n != ID_BYTES)
			break;
		memcpy(out[n++].b, r.in.p, ID_BYTES);
	}
	db_cursor_close(&c);
	return n;
}

int64_t
index_next(struct index *x)
{
	struct db_cursor *c = NULL;
	struct span key, value;
	int64_t due = INT64_MAX;
	if (db_cursor_open(x->due, NULL, &c) != E_OK)
		return due;
	if (db_seek(c, SPAN(""), &key, &value) == E_OK) {
		struct rd r = rd_of(key);
		due = (int64_t)rd_key_u64(&r);
	}
	db_cursor_close(&c);
	return due;
}

int
index_each(struct index *x, int (*fn)(void *ctx, const struct index_row *), void *ctx)
{
	struct db_cursor *c = NULL;
	struct span key, value;
	struct arena arena = {.max_bytes = 1 << 20};
	int err = db_cursor_open(x->rows, NULL, &c);
	if (err != E_OK)
		return err;
	for (err = db_seek(c, SPAN(""), &key, &value); err == E_OK; err = db_next(c, &key, &value)) {
		struct index_row row;
		if (row_get(value, &arena, &row) == E_OK)
			err = fn(ctx, &row);
		arena_reset(&arena);
		if (err != E_OK)
			break;
	}
	db_cursor_close(&c);
	return err == E_BAD ? E_OK : err;
}

uint64_t
index_count(const struct index *x)
{
	return x->count;
}
