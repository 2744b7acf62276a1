/* SPDX-License-Identifier: ISC */
/* files.c - rows about message files: references, what was seen, what went, what is doomed, kept. */
#include <string.h>

#include "store/tables.h"

enum { DAY_SEC = 86400, PRUNE_MOST = 1000, EXPUNGED_ROWS_SLACK = 1000 };

static struct span
file_key(const struct file_id *id)
{
	return span_make(id->b, FILE_ID_BYTES);
}

/* ---- references ---- */

static void
refs_row_put(struct buf *row, uint32_t refs, struct span rest)
{
	buf_u32(row, refs);
	buf_span(row, rest);
}

static int
refs_put(struct tables *t, struct db_txn *txn, struct file_id id, uint32_t refs,
    struct span rest)
{
	struct buf row = {0};
	refs_row_put(&row, refs, rest);
	int err = db_put(t->files, txn, file_key(&id), buf_as_span(&row));
	buf_free(&row);
	return err;
}

int
file_refer(
    struct tables *t, struct db_txn *txn, const struct file_name *f, int64_t came_sec)
{
	struct buf old = {0}, rest = {0};
	uint32_t refs = 0;
	int err = db_get(t->files, txn, file_key(&f->id), &old);
	if (err == E_OK) {
		struct rd r = rd_of(buf_as_span(&old));
		refs = rd_u32(&r);
		buf_span(&rest, r.in);
	} else {
		buf_u64(&rest, f->size_bytes);
		buf_put(&rest, f->sha256, sizeof f->sha256);
		buf_u64(&rest, (uint64_t)came_sec);
	}
	if (err == E_OK || err == E_BAD)
		err = refs_put(t, txn, f->id, refs + 1, buf_as_span(&rest));
	buf_free(&old);
	buf_free(&rest);
	return err;
}

int
file_mend(struct tables *t, struct db_txn *txn, const struct file_name *f)
{
	struct buf old = {0}, rest = {0};
	int err = db_get(t->files, txn, file_key(&f->id), &old);
	if (err == E_OK) {
		struct rd r = rd_of(buf_as_span(&old));
		uint32_t refs = rd_u32(&r);
		rd_u64(&r);
		rd_bytes(&r, sizeof f->sha256);
		buf_u64(&rest, f->size_bytes);
		buf_put(&rest, f->sha256, sizeof f->sha256);
		buf_span(&rest, r.in);
		err = r.err == E_OK ? refs_put(t, txn, f->id, refs, buf_as_span(&rest))
		                    : E_IO;
	}
	buf_free(&old);
	buf_free(&rest);
	return err;
}

/* The last reference takes the row with it.  E_BAD: there is none. */
static int
release_row(struct db_cursor *c, struct file_id id, bool *is_last)
{
	struct span key, old;
	struct buf row = {0};
	int err = db_seek(c, file_key(&id), &key, &old);
	if (err != E_OK)
		return err;
	if (!span_eq(key, file_key(&id)))
		return E_BAD;
	struct rd r = rd_of(old);
	uint32_t refs = rd_u32(&r);
	*is_last = refs <= 1;
	if (*is_last)
		return db_cursor_del(c);
	refs_row_put(&row, refs - 1, r.in);
	err = db_cursor_put(c, buf_as_span(&row));
	buf_free(&row);
	return err;
}

/* One search of the tree, where a get and a del are two. */
int
file_release(struct tables *t, struct db_txn *txn, struct file_id id, bool *is_last)
{
	struct db_cursor *c;
	*is_last = false;
	int err = db_cursor_open(t->files, txn, &c);
	if (err != E_OK)
		return err;
	err = release_row(c, id, is_last);
	db_cursor_close(&c);
	return err == E_BAD ? E_OK : err;
}

static int
has_row(struct db_table *table, struct file_id id, bool *out)
{
	struct buf row = {0};
	int err = db_get(table, NULL, file_key(&id), &row);
	buf_free(&row);
	*out = err == E_OK;
	return err == E_BAD ? E_OK : err;
}

int
file_is_known(struct tables *t, struct file_id id, bool *out)
{
	return has_row(t->files, id, out);
}

int
file_references(struct tables *t, struct file_id id, uint32_t *out)
{
	struct buf row = {0};
	int err = db_get(t->files, NULL, file_key(&id), &row);
	struct rd r = rd_of(buf_as_span(&row));
	*out = err == E_OK ? rd_u32(&r) : 0;
	buf_free(&row);
	return err == E_BAD ? E_OK : err;
}

