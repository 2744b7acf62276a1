/* SPDX-License-Identifier: ISC */
/* tables.c - the tables of an index: their life; rows of mailboxes, keywords, subscriptions. */
#include "store/tables.h"

#include <string.h>

enum { ROW_LIVING, ROW_DEAD, ROW_KEPT }; /* of a mailbox's row */

/* ---- life ---- */

int
tables_open(struct tables *t, const char *dir, bool is_made_if_missing)
{
	struct {
		const char *name;
		struct db_table **table;
	} all[] = {{"mailboxes", &t->mailboxes}, {"keywords", &t->keywords},
	    {"messages", &t->messages}, {"expunged", &t->expunged},
	    {"files", &t->files}, {"doomed", &t->doomed}, {"seen", &t->seen},
	    {"subscriptions", &t->subscriptions}, {"uidls", &t->uidls},
	    {"undo", &t->undo}, {"annotations", &t->annotations}};

	*t = (struct tables){.db = NULL};
	int err = db_open(dir, TABLE_CACHE_BYTES, &t->db);
	for (size_t i = 0; i < COUNT(all) && err == E_OK; i++)
		err =
		    db_table_open(t->db, all[i].name, is_made_if_missing, all[i].table);
	if (err == E_OK) { /* where nothing was ever kept there is none */
		int has_kept = db_table_open(t->db, "kept", false, &t->kept);
		err = has_kept == E_BAD ? E_OK : has_kept;
	}
	if (err == E_OK) {
		int has_events = db_table_open(t->db, "events", false, &t->events);
		err = has_events == E_BAD ? E_OK : has_events;
	}
	if (err == E_LIMIT && t->db && !db_is_damaged(t->db))
		err = E_IO; /* the disk is full: no reason to put an index aside */
	if (err != E_OK && t->db)
		db_abandon(&t->db);
	return err;
}

int
tables_keep(struct tables *t)
{
	return t->kept ? E_OK : db_table_open(t->db, "kept", true, &t->kept);
}

int
tables_events(struct tables *t)
{
	return t->events ? E_OK : db_table_open(t->db, "events", true, &t->events);
}

void
tables_close(struct tables *t)
{
	if (t->db)
		db_close(&t->db);
	*t = (struct tables){.db = NULL};
}

/* Every row of a table whose key begins with head; fn's E_BAD ends it too. */
static int
rows_each(struct db_table *table, struct span head,
    int (*fn)(void *ctx, struct span key, struct span row), void *ctx)
{
	struct db_cursor *c;
	struct span key, row;
	int err = db_cursor_open(table, NULL, &c);
	if (err != E_OK)
		return err;
	for (err = db_seek(c, head, &key, &row); err == E_OK;
	     err = db_next(c, &key, &row)) {
		if (!span_starts(key, head))
			break;
		err = fn(ctx, key, row);
		if (err != E_OK)
			break;
	}
	db_cursor_close(&c);
	return err == E_BAD ? E_OK : err;
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
	buf_u64(&row, m->unseen);
	buf_u64(&row, m->deleted);
	buf_u64(&row, m->deleted_bytes);
	buf_u64(&row, m->bytes);
	buf_u32(&row, m->first_recent);
	buf_u64(&row, m->recent);
	buf_u64(&row, m->expunged_floor);
	buf_u32(&row, m->n_expunged);
	buf_u32(&row, m->n_keywords);
	buf_u32(&row, m->reserved);
	buf_u8(&row, m->is_kept ? ROW_KEPT : m->is_dead ? ROW_DEAD : ROW_LIVING);
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
	out->unseen = rd_u64(&r);
	out->deleted = rd_u64(&r);
	out->deleted_bytes = rd_u64(&r);
	out->bytes = rd_u64(&r);
	out->first_recent = rd_u32(&r);
	out->recent = rd_u64(&r);
	out->expunged_floor = rd_u64(&r);
	out->n_expunged = rd_u32(&r);
	out->n_keywords = rd_u32(&r);
	out->reserved = rd_u32(&r);
	uint8_t life = rd_u8(&r);
	out->is_dead = life == ROW_DEAD;
	out->is_kept = life == ROW_KEPT;
	struct span name = rd_str(&r, STORE_NAME_MAX),
		    use = rd_str(&r, sizeof out->special_use - 1);
	if (rd_end(&r) != E_OK)
		return E_LIMIT; /* no row of ours: as good as damage */
	memcpy(out->name, name.p, name.n);
	memcpy(out->special_use, use.p, use.n);
	return E_OK;
}

