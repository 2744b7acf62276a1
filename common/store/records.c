/* SPDX-License-Identifier: ISC */
/* records.c - records of messages in the table, in items of 13 uids. */
#include <string.h>

#include "store/tables.h"

static struct span
item_key(struct buf *b, uint32_t mailbox, uint32_t number)
{
	buf_reset(b);
	db_key_u32(b, mailbox);
	db_key_u32(b, number);
	return buf_as_span(b);
}

static int
append_item(struct tables *t, struct db_txn *txn, uint32_t mailbox,
    const struct store_record *r, size_t n)
{
	struct buf key = {0}, old = {0}, item = {0};
	struct store_record all[TABLE_RECORDS];
	size_t have = 0;
	struct span k = item_key(&key, mailbox, r->uid / TABLE_RECORDS);
	int err = db_get(t->messages, txn, k, &old);
	if (err == E_OK && item_decode(buf_as_span(&old), all, &have) != E_OK)
		err = E_IO;
	if (err == E_OK && have + n > TABLE_RECORDS)
		bug("a uid twice");
	if (err == E_OK || err == E_BAD) {
		memcpy(all + have, r, n * sizeof *r);
		item_encode(&item, all, have + n);
		err = db_put(t->messages, txn, k, buf_as_span(&item));
	}
	buf_free(&key);
	buf_free(&old);
	buf_free(&item);
	return err;
}

int
records_append(struct tables *t, struct db_txn *txn, uint32_t mailbox,
    const struct store_record *r, size_t n)
{
	int err = E_OK;
	for (size_t at = 0, end; at < n && err == E_OK; at = end) {
		for (end = at + 1; end < n && r[end].uid / TABLE_RECORDS ==
						  r[at].uid / TABLE_RECORDS;)
			end++;
		err = append_item(t, txn, mailbox, r + at, end - at);
	}
	return err;
}

int
record_each(struct tables *t, uint32_t mailbox,
    int (*fn)(void *ctx, const struct store_record *), void *ctx)
{
	struct record_walk w;
	int err = walk_open(t, NULL, mailbox, &w);
	if (err != E_OK)
		return err;
	for (err = walk_to(&w, 0); err == E_OK;
	     err = walk_to(&w, (w.number + 1) * TABLE_RECORDS)) {
		for (size_t i = 0; i < w.n && err == E_OK; i++)
			err = fn(ctx, &w.records[i]);
		if (err != E_OK || w.number == UINT32_MAX / TABLE_RECORDS)
			break;
	}
	walk_close(&w);
	return err == E_BAD ? E_OK : err;
}

/* ---- the walk ---- */

int
walk_open(
    struct tables *t, struct db_txn *txn, uint32_t mailbox, struct record_walk *out)
{
	out->mailbox = mailbox;
	out->is_on = false;
	out->n = 0;
	return db_cursor_open(t->messages, txn, &out->cursor);
}

int
walk_to(struct record_walk *w, uint32_t uid)
{
	struct buf from = {0};
	struct span key, item;
	uint32_t number = uid / TABLE_RECORDS;
	int err;
	if (w->is_on && number == w->number)
		return E_OK;
	if (w->is_on && number == w->number + 1)
		err = db_next(w->cursor, &key, &item);
	else
		err = db_seek(
		    w->cursor, item_key(&from, w->mailbox, number), &key, &item);
	buf_free(&from);
	w->is_on = false;
	if (err != E_OK)
		return err;
	struct rd r = rd_of(key);
	uint32_t mailbox = rd_key_u32(&r);
	w->number = rd_key_u32(&r);
	if (mailbox != w->mailbox)
		return E_BAD;
	if (rd_end(&r) != E_OK || item_decode(item, w->records, &w->n) != E_OK)
		return E_IO;
	w->is_on = true;
	return E_OK;
}

int
walk_save(struct record_walk *w)
{
	struct buf item = {0};
	if (w->n == 0)
		return db_cursor_del(w->cursor);
	item_encode(&item, w->records, w->n);
	int err = db_cursor_put(w->cursor, buf_as_span(&item));
	buf_free(&item);
	return err;
}

void
walk_close(struct record_walk *w)
{
	db_cursor_close(&w->cursor);
}
