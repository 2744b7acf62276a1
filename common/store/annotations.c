/* SPDX-License-Identifier: ISC */
/* annotations.c - rows of the table "annotations". */
#include "store/annotations.h"

/* ---- a row ---- */

static void
put_head(struct buf *key, uint32_t mailbox, enum annotation_kind kind)
{
	db_key_u32(key, mailbox);
	if (kind)
		buf_u8(key, (uint8_t)kind);
}

static struct span
key_of(struct buf *key, const struct annotation *a)
{
	put_head(key, a->mailbox, a->kind);
	buf_span(key, a->who);
	buf_u8(key, '\0');
	buf_span(key, a->name);
	return buf_as_span(key);
}

/* A row as we write it.  E_OK, E_BAD */
static int
annotation_decode(struct span key, struct span row, struct annotation *out)
{
	struct rd r = rd_of(key);
	out->mailbox = rd_key_u32(&r);
	uint8_t kind = rd_u8(&r);
	out->kind = kind;
	size_t n = span_find(r.in, '\0');
	if (r.err != E_OK || !annotation_is_kind((char)kind) || n == r.in.n ||
	    n > ANNOTATION_WHO_MAX || row.n > ANNOTATION_VALUE_MAX)
		return E_BAD;
	out->who = span_head(r.in, n);
	out->name = span_from(r.in, n + 1);
	out->value = row;
	return E_OK;
}

uint64_t
annotation_bytes(const struct annotation *a)
{
	return a->who.n + a->name.n + a->value.n;
}

int
annotation_put(struct tables *t, struct db_txn *txn, const struct annotation *a)
{
	struct buf key = {0};
	int err = db_put(t->annotations, txn, key_of(&key, a), a->value);
	buf_free(&key);
	return err;
}

int
annotation_get(
    struct tables *t, struct db_txn *txn, const struct annotation *a, struct buf *out)
{
	struct buf key = {0};
	int err = db_get(t->annotations, txn, key_of(&key, a), out);
	buf_free(&key);
	return err;
}

int
annotation_remove(struct tables *t, struct db_txn *txn, const struct annotation *a)
{
	struct buf key = {0};
	int err = db_del(t->annotations, txn, key_of(&key, a));
	buf_free(&key);
	return err == E_BAD ? E_OK : err;
}

/* ---- many ---- */

static int
each(struct tables *t, struct span head,
    int (*fn)(void *ctx, const struct annotation *), void *ctx)
{
	struct db_cursor *c;
	struct span key, row;
	struct annotation a;
	int err = db_cursor_open(t->annotations, NULL, &c);
	if (err != E_OK)
		return err;
	for (err = db_seek(c, head, &key, &row); err == E_OK && span_starts(key, head);
	     err = db_next(c, &key, &row)) {
		/* one that is not as we write it is nobody's: verify tells of it */
		if (annotation_decode(key, row, &a) != E_OK)
			continue;
		err = fn(ctx, &a);
		if (err != E_OK)
			break;
	}
	db_cursor_close(&c);
	return err == E_BAD ? E_OK : err;
}

int
annotation_each(struct tables *t, uint32_t mailbox, enum annotation_kind kind,
    int (*fn)(void *ctx, const struct annotation *), void *ctx)
{
	struct buf head = {0};
	put_head(&head, mailbox, kind);
	int err = each(t, buf_as_span(&head), fn, ctx);
	buf_free(&head);
	return err;
}

int
annotation_every(
    struct tables *t, int (*fn)(void *ctx, const struct annotation *), void *ctx)
{
	return each(t, SPAN(""), fn, ctx);
}

int
annotations_check(
    struct tables *t, bool (*is_mailbox)(uint32_t id), struct annotations_found *out)
{
	struct db_cursor *c;
	struct span key, row;
	struct annotation a;
	*out = (struct annotations_found){.rows = 0};
	int err = db_cursor_open(t->annotations, NULL, &c);
	if (err != E_OK)
		return err;
	for (err = db_seek(c, SPAN(""), &key, &row); err == E_OK;
	     err = db_next(c, &key, &row)) {
		out->rows++;
		if (annotation_decode(key, row, &a) != E_OK ||
		    (a.mailbox && !is_mailbox(a.mailbox)))
			out->bad++;
		else if (a.kind != ANNOTATION_SEEN)
			out->bytes += annotation_bytes(&a);
	}
	db_cursor_close(&c);
	return err == E_BAD ? E_OK : err;
}

void
annotation_count(struct annotation_sum *sum, const struct annotation *a, int by)
{
	uint64_t bytes = annotation_bytes(a), rights = a->kind == ANNOTATION_RIGHTS;
	uint64_t *to = a->kind == ANNOTATION_SEEN ? &sum->seen_bytes : &sum->bytes;
	*to = by > 0 ? *to + bytes : *to - bytes;
	sum->rights = by > 0 ? sum->rights + rights : sum->rights - rights;
}

int
annotations_remove(
    struct tables *t, struct db_txn *txn, uint32_t mailbox, struct annotation_sum *sum)
{
	struct buf head = {0};
	struct db_cursor *c;
	struct span key, row;
	struct annotation a;
	int err = db_cursor_open(t->annotations, txn, &c);
	if (err != E_OK)
		return err;
	put_head(&head, mailbox, 0);
	for (err = db_seek(c, buf_as_span(&head), &key, &row);
	     err == E_OK && span_starts(key, buf_as_span(&head));
	     err = db_next(c, &key, &row)) {
		if (annotation_decode(key, row, &a) == E_OK)
			annotation_count(sum, &a, -1);
		err = db_cursor_del(c);
		if (err != E_OK)
			break;
	}
	db_cursor_close(&c);
	buf_free(&head);
	return err == E_BAD ? E_OK : err;
}

static int
gather(void *ctx, const struct annotation *a)
{
	struct buf *b = ctx;
	buf_bytes(b, a->who);
	buf_bytes(b, a->name);
	buf_bytes(b, a->value);
	return buf_done(b);
}

int
annotations_copy(struct tables *t, struct db_txn *txn, enum annotation_kind kind,
    uint32_t from, uint32_t to, struct annotation_sum *sum)
{
	struct buf all = {0};
	int err = annotation_each(t, from, kind, gather, &all);
	for (struct rd r = rd_of(buf_as_span(&all)); err == E_OK && r.in.n;) {
		struct annotation a = {.mailbox = to, .kind = kind};
		a.who = rd_str(&r, ANNOTATION_WHO_MAX);
		a.name = rd_str(&r, METADATA_ENTRY_MAX);
		a.value = rd_str(&r, ANNOTATION_VALUE_MAX);
		err = r.err == E_OK ? annotation_put(t, txn, &a) : E_IO;
		annotation_count(sum, &a, 1);
	}
	buf_free(&all);
	return err;
}
