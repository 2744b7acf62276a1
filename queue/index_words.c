/* SPDX-License-Identifier: ISC */
/* index_words.c - words that outlast a restart: what is suspended. */
#include "queue/index_parts.h"

static const char word_prefix[] = "word ";

static void
word_key(struct buf *b, struct span word)
{
	buf_str(b, word_prefix);
	buf_span(b, word);
}

int
index_word_put(struct index *x, struct span word, int64_t value)
{
	struct buf key = {0};
	word_key(&key, word);
	int err = index_number_put(x, buf_as_span(&key), value);
	buf_free(&key);
	return err == E_OK ? index_sync(x) : err;
}

int
index_word_remove(struct index *x, struct span word)
{
	struct buf key = {0}, old = {0};
	struct db_txn *txn;
	word_key(&key, word);
	int err = db_get(x->meta, NULL, buf_as_span(&key), &old);
	if (err == E_OK)
		err = db_begin(x->db, &txn);
	if (err == E_OK) {
		err = db_del(x->meta, txn, buf_as_span(&key));
		if (err == E_OK)
			err = db_commit(&txn);
		else
			db_abort(&txn);
		if (err == E_OK)
			err = index_sync(x);
	}
	buf_free(&key);
	buf_free(&old);
	return err;
}

int
index_words(
    struct index *x, void (*fn)(void *ctx, struct span word, int64_t value), void *ctx)
{
	struct db_cursor *c = NULL;
	struct span key, value;
	int err = db_cursor_open(x->meta, NULL, &c);
	if (err != E_OK)
		return err;
	for (err = db_seek(c, span_of(word_prefix), &key, &value); err == E_OK;
	     err = db_next(c, &key, &value)) {
		struct rd r = rd_of(value);
		if (!span_starts(key, span_of(word_prefix)))
			break;
		fn(ctx, span_from(key, sizeof word_prefix - 1), (int64_t)rd_u64(&r));
	}
	db_cursor_close(&c);
	return err == E_BAD ? E_OK : err;
}