struct each_mailbox {
	int (*fn)(void *ctx, const struct mailbox *);
	void *ctx;
};

static int
on_mailbox(void *ctx, struct span key, struct span row)
{
	struct each_mailbox *e = ctx;
	struct rd r = rd_of(key);
	struct mailbox m;
	int err = mailbox_decode(rd_key_u32(&r), row, &m);
	return err == E_OK ? e->fn(e->ctx, &m) : err;
}

int
mailbox_each(struct tables *t, int (*fn)(void *ctx, const struct mailbox *), void *ctx)
{
	struct each_mailbox e = {fn, ctx};
	return rows_each(t->mailboxes, SPAN(""), on_mailbox, &e);
}

static uint64_t
add(uint64_t sum, uint64_t n, int by)
{
	return by > 0 ? sum + n : sum - (n < sum ? n : sum);
}

void
mailbox_count(struct mailbox *m, const struct store_record *r, int by)
{
	m->messages = add(m->messages, 1, by);
	m->bytes = add(m->bytes, r->size_bytes, by);
	if (!(r->flags & FLAG_SEEN))
		m->unseen = add(m->unseen, 1, by);
	if (r->flags & FLAG_DELETED) {
		m->deleted = add(m->deleted, 1, by);
		m->deleted_bytes = add(m->deleted_bytes, r->size_bytes, by);
	}
	if (r->uid >= m->first_recent)
		m->recent = add(m->recent, 1, by);
}

static struct span
keyword_key(struct buf *b, uint32_t mailbox, uint32_t bit)
{
	key_u32(b, mailbox);
	db_key_u32(b, bit);
	return buf_as_span(b);
}

int
mailbox_row_remove(struct tables *t, struct db_txn *txn, uint32_t id)
{
	struct buf key = {0};
	int err = E_OK;
	for (uint32_t i = 0; i < STORE_KEYWORDS_MAX && err == E_OK; i++)
		err = db_del(t->keywords, txn, keyword_key(&key, id, i));
	if (err == E_OK || err == E_BAD)
		err = db_del(t->mailboxes, txn, key_u32(&key, id));
	buf_free(&key);
	return err == E_BAD ? E_OK : err;
}

/* ---- keywords ---- */

int
keyword_put(struct tables *t, struct db_txn *txn, uint32_t mailbox, uint32_t bit,
    struct span name)
{
	struct buf key = {0};
	int err = db_put(t->keywords, txn, keyword_key(&key, mailbox, bit), name);
	buf_free(&key);
	return err;
}

struct each_keyword {
	int (*fn)(void *ctx, uint32_t mailbox, uint32_t bit, struct span name);
	void *ctx;
};

static int
on_keyword(void *ctx, struct span key, struct span row)
{
	struct each_keyword *e = ctx;
	struct rd r = rd_of(key);
	uint32_t mailbox = rd_key_u32(&r), bit = rd_key_u32(&r);
	return rd_end(&r) == E_OK ? e->fn(e->ctx, mailbox, bit, row) : E_IO;
}

int
keyword_each(struct tables *t,
    int (*fn)(void *ctx, uint32_t mailbox, uint32_t bit, struct span name), void *ctx)
{
	struct each_keyword e = {fn, ctx};
	return rows_each(t->keywords, SPAN(""), on_keyword, &e);
}

