/* SPDX-License-Identifier: ISC */
/* book.c - counters, known recipients and trips in a database. */
#include "smtpd/budget/book.h"

#include "base/clock.h"
#include "base/log.h"

enum { COUNTERS, TRIPS, KNOWN };

static const struct shelf_plan plan = {.below = "budget",
    .tables = {"counters", "trips", "known"},
    .damaged = "budgets_damaged",
    .advice = "nothing: counts begin anew; who had tripped may send again"};

int
book_open(struct book *b, const char *state_dir)
{
	*b = (struct book){.has_unsynced = false};
	return shelf_open(&b->shelf, &plan, state_dir);
}

void
book_close(struct book *b)
{
	shelf_close(&b->shelf);
	buf_free(&b->sweep_at);
}

static int
failed(int err)
{
	return err == E_OK || err == E_BAD ? err : E_IO;
}

/* ---- counters ---- */

static int
read_counters(struct book *b, struct db_txn *txn, struct span name, int64_t now_sec,
    struct counters *out)
{
	struct buf row = {0};
	int err = db_get(b->shelf.tables[COUNTERS], txn, name, &row);
	*out = (struct counters){0};
	if (err == E_OK && counters_get(buf_as_span(&row), out) != E_OK)
		err = E_BAD; /* of another version: it begins anew */
	buf_free(&row);
	counters_advance(out, now_sec);
	return err == E_BAD ? E_OK : err;
}

static int
write_counters(struct book *b, struct db_txn *txn, struct span name,
    const uint32_t more[BUDGET_WHATS], int64_t now_sec, struct counters *c)
{
	struct buf row = {0};
	for (size_t i = 0; i < BUDGET_WHATS; i++)
		counters_add(c, i, more[i]);
	c->used_sec = now_sec;
	counters_put(&row, c);
	int err = db_put(b->shelf.tables[COUNTERS], txn, name, buf_as_span(&row));
	buf_free(&row);
	return err;
}

/* ---- known recipients: the account, NUL, a hash ---- */

static struct span
known_key(struct buf *key, struct span account, uint64_t hash)
{
	buf_reset(key);
	buf_span(key, account);
	buf_u8(key, 0);
	db_key_u64(key, hash);
	return buf_as_span(key);
}

/* is_new[i]: the account did not write to it before. */
static int
find_new(struct book *b, struct db_txn *txn, struct span account, const uint64_t *rcpts,
    size_t n, bool *is_new, uint32_t *n_new)
{
	struct buf key = {0}, value = {0};
	int err = E_OK;
	*n_new = 0;
	for (size_t i = 0; i < n && err == E_OK; i++) {
		err = db_get(b->shelf.tables[KNOWN], txn,
		    known_key(&key, account, rcpts[i]), &value);
		is_new[i] = err == E_BAD;
		*n_new += is_new[i];
		if (err == E_BAD)
			err = E_OK;
	}
	buf_free(&key);
	buf_free(&value);
	return err;
}

static int
learn(struct book *b, struct db_txn *txn, struct span account, const uint64_t *rcpts,
    size_t n, const bool *is_new)
{
	struct buf key = {0};
	int err = E_OK;
	for (size_t i = 0; i < n && err == E_OK; i++)
		if (is_new[i])
			err = db_put(b->shelf.tables[KNOWN], txn,
			    known_key(&key, account, rcpts[i]), SPAN("1"));
	buf_free(&key);
	return err;
}

/* Those from here on, at most so many, are forgotten; how many were is added to *n. */
static int
forget_from(struct book *b, struct db_txn *txn, struct span account, uint64_t at,
    size_t most, size_t *n)
{
	struct buf key = {0};
	struct db_cursor *c = NULL;
	struct span found, value;
	struct span from = known_key(&key, account, at);
	struct span prefix = span_head(from, account.n + 1);
	int err = db_cursor_open(b->shelf.tables[KNOWN], txn, &c);
	if (err == E_OK)
		err = db_seek(c, from, &found, &value);
	while (err == E_OK && *n < most && span_starts(found, prefix)) {
		err = db_cursor_del(c);
		++*n;
		if (err == E_OK)
			err = db_next(c, &found, &value);
	}
	db_cursor_close(&c);
	buf_free(&key);
	return err == E_BAD ? E_OK : err;
}

