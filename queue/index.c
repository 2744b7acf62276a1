/* SPDX-License-Identifier: ISC */
/* index.c - rows of what is deferred. */
#include "queue/index_parts.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "queue/retry.h"

enum {
	CACHE_BYTES = 16 << 20, /* at most: taken as it is used */
	CHECKPOINT_BYTES = 4 << 20,
	OLD_LOGS_AT_ONCE = 8, /* are removed: 2 MB, a few milliseconds */
	FORMAT = 3,           /* of the tables; another one is made anew */
	WALK_FIRST = 5000,    /* rows that a start counts itself */
	ROW_HEAD_BYTES = 8 + 8 + 1 + 1 + 8,
};

/* ---- encoding ---- */

/* What is fixed of a row, which is at its beginning. */
struct row_head {
	int64_t due_sec, first_sec;
	uint8_t lane, is_bulk;
	uint64_t waits_for;
};

static void
row_head_put(struct buf *b, const struct row_head *h)
{
	buf_u64(b, (uint64_t)h->due_sec);
	buf_u64(b, (uint64_t)h->first_sec);
	buf_u8(b, h->lane);
	buf_u8(b, h->is_bulk);
	buf_u64(b, h->waits_for);
}

static void
row_head_get(struct rd *r, struct row_head *out)
{
	out->due_sec = (int64_t)rd_u64(r);
	out->first_sec = (int64_t)rd_u64(r);
	out->lane = rd_u8(r) % INDEX_LANES;
	out->is_bulk = rd_u8(r) != 0;
	out->waits_for = rd_u64(r);
}

static struct row_head
head_of(const struct index_row *r)
{
	return (struct row_head){r->due_sec, r->first_sec, r->lane % INDEX_LANES,
	    r->is_bulk != 0, r->waits_for};
}

static int
row_get(struct span bytes, struct arena *arena, struct index_row *out)
{
	struct rd r = rd_of(bytes);
	struct row_head h;
	row_head_get(&r, &h);
	out->due_sec = h.due_sec;
	out->first_sec = h.first_sec;
	out->lane = h.lane;
	out->is_bulk = h.is_bulk;
	out->waits_for = h.waits_for;
	int err = admin_entry_get(&r, arena, &out->entry);
	out->id = out->entry.id;
	return err == E_OK ? rd_end(&r) : err;
}

static void
due_key(struct buf *b, const struct row_head *h, struct id id)
{
	buf_u8(b, h->lane);
	db_key_u64(b, (uint64_t)h->due_sec);
	buf_put(b, id.b, ID_BYTES);
}

static void
waits_key(struct buf *b, const struct row_head *h, struct id id)
{
	db_key_u64(b, h->waits_for);
	buf_u8(b, h->is_bulk);
	buf_u8(b, h->lane);
	db_key_u64(b, (uint64_t)h->first_sec);
	buf_put(b, id.b, ID_BYTES);
}

uint64_t
index_name(struct span what)
{
	/* FNV-1a: two that collide wait for each other, no more */
	uint64_t h = 14695981039346656037u;
	for (size_t i = 0; i < what.n; i++)
		h = (h ^ (unsigned char)what.p[i]) * 1099511628211u;
	return h ? h : 1;
}

/* ---- how many there are ---- */

static int
bytes_compare(struct span a, struct span b)
{
	int c = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);
	return c ? c : (a.n > b.n) - (a.n < b.n);
}

/* One more or less: where the walk was already it counts now, else it will. */
static void
count_one(struct index *x, const struct row_head *h, struct id id, int by)
{
	struct buf key = {0};
	due_key(&key, h, id);
	if (x->walk.was_through ||
	    (x->walk.at.len &&
		bytes_compare(buf_as_span(&key), buf_as_span(&x->walk.at)) <= 0)) {
		x->walk.now.n += (uint64_t)(int64_t)by;
		if (h->due_sec == INT64_MAX)
			x->walk.now.n_held += (uint64_t)(int64_t)by;
	}
	buf_free(&key);
}

static void
walk_through(struct walk *w)
{
	w->was_through = true;
	w->now.oldest_sec = w->oldest_sec;
	w->oldest_sec = INT64_MAX;
	buf_reset(&w->at);
}

static void
walk_row(struct walk *w, struct span key, struct span value)
{
	struct rd k = rd_of(key), v = rd_of(value);
	(void)rd_u8(&k);
	bool is_held = rd_key_u64(&k) == INT64_MAX;
	int64_t first_sec = (int64_t)rd_u64(&v);
	if (!w->was_through) {
		w->now.n++;
		w->now.n_held += is_held;
	}
	if (!is_held && first_sec < w->oldest_sec)
		w->oldest_sec = first_sec;
}

