/* SPDX-License-Identifier: ISC */
/* tables.c - rows of a mailbox's index. */
#include "store/tables.h"

#include <stdlib.h>
#include <string.h>


enum { DAY_SEC = 86400, PRUNE_MOST = 1000 };

/* ---- life ---- */

int
tables_open(struct tables *t, const char *dir, bool is_made_if_missing)
{
	struct {
		const char *name;
		struct db_table **table;
	} all[] = {{"mailboxes", &t->mailboxes}, {"messages", &t->messages}, {"expunged", &t->expunged},
	    {"files", &t->files}, {"doomed", &t->doomed}, {"seen", &t->seen}, {"cache", &t->cache},
	    {"annotations", &t->annotations}};
	*t = (struct tables){.db = NULL};
	int err = db_open(dir, TABLE_CACHE_BYTES, &t->db);
	for (size_t i = 0; i < COUNT(all) && err == E_OK; i++)
		err = db_table_open(t->db, all[i].name, is_made_if_missing, all[i].table);
	if (err == E_LIMIT && t->db && !db_is_damaged(t->db))
		err = E_IO; /* the disk is full: no reason to put an index aside */
	if (err != E_OK && t->db)
		db_abandon(&t->db);
	return err;
}

void
tables_close(struct tables *t)
{
	if (t->db)
		db_close(&t->db);
	*t = (struct tables){.db = NULL};
}

/* ---- mailboxes ---- */

static struct span
key_u32(struct buf *b, uint32_t v)
{
	buf_reset(b);
	db_key_u32(b, v);
	return buf_as_span(b);
}

int
mailbox_put(struct tables *t, struct db_txn *txn, const struct mailbox *m)
{
	struct buf key = {0}, row = {0};
	buf_u32(&row, m->uidvalidity);
	buf_u32(&row, m->uidnext);
	buf_u64(&row, m->modseq);
	buf_u64(&row, m->messages);
	buf_u64(&row, m->bytes);
	buf_u8(&row, m->is_subscribed);
	buf_bytes(&row, span_of(m->name));
	buf_bytes(&row, span_of(m->special_use));
	int err = db_put(t->mailboxes, txn, key_u32(&key, m->id), buf_as_span(&row));
	buf_free(&key);
	buf_free(&row);
	return err;
}

static int
mailbox_decode(uint32_t id, struct span row, struct mailbox *out)
{
	struct rd r = rd_of(row);
	*out = (struct mailbox){.id = id};
	out->uidvalidity = rd_u32(&r);
	out->uidnext = rd_u32(&r);
	out->modseq = rd_u64(&r);
	out->messages = rd_u64(&r);
	out->bytes = rd_u64(&r);
	out->is_subscribed = rd_u8(&r) == 1;
	struct span name = rd_str(&r, STORE_NAME_MAX), use = rd_str(&r, sizeof out->special_use - 1);
	if (rd_end(&r) != E_OK)
		return E_IO;
	memcpy(out->name, name.p, name.n);
	memcpy(out->special_use, use.p, use.n);
	return E_OK;
}

int
mailbox_get(struct tables *t, struct db_txn *txn, uint32_t id, struct mailbox *out)
{
	struct buf key = {0}, row = {0};
	int err = db_get(t->mailboxes, txn, key_u32(&key, id), &row);
	if (err == E_OK)
		err = mailbox_decode(id, buf_as_span(&row), out);
	buf_free(&key);
	buf_free(&row);
	return err;
}

int
mailbox_each(struct tables *t, int (*fn)(void *ctx, const struct mailbox *), void *ctx)
{
	struct db_cursor *c;
	struct span key, row;
	int err = db_cursor_open(t->mailboxes, NULL, &c);
	if (err != E_OK)
		return err;
	for (err = db_seek(c, SPAN(""), &key, &row); err == E_OK; err = db_next(c, &key, &row)) {
		struct rd r = rd_of(key);
		struct mailbox m;
		err = mailbox_decode(rd_key_u32(&r), row, &m);
		if (err == E_OK)
			err = fn(ctx, &m);
		if (err != E_OK)
			break;
	}
	db_cursor_close(&c);
	return err == E_BAD ? E_OK : err;
}

struct finding {
	struct span name;
	struct mailbox *out;
	bool is_found;
};