/* One row; its key is 16 octets, else it is not ours. */
static int
file_decode(struct span key, struct span row, struct file_name *out, uint32_t *refs)
{
	struct rd r = rd_of(row);
	*out = (struct file_name){.size_bytes = 0};
	if (key.n != FILE_ID_BYTES)
		return E_LIMIT;
	memcpy(out->id.b, key.p, FILE_ID_BYTES);
	*refs = rd_u32(&r);
	out->size_bytes = rd_u64(&r);
	struct span sum = rd_bytes(&r, sizeof out->sha256);
	memcpy(out->sha256, sum.p, sum.n);
	rd_u64(&r);
	return rd_end(&r) == E_OK ? E_OK : E_LIMIT;
}

int
file_row(struct tables *t, struct file_id id, bool *is_known, struct file_name *out)
{
	struct buf row = {0};
	uint32_t refs;
	int err = db_get(t->files, NULL, file_key(&id), &row);
	*is_known = err == E_OK;
	if (err == E_OK)
		err = file_decode(file_key(&id), buf_as_span(&row), out, &refs);
	buf_free(&row);
	return err == E_BAD ? E_OK : err;
}

int
file_each(struct tables *t, const struct file_id *after,
    int (*fn)(void *ctx, const struct file_name *, uint32_t), void *ctx)
{
	struct span from = after ? file_key(after) : SPAN(""), key, row;
	struct db_cursor *c;
	struct file_name f;
	uint32_t refs;
	int err = db_cursor_open(t->files, NULL, &c);
	if (err != E_OK)
		return err;
	for (err = db_seek(c, from, &key, &row); err == E_OK;
	     err = db_next(c, &key, &row)) {
		if (after && span_eq(key, from))
			continue;
		err = file_decode(key, row, &f, &refs);
		if (err == E_OK)
			err = fn(ctx, &f, refs);
		if (err != E_OK)
			break;
	}
	db_cursor_close(&c);
	return err == E_BAD ? E_OK : err;
}

/* ---- seen ---- */

int
seen_has(struct tables *t, struct file_id id, bool *out)
{
	return has_row(t->seen, id, out);
}

int
seen_each(struct tables *t, const struct file_id *after,
    int (*fn)(void *ctx, struct file_id, uint32_t day), void *ctx)
{
	struct span from = after ? file_key(after) : SPAN(""), key, row;
	struct db_cursor *c;
	int err = db_cursor_open(t->seen, NULL, &c);
	if (err != E_OK)
		return err;
	for (err = db_seek(c, from, &key, &row); err == E_OK;
	     err = db_next(c, &key, &row)) {
		struct rd k = rd_of(key), r = rd_of(row);
		struct file_id id;
		if (after && span_eq(key, from))
			continue;
		rd_file_id(&k, &id);
		uint32_t day = rd_u32(&r);
		err =
		    rd_end(&k) == E_OK && rd_end(&r) == E_OK ? fn(ctx, id, day) : E_IO;
		if (err != E_OK)
			break;
	}
	db_cursor_close(&c);
	return err == E_BAD ? E_OK : err;
}

int
seen_put(struct tables *t, struct db_txn *txn, struct file_id id, int64_t now_sec)
{
	return seen_put_day(t, txn, id, (uint32_t)(now_sec / DAY_SEC));
}

int
seen_put_day(struct tables *t, struct db_txn *txn, struct file_id id, uint32_t day)
{
	struct buf row = {0};
	buf_u32(&row, day);
	int err = db_put(t->seen, txn, file_key(&id), buf_as_span(&row));
	buf_free(&row);
	return err;
}

static int
seen_drop_old(struct db_cursor *c, uint32_t today)
{
	struct span key, row;
	unsigned n = 0;
	int err = db_seek(c, SPAN(""), &key, &row);
	for (; err == E_OK && n < PRUNE_MOST; err = db_next(c, &key, &row)) {
		struct rd r = rd_of(row);
		uint32_t day = rd_u32(&r);
		/* a day of the future is a clock that was wrong: it counts from today */
		if (day + SEEN_DAYS >= today || day > today)
			continue;
		n++;
		err = db_cursor_del(c);
		if (err != E_OK)
			break;
	}
	return err == E_BAD ? E_OK : err;
}