void
index_walk(struct index *x, size_t slice)
{
	struct walk *w = &x->walk;
	struct db_cursor *c = NULL;
	struct span key, value;
	size_t n = 0;
	if (db_cursor_open(x->due, NULL, &c) != E_OK)
		return;
	int err = db_seek(c, buf_as_span(&w->at), &key, &value);
	if (err == E_OK && w->at.len && span_eq(key, buf_as_span(&w->at)))
		err = db_next(c, &key, &value);
	for (; err == E_OK && n < slice; n++) {
		walk_row(w, key, value);
		if (n + 1 == slice) {
			buf_reset(&w->at);
			buf_span(&w->at, key);
			break;
		}
		err = db_next(c, &key, &value);
	}
	db_cursor_close(&c);
	if (err == E_BAD)
		walk_through(w);
}

struct index_census
index_census(const struct index *x)
{
	return x->walk.now;
}

uint64_t
index_count(struct index *x)
{
	for (size_t n = 0;
	     !x->walk.was_through && !db_is_damaged(x->db) && n < SIZE_MAX / WALK_FIRST;
	     n++)
		index_walk(x, WALK_FIRST);
	return x->walk.now.n;
}

static void
walk_reset(struct index *x)
{
	buf_free(&x->walk.at);
	x->walk =
	    (struct walk){.oldest_sec = INT64_MAX, .now = {.oldest_sec = INT64_MAX}};
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
		err = db_table_open(x->db, "waits", true, &x->waits);
	if (err == E_OK)
		err = db_table_open(x->db, "meta", true, &x->meta);
	return err;
}

int
index_number_put(struct index *x, struct span key, int64_t value)
{
	struct db_txn *txn;
	struct buf b = {0};
	int err = db_begin(x->db, &txn);
	if (err != E_OK)
		return err;
	buf_u64(&b, (uint64_t)value);
	err = db_put(x->meta, txn, key, buf_as_span(&b));
	buf_free(&b);
	if (err == E_OK)
		return db_commit(&txn);
	db_abort(&txn);
	return err;
}

/* E_LIMIT: it was written by another version. */
static int
check_format(struct index *x)
{
	struct db_cursor *c = NULL;
	struct buf b = {0};
	struct span key, value;
	int err = db_get(x->meta, NULL, SPAN("format"), &b);
	struct rd r = rd_of(buf_as_span(&b));
	if (err == E_OK)
		err = rd_u64(&r) == FORMAT ? E_OK : E_LIMIT;
	else if (err == E_BAD && (err = db_cursor_open(x->rows, NULL, &c)) == E_OK) {
		err = db_seek(c, SPAN(""), &key, &value);
		db_cursor_close(&c);
		err = err == E_OK    ? E_LIMIT
		      : err == E_BAD ? index_number_put(x, SPAN("format"), FORMAT)
		                     : err;
	}
	buf_free(&b);
	return err;
}