/* Hashes are as good as random: behind that of a new one stands any of the old ones. */
static int
forget_some(struct book *b, struct db_txn *txn, struct span account, uint64_t at,
    size_t most, struct counters *c)
{
	size_t n = 0;
	int err = forget_from(b, txn, account, at, most, &n);
	if (err == E_OK && n < most)
		err = forget_from(b, txn, account, 0, most, &n);
	c->n_known -= n < c->n_known ? (uint32_t)n : c->n_known;
	return err;
}

/* ---- a message ---- */

struct taking {
	struct span account, domain; /* domain: "@domain" */
	struct counters own, wide;
	uint32_t more[BUDGET_WHATS];
	bool is_new[BOOK_RCPTS_MOST];
};

static int
take(struct book *b, struct db_txn *txn, struct taking *t, const uint64_t *rcpts,
    size_t n, int64_t now_sec)
{
	int err = E_OK;
	if (t->own.n_known + t->more[BUDGET_NEW] > BOOK_KNOWN_MOST)
		err = forget_some(b, txn, t->account, rcpts[0],
		    t->own.n_known + t->more[BUDGET_NEW] - BOOK_KNOWN_MOST, &t->own);
	if (err == E_OK)
		err = learn(b, txn, t->account, rcpts, n, t->is_new);
	t->own.n_known += t->more[BUDGET_NEW];
	if (err == E_OK)
		err = write_counters(b, txn, t->account, t->more, now_sec, &t->own);
	if (err == E_OK)
		err = write_counters(b, txn, t->domain, t->more, now_sec, &t->wide);
	return err;
}

int
book_take(struct book *b, struct span account, const uint64_t *rcpts, size_t n,
    const struct budget *own, const struct budget *wide, int64_t now_sec,
    enum take *how, struct overrun *out)
{
	struct taking t = {
	    .account = account, .domain = span_from(account, span_rfind(account, '@'))};
	struct db_txn *txn = NULL;
	if (n == 0 || n > BOOK_RCPTS_MOST || account.n > BOOK_ACCOUNT_MAX)
		bug("a message without recipients, or too many");
	int err = db_begin(b->shelf.db, &txn);
	if (err == E_OK)
		err = read_counters(b, txn, t.account, now_sec, &t.own);
	if (err == E_OK)
		err = read_counters(b, txn, t.domain, now_sec, &t.wide);
	if (err == E_OK)
		err =
		    find_new(b, txn, account, rcpts, n, t.is_new, &t.more[BUDGET_NEW]);
	t.more[BUDGET_MESSAGES] = 1;
	t.more[BUDGET_RECIPIENTS] = (uint32_t)n;
	*how = !counters_fit(&t.own, t.more, own, out)     ? TAKE_OVER
	       : !counters_fit(&t.wide, t.more, wide, out) ? TAKE_OVER_DOMAIN
	                                                   : TAKE_OK;
	if (err == E_OK && *how == TAKE_OK)
		err = take(b, txn, &t, rcpts, n, now_sec);
	if (err == E_OK && *how == TAKE_OK) {
		b->has_unsynced = true;
		return failed(db_commit_written(&txn));
	}
	if (txn)
		db_abort(&txn);
	return failed(err);
}

/* ---- trips ---- */

int
book_trip_get(struct book *b, struct span account, struct trip *out)
{
	struct buf row = {0};
	int err = db_get(b->shelf.tables[TRIPS], NULL, account, &row);
	struct rd r = rd_of(buf_as_span(&row));
	if (err == E_OK && (trip_get(&r, out) != E_OK || rd_end(&r) != E_OK))
		err = E_IO;
	buf_free(&row);
	return failed(err);
}

/* One change, durable. */
static int
commit_now(struct book *b, struct db_txn **txn, int err)
{
	if (err != E_OK) {
		if (*txn)
			db_abort(txn);
		return failed(err);
	}
	err = db_commit(txn);
	if (err == E_OK)
		err = shelf_sync(&b->shelf);
	return err == E_OK ? E_OK : E_IO;
}