int
seen_prune(struct tables *t, int64_t now_sec)
{
	struct db_txn *txn;
	struct db_cursor *c = NULL;
	int err = db_begin(t->db, &txn);
	if (err != E_OK)
		return err;
	err = db_cursor_open(t->seen, txn, &c);
	if (err == E_OK)
		err = seen_drop_old(c, (uint32_t)(now_sec / DAY_SEC));
	db_cursor_close(&c);
	if (err == E_OK)
		return db_commit(&txn);
	db_abort(&txn);
	return err;
}

/* ---- expunged ---- */

static struct span
expunged_key(struct buf *b, uint32_t mailbox, uint64_t modseq, uint32_t uid)
{
	buf_reset(b);
	db_key_u32(b, mailbox);
	db_key_u64(b, modseq);
	db_key_u32(b, uid);
	return buf_as_span(b);
}

int
expunged_put(struct tables *t, struct db_txn *txn, struct mailbox *m, uint64_t modseq,
    const struct numset *uids)
{
	struct buf key = {0}, row = {0};
	int err = E_OK;
	for (size_t i = 0; i < uids->n && err == E_OK; i++) {
		buf_reset(&row);
		buf_u32(&row, uids->ranges[i].to);
		err = db_put(t->expunged, txn,
		    expunged_key(&key, m->id, modseq, uids->ranges[i].from),
		    buf_as_span(&row));
	}
	buf_free(&key);
	buf_free(&row);
	m->n_expunged += (uint32_t)uids->n;
	if (err == E_OK && m->n_expunged > EXPUNGED_ROWS_MOST + EXPUNGED_ROWS_SLACK) {
		unsigned n;
		err = expunged_drop(t, txn, m->id, m->n_expunged - EXPUNGED_ROWS_MOST,
		    &n, &m->expunged_floor);
		m->n_expunged -= n;
	}
	return err;
}

int
expunged_since(struct tables *t, uint32_t mailbox, uint64_t modseq, struct numset *out)
{
	struct db_cursor *c;
	struct buf from = {0};
	struct span key, row;
	int err = db_cursor_open(t->expunged, NULL, &c);
	if (err != E_OK)
		return err;
	err = db_seek(c, expunged_key(&from, mailbox, modseq + 1, 0), &key, &row);
	for (; err == E_OK; err = db_next(c, &key, &row)) {
		struct rd k = rd_of(key), r = rd_of(row);
		if (rd_key_u32(&k) != mailbox)
			break;
		rd_key_u64(&k);
		uint32_t uid = rd_key_u32(&k), to = rd_u32(&r);
		err = rd_end(&k) == E_OK && rd_end(&r) == E_OK && uid && uid <= to
		          ? numset_add(out, uid, to)
		          : E_IO;
		if (err != E_OK)
			break;
	}
	db_cursor_close(&c);
	buf_free(&from);
	return err == E_BAD ? E_OK : err;
}

int
expunged_drop(struct tables *t, struct db_txn *txn, uint32_t mailbox, unsigned most,
    unsigned *n, uint64_t *last)
{
	struct db_cursor *c;
	struct buf from = {0};
	struct span key, row;
	*n = 0;
	int err = db_cursor_open(t->expunged, txn, &c);
	if (err != E_OK)
		return err;
	err = db_seek(c, expunged_key(&from, mailbox, 0, 0), &key, &row);
	for (; err == E_OK && *n < most; err = db_next(c, &key, &row)) {
		struct rd k = rd_of(key);
		if (rd_key_u32(&k) != mailbox)
			break;
		*last = rd_key_u64(&k);
		++*n;
		err = db_cursor_del(c);
		if (err != E_OK)
			break;
	}
	db_cursor_close(&c);
	buf_free(&from);
	return err == E_BAD ? E_OK : err;
}

/* ---- doomed ---- */

int
doomed_put(struct tables *t, struct db_txn *txn, struct span ids)
{
	int err = E_OK;
	while (ids.n && err == E_OK) {
		struct span some = span_head(ids, DOOMED_ROW_FILES * FILE_ID_BYTES);
		err = db_put(t->doomed, txn, span_head(some, FILE_ID_BYTES), some);
		ids = span_from(ids, some.n);
	}
	return err;
}

/* Whole ids, and the first of them is the key. */
static bool
doomed_is_good(struct span key, struct span ids)
{
	return ids.n && ids.n % FILE_ID_BYTES == 0 &&
	       span_eq(key, span_head(ids, FILE_ID_BYTES));
}