/* ---- subscriptions ---- */

int
subscription_put(
    struct tables *t, struct db_txn *txn, struct span name, bool is_subscribed)
{
	if (is_subscribed)
		return db_put(t->subscriptions, txn, name, SPAN("-"));
	int err = db_del(t->subscriptions, txn, name);
	return err == E_BAD ? E_OK : err;
}

struct each_name {
	int (*fn)(void *ctx, struct span name);
	void *ctx;
};

static int
on_subscription(void *ctx, struct span key, struct span row)
{
	struct each_name *e = ctx;
	(void)row;
	return e->fn(e->ctx, key);
}

int
subscription_each(struct tables *t, int (*fn)(void *ctx, struct span name), void *ctx)
{
	struct each_name e = {fn, ctx};
	return rows_each(t->subscriptions, SPAN(""), on_subscription, &e);
}

/* ---- imported UIDLs ---- */

int
uidl_put(struct tables *t, struct db_txn *txn, struct file_id id, struct span uidl)
{
	return db_put(t->uidls, txn, span_make(id.b, FILE_ID_BYTES), uidl);
}

int
uidl_remove(struct tables *t, struct db_txn *txn, struct file_id id)
{
	int err = db_del(t->uidls, txn, span_make(id.b, FILE_ID_BYTES));
	return err == E_BAD ? E_OK : err;
}

struct each_uidl {
	int (*fn)(void *ctx, struct file_id, struct span uidl);
	void *ctx;
};

static int
on_uidl(void *ctx, struct span key, struct span row)
{
	struct each_uidl *e = ctx;
	struct file_id id;
	if (key.n != FILE_ID_BYTES)
		return E_IO;
	memcpy(id.b, key.p, FILE_ID_BYTES);
	return e->fn(e->ctx, id, row);
}

int
uidl_each(
    struct tables *t, int (*fn)(void *ctx, struct file_id, struct span uidl), void *ctx)
{
	struct each_uidl e = {fn, ctx};
	return rows_each(t->uidls, SPAN(""), on_uidl, &e);
}

/* ---- copies that are not over ---- */

int
undo_put(struct tables *t, struct db_txn *txn, uint32_t number, uint32_t mailbox,
    const struct numset *uids)
{
	struct buf key = {0}, row = {0};
	buf_u32(&row, mailbox);
	numset_encode(&row, uids->ranges, uids->n);
	int err = db_put(t->undo, txn, key_u32(&key, number), buf_as_span(&row));
	buf_free(&key);
	buf_free(&row);
	return err;
}

int
undo_remove(struct tables *t, struct db_txn *txn, uint32_t number)
{
	struct buf key = {0};
	int err = db_del(t->undo, txn, key_u32(&key, number));
	buf_free(&key);
	return err == E_BAD ? E_OK : err;
}

struct each_undo {
	int (*fn)(void *ctx, uint32_t number, uint32_t mailbox, const struct numset *);
	void *ctx;
};

static int
on_undo(void *ctx, struct span key, struct span row)
{
	struct each_undo *e = ctx;
	struct rd k = rd_of(key), r = rd_of(row);
	struct numset uids = {0};
	uint32_t number = rd_key_u32(&k), mailbox = rd_u32(&r);
	int err =
	    numset_decode(&r, &uids) == E_OK && rd_end(&r) == E_OK && rd_end(&k) == E_OK
		? E_OK
		: E_LIMIT;
	if (err == E_OK)
		err = e->fn(e->ctx, number, mailbox, &uids);
	numset_free(&uids);
	return err;
}

int
undo_each(struct tables *t,
    int (*fn)(void *ctx, uint32_t number, uint32_t mailbox, const struct numset *),
    void *ctx)
{
	struct each_undo e = {fn, ctx};
	return rows_each(t->undo, SPAN(""), on_undo, &e);
}
