/* SPDX-License-Identifier: ISC */
/* greylist_rows.c - rows of greylisting. */
#include "smtpd/policy/greylist_rows.h"

#include "db/shelf.h"
#include "tls/hash.h"

enum {
	KEY_BYTES = 17,        /* what it is of, half a SHA-256 */
	TOUCH_SEC = 12 * 3600, /* its last time is not written more often */
	SWEEP_ROWS = 200,
};

enum row_kind { ROW_SENDER = 's', ROW_MESSAGE = 'm' };

struct row {
	struct span key; /* borrow */
	bool is_there;   /* in the table, whether it holds or has ended */
	int64_t end_sec; /* wall clock, as all here */
	int64_t first_sec, last_sec;
	uint32_t passed; /* times: of a message 1 at most */
};

struct greylist_rows {
	struct shelf shelf;    /* own */
	struct db_table *rows; /* key -> row */
	struct db_table *ends; /* end_sec, key -> nothing */
	struct greylist_rules rules;
};

static const struct shelf_plan plan = {.below = "rows",
    .tables = {"rows", "ends"},
    .damaged = "greylist_damaged",
    .advice = "nothing: all wait once more"};

int
greylist_rows_open(
    const char *folder, const struct greylist_rules *rules, struct greylist_rows **out)
{
	struct greylist_rows *g = mem_new(sizeof *g);
	g->rules = *rules;
	if (shelf_open(&g->shelf, &plan, folder) != E_OK) {
		greylist_rows_close(&g);
		return E_IO;
	}
	g->rows = g->shelf.tables[0];
	g->ends = g->shelf.tables[1];
	*out = g;
	return E_OK;
}

void
greylist_rows_close(struct greylist_rows **gp)
{
	if (!*gp)
		return;
	shelf_close(&(*gp)->shelf);
	mem_free(gp);
}

uint64_t
greylist_rows_count(const struct greylist_rows *g)
{
	return g->shelf.n;
}

int
greylist_rows_sync(struct greylist_rows *g)
{
	return shelf_sync(&g->shelf);
}

/* ---- rows ---- */

static void
lower_put(struct buf *b, struct span s)
{
	buf_u32(b, (uint32_t)s.n); /* or two of them could be read as two others */
	for (size_t i = 0; i < s.n; i++)
		buf_ch(b, ch_lower(s.p[i]));
}

static void
key_put(struct buf *out, enum row_kind kind, const struct span *parts, size_t n)
{
	unsigned char sum[SHA256_BYTES];
	struct buf text = {0};
	for (size_t i = 0; i < n; i++)
		lower_put(&text, parts[i]);
	sha256(buf_as_span(&text), sum);
	buf_ch(out, (char)kind);
	buf_put(out, sum, KEY_BYTES - 1);
	buf_free(&text);
}

static void
end_key(struct buf *b, const struct row *r)
{
	db_key_u64(b, (uint64_t)r->end_sec);
	buf_span(b, r->key);
}

static int
row_parse(struct span bytes, struct row *out)
{
	struct rd r = rd_of(bytes);
	out->end_sec = (int64_t)rd_u64(&r);
	out->first_sec = (int64_t)rd_u64(&r);
	out->last_sec = (int64_t)rd_u64(&r);
	out->passed = rd_u32(&r);
	return rd_end(&r);
}

/* One that is not there, or has ended, has its key and nothing else. */
static int
row_get(struct greylist_rows *g, struct span key, int64_t now, struct row *out)
{
	struct buf bytes = {0};
	*out = (struct row){.key = key};
	int err = db_get(g->rows, NULL, key, &bytes);
	out->is_there = err == E_OK;
	if (err == E_OK)
		err = row_parse(buf_as_span(&bytes), out);
	buf_free(&bytes);
	if (out->is_there && now >= out->end_sec)
		out->first_sec = out->last_sec = 0, out->passed = 0;
	return err == E_BAD && !out->is_there ? E_OK : err;
}

static int
row_drop_in(struct greylist_rows *g, struct db_txn *txn, const struct row *r)
{
	struct buf key = {0};
	end_key(&key, r);
	int err = db_del(g->ends, txn, buf_as_span(&key));
	if (err == E_OK || err == E_BAD)
		err = db_del(g->rows, txn, r->key);
	buf_free(&key);
	return err == E_BAD ? E_OK : err;
}

static int
row_put_in(struct greylist_rows *g, struct db_txn *txn, const struct row *r)
{
	struct buf key = {0}, bytes = {0};
	end_key(&key, r);
	buf_u64(&bytes, (uint64_t)r->end_sec);
	buf_u64(&bytes, (uint64_t)r->first_sec);
	buf_u64(&bytes, (uint64_t)r->last_sec);
	buf_u32(&bytes, r->passed);
	int err = db_put(g->rows, txn, r->key, buf_as_span(&bytes));
	if (err == E_OK)
		err = db_put(g->ends, txn, buf_as_span(&key), SPAN(""));
	buf_free(&key);
	buf_free(&bytes);
	return err;
}

static int
end_txn(struct db_txn **txn, int err)
{
	if (err == E_OK)
		return db_commit(txn);
	db_abort(txn);
	return err;
}

