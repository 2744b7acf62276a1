/* SPDX-License-Identifier: ISC */
/* suppress.c - rows of refused addresses. */
#include "queue/suppress.h"

#include "base/log.h"
#include "db/shelf.h"
#include "queue/bounce_fields.h"

struct suppress {
	struct shelf shelf;    /* own */
	struct db_table *rows; /* address -> row */
	struct db_table *age;  /* last_sec, address -> nothing */
	uint64_t most;
};

/* ---- encoding ---- */

static void
row_put(struct buf *b, const struct suppress_row *r)
{
	buf_u32(b, r->count);
	buf_u64(b, (uint64_t)r->first_sec);
	buf_u64(b, (uint64_t)r->last_sec);
	buf_bytes(b, span_head(r->reason, SUPPRESS_REASON_MAX));
}

static int
row_get(struct span key, struct span bytes, struct suppress_row *out)
{
	struct rd r = rd_of(bytes);
	*out = (struct suppress_row){.address = key};
	out->count = rd_u32(&r);
	out->first_sec = (int64_t)rd_u64(&r);
	out->last_sec = (int64_t)rd_u64(&r);
	out->reason = rd_str(&r, SUPPRESS_REASON_MAX);
	return rd_end(&r);
}

static void
age_key(struct buf *b, const struct suppress_row *r)
{
	db_key_u64(b, (uint64_t)r->last_sec);
	buf_span(b, r->address);
}

static void
lower_put(struct buf *b, struct span address)
{
	for (size_t i = 0; i < address.n; i++)
		buf_ch(b, ch_lower(address.p[i]));
}

/* ---- life ---- */

static const struct shelf_plan plan = {.below = "sched/suppressed",
    .tables = {"rows", "age"},
    .damaged = "suppressed_damaged",
    .advice = "nothing: counting begins anew"};

int
suppress_open(const char *spool_dir, uint64_t most, struct suppress **out)
{
	struct suppress *x = mem_new(sizeof *x);
	x->most = most;
	if (shelf_open(&x->shelf, &plan, spool_dir) != E_OK) {
		suppress_close(&x);
		return E_IO;
	}
	x->rows = x->shelf.tables[0];
	x->age = x->shelf.tables[1];
	*out = x;
	return E_OK;
}

void
suppress_close(struct suppress **xp)
{
	if (!*xp)
		return;
	shelf_close(&(*xp)->shelf);
	mem_free(xp);
}

/* ---- which count ---- */

bool
suppress_is_hard(struct span text)
{
	static const char *const hard[] = {
	    "5.1.1", "5.1.2", "5.1.6", "5.1.10", "5.2.1"};
	struct reason r;
	reason_parse(text, &r);
	for (size_t i = 0; i < COUNT(hard) && r.host.n; i++)
		if (span_eqs(r.status, hard[i]))
			return true;
	return false;
}

/* ---- rows ---- */

/* What is there of it, into bytes.  E_OK, E_BAD */
static int
find(struct suppress *x, struct db_txn *txn, struct span key, struct buf *bytes,
    struct suppress_row *out)
{
	int err = db_get(x->rows, txn, key, bytes);
	return err == E_OK ? row_get(key, buf_as_span(bytes), out) : err;
}

static int
remove_in(struct suppress *x, struct db_txn *txn, const struct suppress_row *r)
{
	struct buf key = {0};
	age_key(&key, r);
	int err = db_del(x->age, txn, buf_as_span(&key));
	if (err == E_OK || err == E_BAD)
		err = db_del(x->rows, txn, r->address);
	buf_free(&key);
	return err;
}

static int
put_in(struct suppress *x, struct db_txn *txn, const struct suppress_row *r)
{
	struct buf key = {0}, value = {0};
	age_key(&key, r);
	row_put(&value, r);
	int err = db_put(x->rows, txn, r->address, buf_as_span(&value));
	if (err == E_OK)
		err = db_put(x->age, txn, buf_as_span(&key), SPAN(""));
	buf_free(&key);
	buf_free(&value);
	return err;
}

/* The one that was refused longest ago makes room. */
static int
drop_oldest(struct suppress *x)
{
	struct buf address = {0};
	int err = shelf_first(x->age, UINT64_MAX, &address);
	if (err == E_OK)
		err = suppress_remove(x, buf_as_span(&address));
	buf_free(&address);
	return err;
}

int
suppress_note(
    struct suppress *x, struct span address, struct span reason, int64_t now_sec)
{
	struct suppress_row row = {.first_sec = now_sec};
	struct buf key = {0}, bytes = {0};
	struct db_txn *txn;
	lower_put(&key, address);
	int had = find(x, NULL, buf_as_span(&key), &bytes, &row);
	int err = had == E_BAD && x->shelf.n >= x->most ? drop_oldest(x) : E_OK;
	if (err == E_OK && had != E_OK && had != E_BAD)
		err = had;
	if (err == E_OK)
		err = db_begin(x->shelf.db, &txn);
	if (err == E_OK) {
		err = had == E_OK ? remove_in(x, txn, &row) : E_OK;
		row.address = buf_as_span(&key);
		row.reason = span_head(reason, SUPPRESS_REASON_MAX);
		row.last_sec = now_sec;
		row.count++;
		if (err == E_OK)
			err = put_in(x, txn, &row);
		if (err == E_OK)
			err = db_commit(&txn);
		else
			db_abort(&txn);
	}
	x->shelf.n += err == E_OK && had == E_BAD;
	buf_free(&key);
	buf_free(&bytes);
	return err;
}

int
suppress_get(struct suppress *x, struct span address, struct arena *arena,
    struct suppress_row *out)
{
	struct buf key = {0}, bytes = {0};
	lower_put(&key, address);
	int err = find(x, NULL, buf_as_span(&key), &bytes, out);
	if (err == E_OK) {
		out->address = arena_span(arena, out->address);
		out->reason = arena_span(arena, out->reason);
	}
	buf_free(&key);
	buf_free(&bytes);
	return err;
}

int
suppress_remove(struct suppress *x, struct span address)
{
	struct suppress_row row;
	struct buf key = {0}, bytes = {0};
	struct db_txn *txn;
	lower_put(&key, address);
	int err = find(x, NULL, buf_as_span(&key), &bytes, &row);
	if (err == E_OK)
		err = db_begin(x->shelf.db, &txn);
	if (err == E_OK) {
		err = remove_in(x, txn, &row);
		if (err == E_OK)
			err = db_commit(&txn);
		else
			db_abort(&txn);
		x->shelf.n -= err == E_OK;
	}
	buf_free(&key);
	buf_free(&bytes);
	return err;
}

int
suppress_sync(struct suppress *x)
{
	return shelf_sync(&x->shelf);
}

int
suppress_each(struct suppress *x, struct span after,
    int (*fn)(void *ctx, const struct suppress_row *), void *ctx)
{
	struct db_cursor *c = NULL;
	struct span key, value;
	struct buf from = {0};
	int err = db_cursor_open(x->rows, NULL, &c);
	if (err != E_OK)
		return err;
	if (after.n) {
		lower_put(&from, after);
		buf_ch(&from, '\0'); /* the first that is larger */
	}
	for (err = db_seek(c, buf_as_span(&from), &key, &value); err == E_OK;
	     err = db_next(c, &key, &value)) {
		struct suppress_row row;
		err = row_get(key, value, &row);
		if (err == E_OK)
			err = fn(ctx, &row);
		if (err != E_OK)
			break;
	}
	db_cursor_close(&c);
	buf_free(&from);
	return err == E_BAD ? E_OK : err;
}