static int
on_mailbox(void *ctx, const struct mailbox *m)
{
	struct finding *f = ctx;
	bool is_inbox = span_ieq(f->name, SPAN("INBOX")) && span_ieq(span_of(m->name), SPAN("INBOX"));
	if (is_inbox || span_eqs(f->name, m->name)) {
		*f->out = *m;
		f->is_found = true;
	}
	return E_OK;
}

int
mailbox_find(struct tables *t, struct span name, struct mailbox *out)
{
	struct finding f = {.name = name, .out = out};
	int err = mailbox_each(t, on_mailbox, &f);
	return err != E_OK ? err : f.is_found ? E_OK : E_BAD;
}

/* ---- records ---- */

void
record_encode(struct buf *b, const struct store_record *r)
{
	buf_u32(b, r->uid);
	buf_u32(b, r->flags);
	buf_u64(b, r->keywords);
	buf_u64(b, r->modseq);
	buf_u64(b, r->size_bytes);
	buf_u64(b, (uint64_t)r->date_sec);
	buf_u64(b, (uint64_t)r->saved_sec);
	buf_put(b, r->id.b, FILE_ID_BYTES);
}

int
record_decode(struct rd *r, struct store_record *out)
{
	out->uid = rd_u32(r);
	out->flags = rd_u32(r);
	out->keywords = rd_u64(r);
	out->modseq = rd_u64(r);
	out->size_bytes = rd_u64(r);
	out->date_sec = (int64_t)rd_u64(r);
	out->saved_sec = (int64_t)rd_u64(r);
	struct span id = rd_bytes(r, FILE_ID_BYTES);
	memset(&out->id, 0, sizeof out->id);
	memcpy(out->id.b, id.p, id.n);
	return r->err;
}

static struct span
item_key(struct buf *b, uint32_t mailbox, uint32_t uid)
{
	buf_reset(b);
	db_key_u32(b, mailbox);
	db_key_u32(b, uid / TABLE_RECORDS);
	return buf_as_span(b);
}

/* The item without this uid; what it was. */
static int
item_without(struct span item, uint32_t uid, struct buf *out, struct store_record *was)
{
	struct rd r = rd_of(item);
	int found = E_BAD;
	while (r.in.n) {
		struct store_record one;
		if (record_decode(&r, &one) != E_OK)
			return E_IO;
		if (one.uid == uid) {
			*was = one;
			found = E_OK;
		} else {
			record_encode(out, &one);
		}
	}
	return found;
}

int
record_put(struct tables *t, struct db_txn *txn, uint32_t mailbox, const struct store_record *rec)
{
	struct buf key = {0}, old = {0}, item = {0};
	struct store_record was;
	struct span k = item_key(&key, mailbox, rec->uid);
	int err = db_get(t->messages, txn, k, &old);
	if (err == E_OK)
		err = item_without(buf_as_span(&old), rec->uid, &item, &was);
	if (err == E_OK || err == E_BAD) {
		record_encode(&item, rec);
		err = db_put(t->messages, txn, k, buf_as_span(&item));
	}
	buf_free(&key);
	buf_free(&old);
	buf_free(&item);
	return err;
}

int
record_remove(struct tables *t, struct db_txn *txn, uint32_t mailbox, uint32_t uid, struct store_record *was)
{
	struct buf key = {0}, old = {0}, item = {0};
	struct span k = item_key(&key, mailbox, uid);
	int err = db_get(t->messages, txn, k, &old);
	if (err == E_OK)
		err = item_without(buf_as_span(&old), uid, &item, was);
	if (err == E_OK)
		err = item.len ? db_put(t->messages, txn, k, buf_as_span(&item)) : db_del(t->messages, txn, k);
	buf_free(&key);
	buf_free(&old);
	buf_free(&item);
	return err;
}

static int
by_uid(const void *a, const void *b)
{
	const struct store_record *x = a, *y = b;
	return (x->uid > y->uid) - (x->uid < y->uid);
}

static int
item_each(struct span item, int (*fn)(void *ctx, const struct store_record *), void *ctx)
{
	struct store_record all[TABLE_RECORDS];
	struct rd r = rd_of(item);
	size_t n = 0;
	int err = E_OK;
	while (r.in.n && n < TABLE_RECORDS)
		if (record_decode(&r, &all[n++]) != E_OK)
			return E_IO;
	qsort(all, n, sizeof *all, by_uid);
	for (size_t i = 0; i < n && err == E_OK; i++)
		err = fn(ctx, &all[i]);
	return err;
}