int
doomed_each(struct tables *t, const struct file_id *after,
    int (*fn)(void *ctx, struct span ids), void *ctx)
{
	struct span from = after ? file_key(after) : SPAN(""), key, ids;
	struct db_cursor *c;
	int err = db_cursor_open(t->doomed, NULL, &c);
	if (err != E_OK)
		return err;
	for (err = db_seek(c, from, &key, &ids); err == E_OK;
	     err = db_next(c, &key, &ids)) {
		if ((after && span_eq(key, from)) || !doomed_is_good(key, ids))
			continue;
		err = fn(ctx, ids);
		if (err != E_OK)
			break;
	}
	db_cursor_close(&c);
	return err == E_BAD ? E_OK : err;
}

int
doomed_mend(struct tables *t, struct db_txn *txn, unsigned *n)
{
	struct db_cursor *c;
	struct span key, ids;
	*n = 0;
	int err = db_cursor_open(t->doomed, txn, &c);
	if (err != E_OK)
		return err;
	for (err = db_seek(c, SPAN(""), &key, &ids); err == E_OK;
	     err = db_next(c, &key, &ids)) {
		if (doomed_is_good(key, ids))
			continue;
		++*n;
		err = db_cursor_del(c);
		if (err != E_OK)
			break;
	}
	db_cursor_close(&c);
	return err == E_BAD ? E_OK : err;
}

int
doomed_remove(struct tables *t, struct db_txn *txn, struct file_id first)
{
	int err = db_del(t->doomed, txn, file_key(&first));
	return err == E_BAD ? E_OK : err;
}

/* ---- kept ---- */

static struct span
kept_key(struct buf *b, uint32_t uid)
{
	buf_reset(b);
	db_key_u32(b, uid);
	return buf_as_span(b);
}

int
kept_put(struct tables *t, struct db_txn *txn, const struct kept_row *k)
{
	struct buf key = {0}, row = {0};
	buf_u32(&row, k->mailbox);
	buf_u32(&row, k->was);
	buf_bytes(&row, k->name);
	int err = db_put(t->kept, txn, kept_key(&key, k->uid), buf_as_span(&row));
	buf_free(&key);
	buf_free(&row);
	return err;
}

int
kept_remove(struct tables *t, struct db_txn *txn, uint32_t uid)
{
	struct buf key = {0};
	int err = t->kept ? db_del(t->kept, txn, kept_key(&key, uid)) : E_BAD;
	buf_free(&key);
	return err == E_BAD ? E_OK : err;
}

/* E_OK, E_IO: it is not as we write it */
static int
kept_decode(struct span row, uint32_t uid, struct kept_row *out)
{
	struct rd r = rd_of(row);
	*out = (struct kept_row){.uid = uid, .mailbox = rd_u32(&r)};
	out->was = rd_u32(&r);
	out->name = rd_str(&r, STORE_NAME_MAX);
	return rd_end(&r) == E_OK ? E_OK : E_IO;
}

int
kept_get(struct tables *t, uint32_t uid, struct buf *space, struct kept_row *out)
{
	struct buf key = {0};
	int err = t->kept ? db_get(t->kept, NULL, kept_key(&key, uid), space) : E_BAD;
	if (err == E_OK)
		err = kept_decode(buf_as_span(space), uid, out);
	buf_free(&key);
	return err;
}

int
kept_each(struct tables *t, uint32_t from,
    int (*fn)(void *ctx, const struct kept_row *), void *ctx)
{
	struct span key, row;
	struct buf first = {0};
	struct db_cursor *c;
	struct kept_row k;
	int err = t->kept ? db_cursor_open(t->kept, NULL, &c) : E_BAD;
	if (err != E_OK)
		return err == E_BAD ? E_OK : err;
	for (err = db_seek(c, kept_key(&first, from), &key, &row); err == E_OK;
	     err = db_next(c, &key, &row)) {
		struct rd r = rd_of(key);
		uint32_t uid = rd_key_u32(&r);
		err = rd_end(&r) == E_OK ? kept_decode(row, uid, &k) : E_IO;
		if (err == E_OK)
			err = fn(ctx, &k);
		if (err != E_OK)
			break;
	}
	db_cursor_close(&c);
	buf_free(&first);
	return err == E_BAD ? E_OK : err;
}