/* A damaged index is put aside: the files in deferred/ tell all that matters. */
static int
put_aside(struct index *x)
{
	struct buf aside = {0};
	int err = db_put_aside(&x->db, x->dir, &aside);
	log_event(LOG_ALERT, "index_damaged",
	    "dir=%s aside=%s do=\"nothing: it is made anew\"", log_qs(x->dir),
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
	walk_reset(x);
	int err = put_aside(x) == E_OK ? open_tables(x) : E_IO;
	return err == E_OK ? check_format(x) : E_IO;
}

int
index_open(const char *spool_dir, struct index **out)
{
	struct index *x = mem_new(sizeof *x);
	struct buf dir = {0};
	buf_putf(&dir, "%s/sched/index", spool_dir);
	x->dir = mem_dup(buf_cstr(&dir));
	buf_free(&dir);
	walk_reset(x);
	int err = open_tables(x);
	bool is_open = err == E_OK;
	if (is_open)
		err = check_format(x);
	if (err == E_OK)
		index_walk(x, WALK_FIRST);
	if ((err == E_OK || is_open) && db_is_damaged(x->db))
		err = E_LIMIT;
	else if (err == E_LIMIT && !is_open && x->db && !db_is_damaged(x->db))
		err = E_IO; /* the disk is full */
	if (err == E_LIMIT) {
		log_event(LOG_ALERT, "suspensions_lost",
		    "do=\"suspend the destinations again that were\"");
		err = index_renew(x);
	}
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
	buf_free(&(*xp)->walk.at);
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

/* Its places in the two orders. */
static int
places_put(struct index *x, struct db_txn *txn, const struct row_head *h, struct id id)
{
	struct buf key = {0}, first = {0};
	due_key(&key, h, id);
	buf_u64(&first, (uint64_t)h->first_sec);
	int err = db_put(x->due, txn, buf_as_span(&key), buf_as_span(&first));
	if (err == E_OK && h->waits_for) {
		buf_reset(&key);
		waits_key(&key, h, id);
		err = db_put(x->waits, txn, buf_as_span(&key), SPAN(""));
	}
	buf_free(&key);
	buf_free(&first);
	return err;
}

static int
places_remove(
    struct index *x, struct db_txn *txn, const struct row_head *h, struct id id)
{
	struct buf key = {0};
	due_key(&key, h, id);
	int err = db_del(x->due, txn, buf_as_span(&key));
	if ((err == E_OK || err == E_BAD) && h->waits_for) {
		buf_reset(&key);
		waits_key(&key, h, id);
		err = db_del(x->waits, txn, buf_as_span(&key));
	}
	buf_free(&key);
	return err == E_BAD ? E_OK : err;
}

/* One row is replaced in a transaction: by these bytes, or (none) by nothing. */
static int
replace(struct index *x, struct id id, const struct row_head *was,
    const struct row_head *now, struct span bytes)
{
	struct db_txn *txn;
	int err = db_begin(x->db, &txn);
	if (err != E_OK)
		return err;
	if (was)
		err = places_remove(x, txn, was, id);
	if (err == E_OK && now)
		err = db_put(x->rows, txn, id_key(&id), bytes);
	else if (err == E_OK)
		err = db_del(x->rows, txn, id_key(&id));
	if (err == E_OK && now)
		err = places_put(x, txn, now, id);
	if (err != E_OK) {
		db_abort(&txn);
		return err;
	}
	err = db_commit(&txn);
	if (err == E_OK && was)
		count_one(x, was, id, -1);
	if (err == E_OK && now)
		count_one(x, now, id, 1);
	return err;
}

/* The bytes of a row, and what is fixed of it.  E_OK, E_BAD (none), E_IO, E_LIMIT */
static int
row_read(struct index *x, struct id id, struct buf *out, struct row_head *head)
{
	int err = db_get(x->rows, NULL, id_key(&id), out);
	if (err != E_OK)
		return err;
	struct rd r = rd_of(buf_as_span(out));
	row_head_get(&r, head);
	return E_OK;
}

int
index_put(struct index *x, const struct index_row *row)
{
	struct buf old = {0}, b = {0};
	struct row_head was, now = head_of(row);
	int err = row_read(x, row->id, &old, &was);
	row_head_put(&b, &now);
	admin_entry_put(&b, &row->entry);
	if (err == E_OK || err == E_BAD)
		err = replace(
		    x, row->id, err == E_OK ? &was : NULL, &now, buf_as_span(&b));
	buf_free(&old);
	buf_free(&b);
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
	struct buf b = {0};
	struct row_head was;
	int err = row_read(x, id, &b, &was);
	if (err == E_OK)
		err = replace(x, id, &was, NULL, SPAN(""));
	buf_free(&b);
	return err == E_BAD ? E_OK : err;
}

int
index_reschedule(struct index *x, struct id id, int64_t due_sec)
{
	struct buf b = {0}, again = {0};
	struct row_head was, now;
	int err = row_read(x, id, &b, &was);
	if (err == E_OK && b.len >= ROW_HEAD_BYTES) {
		now = was;
		now.due_sec = due_sec;
		now.waits_for = 0;
		row_head_put(&again, &now);
		buf_span(&again, span_from(buf_as_span(&b), ROW_HEAD_BYTES));
		err = replace(x, id, &was, &now, buf_as_span(&again));
	}
	buf_free(&b);
	buf_free(&again);
	return err;
}

int
index_tidy(struct index *x)
{
	int err = E_OK;
	for (int n = 0; err == E_OK && n < OLD_LOGS_AT_ONCE && db_has_old_logs(x->db);
	     n++)
		err = db_checkpoint(x->db, CHECKPOINT_BYTES);
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
	return err == E_OK ? index_tidy(x) : err;
}

/* ---- all of them ---- */

int
index_each(struct index *x, struct id *after, size_t most,
    int (*fn)(void *ctx, const struct index_row *), void *ctx)
{
	struct db_cursor *c = NULL;
	struct span key, value;
	struct arena arena = {.max_bytes = 1 << 20};
	size_t n = 0;
	int err = db_cursor_open(x->rows, NULL, &c);
	if (err != E_OK)
		return err;
	err = db_seek(c, after ? id_key(after) : SPAN(""), &key, &value);
	if (err == E_OK && after && span_eq(key, id_key(after)))
		err = db_next(c, &key, &value);
	for (; err == E_OK; err = db_next(c, &key, &value)) {
		struct index_row row;
		if (most && n++ == most) {
			err = E_MORE;
			break;
		}
		err = row_get(value, &arena, &row) == E_OK ? fn(ctx, &row) : E_OK;
		if (after && key.n == ID_BYTES)
			memcpy(after->b, key.p, ID_BYTES);
		arena_reset(&arena);
		if (err != E_OK)
			break;
	}
	db_cursor_close(&c);
	return err == E_BAD ? E_OK : err;
}
