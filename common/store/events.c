/* SPDX-License-Identifier: ISC */
/* events.c - rows of the table "events". */
#include "store/events.h"

static struct span
key_of(struct buf *b, uint64_t number)
{
	buf_reset(b);
	db_key_u64(b, number);
	return buf_as_span(b);
}

int
event_put(struct tables *t, struct db_txn *txn, const struct event_row *e)
{
	struct buf key = {0}, row = {0};
	event_row_encode(&row, e);
	int err = db_put(t->events, txn, key_of(&key, e->number), buf_as_span(&row));
	buf_free(&key);
	buf_free(&row);
	return err;
}

/* The first at or past number; one that is not as we write it is passed over. */
static int
seek(struct tables *t, struct db_txn *txn, uint64_t number, struct buf *space,
    struct event_row *out)
{
	struct db_cursor *c;
	struct span key, row;
	struct buf at = {0};
	int err = db_cursor_open(t->events, txn, &c);
	if (err != E_OK)
		return err;
	for (err = db_seek(c, key_of(&at, number), &key, &row); err == E_OK;
	     err = db_next(c, &key, &row)) {
		struct rd r = rd_of(key);
		uint64_t found = rd_key_u64(&r);
		buf_reset(space);
		buf_span(space, row);
		if (event_row_decode(found, buf_as_span(space), out) == E_OK)
			break;
		numset_free(&out->uids);
	}
	db_cursor_close(&c);
	buf_free(&at);
	return err;
}

int
event_get(struct tables *t, struct db_txn *txn, uint64_t after, struct buf *space,
    struct event_row *out)
{
	*out = (struct event_row){.number = 0};
	if (!t->events || after == UINT64_MAX)
		return E_BAD;
	return seek(t, txn, after + 1, space, out);
}

int
event_remove(struct tables *t, struct db_txn *txn, uint64_t number)
{
	struct buf key = {0};
	int err = t->events ? db_del(t->events, txn, key_of(&key, number)) : E_OK;
	buf_free(&key);
	return err == E_BAD ? E_OK : err;
}

int
events_bounds(
    struct tables *t, struct db_txn *txn, uint64_t *first, uint64_t *last, unsigned *n)
{
	struct db_cursor *c;
	struct span key, row;
	*first = *last = 0;
	*n = 0;
	if (!t->events)
		return E_OK;
	int err = db_cursor_open(t->events, txn, &c);
	if (err != E_OK)
		return err;
	for (err = db_seek(c, SPAN(""), &key, &row); err == E_OK;
	     err = db_next(c, &key, &row)) {
		struct rd r = rd_of(key);
		*last = rd_key_u64(&r);
		*first = *first ? *first : *last;
		++*n;
	}
	db_cursor_close(&c);
	return err == E_BAD ? E_OK : err;
}