int
book_trip_put(struct book *b, struct span account, const struct trip *t)
{
	struct buf row = {0};
	struct db_txn *txn = NULL;
	trip_put(&row, t);
	int err = db_begin(b->shelf.db, &txn);
	if (err == E_OK)
		err = db_put(b->shelf.tables[TRIPS], txn, account, buf_as_span(&row));
	buf_free(&row);
	return commit_now(b, &txn, err);
}

int
book_trip_end(struct book *b, struct span account)
{
	struct buf row = {0};
	struct counters c;
	struct db_txn *txn = NULL;
	int err = db_begin(b->shelf.db, &txn);
	if (err == E_OK)
		err = db_del(b->shelf.tables[TRIPS], txn, account);
	if (err == E_OK)
		err = read_counters(b, txn, account, 0, &c);
	if (err == E_OK) {
		struct counters fresh = {.used_sec = c.used_sec, .n_known = c.n_known};
		counters_put(&row, &fresh);
		err =
		    db_put(b->shelf.tables[COUNTERS], txn, account, buf_as_span(&row));
	}
	buf_free(&row);
	return commit_now(b, &txn, err);
}

int
book_trips(struct book *b, struct span after,
    int (*fn)(void *ctx, struct span account, const struct trip *), void *ctx)
{
	struct db_cursor *c = NULL;
	struct span key, value;
	int err = db_cursor_open(b->shelf.tables[TRIPS], NULL, &c);
	if (err != E_OK)
		return E_IO;
	err = db_seek(c, after, &key, &value);
	if (err == E_OK && span_eq(key, after))
		err = db_next(c, &key, &value);
	while (err == E_OK) {
		struct trip t;
		struct rd r = rd_of(value);
		if (trip_get(&r, &t) == E_OK)
			err = fn(ctx, key, &t);
		if (err == E_OK)
			err = db_next(c, &key, &value);
	}
	db_cursor_close(&c);
	return err == E_BAD ? E_OK : err;
}

/* ---- now and then ---- */

void
book_sync(struct book *b)
{
	if (!b->has_unsynced)
		return;
	b->has_unsynced = false;
	if (shelf_sync(&b->shelf) != E_OK)
		log_event(LOG_ERR, "budgets_not_synced",
		    "do=\"look at the disk: counts may be lost with the host\"");
}

/* An account that has not sent for long, and to whom it wrote; a slice of them at once. */
static int
forget(struct book *b, struct span name)
{
	struct db_txn *txn = NULL;
	size_t n = 0;
	int err = db_begin(b->shelf.db, &txn);
	if (err == E_OK)
		err = forget_from(b, txn, name, 0, BOOK_RCPTS_MOST, &n);
	if (err == E_OK && n < BOOK_RCPTS_MOST)
		err = db_del(b->shelf.tables[COUNTERS], txn, name);
	if (err == E_OK || err == E_BAD) {
		b->has_unsynced = true;
		return db_commit(&txn);
	}
	if (txn)
		db_abort(&txn);
	return err;
}

/* The next one behind sweep_at that is to be forgotten, as it; false: none in this slice. */
static bool
find_old(struct book *b, int64_t now_sec)
{
	struct db_cursor *c = NULL;
	struct span key, value;
	struct counters one;
	bool is_old = false;
	int err = db_cursor_open(b->shelf.tables[COUNTERS], NULL, &c);
	if (err != E_OK)
		return false;
	err = db_seek(c, buf_as_span(&b->sweep_at), &key, &value);
	for (int i = 0; i < BOOK_SWEEP_ROWS && err == E_OK && !is_old; i++) {
		is_old = counters_get(value, &one) != E_OK ||
		         one.used_sec < now_sec - BOOK_FORGET_SEC;
		buf_reset(&b->sweep_at);
		buf_span(&b->sweep_at, key);
		if (!is_old)
			err = db_next(c, &key, &value);
	}
	if (err != E_OK)
		buf_reset(&b->sweep_at); /* the end: from the first again */
	db_cursor_close(&c);
	return is_old;
}

void
book_sweep(struct book *b, int64_t now_sec)
{
	if (find_old(b, now_sec) && forget(b, buf_as_span(&b->sweep_at)) != E_OK)
		log_event(LOG_ERR, "budget_not_forgotten", "of=%s",
		    log_q(buf_as_span(&b->sweep_at)));
}