static int
drop_key(struct greylist_rows *g, struct span key)
{
	struct row r;
	struct db_txn *txn;
	int err = row_get(g, key, 0, &r);
	if (err == E_OK)
		err = db_begin(g->shelf.db, &txn);
	if (err != E_OK)
		return err;
	err = end_txn(&txn, row_drop_in(g, txn, &r));
	g->shelf.n -= err == E_OK && g->shelf.n > 0;
	return err;
}

/* The one that ends first, of those that end by then.  E_BAD: there is none */
static int
drop_first(struct greylist_rows *g, uint64_t by_sec)
{
	struct buf key = {0};
	int err = shelf_first(g->ends, by_sec, &key);
	if (err == E_OK)
		err = drop_key(g, buf_as_span(&key));
	buf_free(&key);
	return err;
}

/* For all that one message may add.  Before rows are read: it may be one of these that goes. */
static int
make_room(struct greylist_rows *g)
{
	int err = E_OK;
	while (err == E_OK && g->shelf.n + 2 > g->rules.most)
		err = drop_first(g, UINT64_MAX);
	return err == E_BAD ? E_OK : err;
}

/* As it is from now on. */
static int
row_change(struct greylist_rows *g, struct db_txn *txn, const struct row *was,
    const struct row *r)
{
	int err = was->is_there ? row_drop_in(g, txn, was) : E_OK;
	return err == E_OK ? row_put_in(g, txn, r) : err;
}

/* Both in one transaction: b may be NULL. */
static int
change(struct greylist_rows *g, const struct row *was_a, const struct row *a,
    const struct row *was_b, const struct row *b)
{
	struct db_txn *txn;
	uint64_t more = (was_a->is_there ? 0u : 1u) + (b && !was_b->is_there ? 1u : 0u);
	int err = db_begin(g->shelf.db, &txn);
	if (err != E_OK)
		return err;
	err = row_change(g, txn, was_a, a);
	if (err == E_OK && b)
		err = row_change(g, txn, was_b, b);
	err = end_txn(&txn, err);
	g->shelf.n += err == E_OK ? more : 0;
	return err;
}

/* ---- judged ---- */

/* It is there again: its end moves, if that is worth a write. */
static int
touch(struct greylist_rows *g, const struct row *was, int64_t now)
{
	struct row r = *was;
	if (now - was->last_sec < TOUCH_SEC && now >= was->last_sec)
		return E_OK;
	r.last_sec = now;
	r.end_sec = now + g->rules.keep_sec;
	return change(g, was, &r, NULL, NULL);
}

static int
begin(struct greylist_rows *g, const struct row *was, int64_t now)
{
	struct row r = *was;
	r.first_sec = r.last_sec = now;
	r.end_sec = now + g->rules.window_sec;
	r.passed = 0;
	return change(g, was, &r, NULL, NULL);
}

/* The first time that it came again: its sender counts it. */
static int
pass(struct greylist_rows *g, const struct row *was, const struct row *sender_was,
    int64_t now)
{
	struct row r = *was, sender = *sender_was;
	r.last_sec = sender.last_sec = now;
	r.end_sec = sender.end_sec = now + g->rules.keep_sec;
	r.passed = 1;
	sender.passed += sender.passed < UINT32_MAX;
	return change(g, was, &r, sender_was, g->rules.learn ? &sender : NULL);
}

static int
judge(struct greylist_rows *g, const struct row *message, const struct row *sender,
    int64_t now, struct greylist_said *out)
{
	int64_t age = now - message->first_sec;
	if (message->passed) {
		out->verdict = GREYLIST_PASS;
		return touch(g, message, now);
	}
	if (message->first_sec == 0 || age < 0) { /* new; or the clock was set back */
		out->left_sec = (uint32_t)g->rules.delay_sec;
		return begin(g, message, now);
	}
	if (age < g->rules.delay_sec) {
		out->left_sec = (uint32_t)(g->rules.delay_sec - age);
		return E_OK;
	}
	out->verdict = GREYLIST_PASS;
	return pass(g, message, sender, now);
}

int
greylist_rows_judge(struct greylist_rows *g, struct span key, struct span sender,
    struct span rcpt, int64_t now, struct greylist_said *out)
{
	const struct span parts[] = {key, sender, rcpt};
	struct buf message_key = {0}, sender_key = {0};
	struct row message, known;
	*out = (struct greylist_said){.verdict = GREYLIST_WAIT};
	key_put(&sender_key, ROW_SENDER, parts, 1);
	key_put(&message_key, ROW_MESSAGE, parts, COUNT(parts));
	int err = make_room(g);
	if (err == E_OK)
		err = row_get(g, buf_as_span(&sender_key), now, &known);
	if (err == E_OK && g->rules.learn && known.passed >= g->rules.learn) {
		out->verdict = GREYLIST_KNOWN;
		err = touch(g, &known, now);
	} else if (err == E_OK) {
		err = row_get(g, buf_as_span(&message_key), now, &message);
		if (err == E_OK)
			err = judge(g, &message, &known, now, out);
	}
	buf_free(&sender_key);
	buf_free(&message_key);
	return err;
}

int
greylist_rows_sweep(struct greylist_rows *g, int64_t now)
{
	int err = E_OK;
	for (int i = 0; i < SWEEP_ROWS && err == E_OK; i++)
		err = drop_first(g, now > 0 ? (uint64_t)now : 0);
	return err == E_BAD ? E_OK : err == E_OK ? E_MORE : err;
}