int
record_each(struct tables *t, uint32_t mailbox, int (*fn)(void *ctx, const struct store_record *), void *ctx)
{
	struct db_cursor *c;
	struct buf from = {0};
	struct span key, item;
	int err = db_cursor_open(t->messages, NULL, &c);
	if (err != E_OK)
		return err;
	for (err = db_seek(c, item_key(&from, mailbox, 0), &key, &item); err == E_OK; err = db_next(c, &key, &item)) {
		struct rd r = rd_of(key);
		if (rd_key_u32(&r) != mailbox)
			break;
		err = item_each(item, fn, ctx);
		if (err != E_OK)
			break;
	}
	db_cursor_close(&c);
	buf_free(&from);
	return err == E_BAD ? E_OK : err;
}

/* ---- files ---- */

static struct span
file_key(const struct file_id *id)
{
	return span_make(id->b, FILE_ID_BYTES);
}

static int
refs_put(struct tables *t, struct db_txn *txn, struct file_id id, uint32_t refs, struct span rest)
{
	struct buf row = {0};
	buf_u32(&row, refs);
	buf_span(&row, rest);
	int err = db_put(t->files, txn, file_key(&id), buf_as_span(&row));
	buf_free(&row);
	return err;
}

int
file_refer(struct tables *t, struct db_txn *txn, const struct file_name *f, int64_t came_sec)
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
file_release(struct tables *t, struct db_txn *txn, struct file_id id)
{
	struct buf old = {0};
	int err = db_get(t->files, txn, file_key(&id), &old);
	if (err == E_OK) {
		struct rd r = rd_of(buf_as_span(&old));
		uint32_t refs = rd_u32(&r);
		if (refs > 1)
			err = refs_put(t, txn, id, refs - 1, r.in);
		else
			err = db_del(t->files, txn, file_key(&id));
		if (err == E_OK && refs <= 1)
			err = db_put(t->doomed, txn, file_key(&id), SPAN("-"));
	}
	buf_free(&old);
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
seen_has(struct tables *t, struct file_id id, bool *out)
{
	return has_row(t->seen, id, out);
}

int
seen_put(struct tables *t, struct db_txn *txn, struct file_id id, int64_t now_sec)
{
	struct buf row = {0};
	buf_u32(&row, (uint32_t)(now_sec / DAY_SEC));
	int err = db_put(t->seen, txn, file_key(&id), buf_as_span(&row));
	buf_free(&row);
	return err;
}

int
seen_prune(struct tables *t, int64_t now_sec)
{
	struct db_txn *txn;
	struct db_cursor *c = NULL;
	struct span key, row;
	unsigned n = 0;
	uint32_t today = (uint32_t)(now_sec / DAY_SEC);
	int err = db_begin(t->db, &txn);
	if (err != E_OK)
		return err;
	err = db_cursor_open(t->seen, txn, &c);
	if (err == E_OK)
		err = db_seek(c, SPAN(""), &key, &row);
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
	db_cursor_close(&c);
	if (err != E_OK && err != E_BAD) {
		db_abort(&txn);
		return err;
	}
	return db_commit(&txn);
}

int
expunged_put(struct tables *t, struct db_txn *txn, uint32_t mailbox, uint64_t modseq, uint32_t uid)
{
	struct buf key = {0};
	db_key_u32(&key, mailbox);
	db_key_u64(&key, modseq);
	db_key_u32(&key, uid);
	int err = db_put(t->expunged, txn, buf_as_span(&key), SPAN(""));
	buf_free(&key);
	return err;
}

int
doomed_each(struct tables *t, int (*fn)(void *ctx, struct file_id), void *ctx)
{
	struct db_cursor *c;
	struct span key, row;
	int err = db_cursor_open(t->doomed, NULL, &c);
	if (err != E_OK)
		return err;
	for (err = db_seek(c, SPAN(""), &key, &row); err == E_OK; err = db_next(c, &key, &row)) {
		struct file_id id;
		if (key.n != FILE_ID_BYTES)
			continue;
		memcpy(id.b, key.p, FILE_ID_BYTES);
		err = fn(ctx, id);
		if (err != E_OK)
			break;
	}
	db_cursor_close(&c);
	return err == E_BAD ? E_OK : err;
}

int
doomed_remove(struct tables *t, struct db_txn *txn, struct file_id id)
{
	int err = db_del(t->doomed, txn, file_key(&id));
	return err == E_BAD ? E_OK : err;
}
