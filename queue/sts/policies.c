/* SPDX-License-Identifier: ISC */
/* policies.c - rows of policies. */
#include "queue/sts/policies.h"

#include "base/log.h"
#include "db/db.h"
#include "net/dns.h"
#include "net/mta_sts.h"

enum { CACHE_BYTES = 512 << 10, CHECKPOINT_BYTES = 1 << 20 };

struct policies {
	char *dir;             /* own */
	struct db *db;         /* own */
	struct db_table *rows; /* domain -> row */
	struct db_table *due;  /* due_sec, domain -> nothing */
	struct db_table *used; /* used_sec, domain -> nothing */
	uint64_t n, most;
};

/* ---- encoding ---- */

static void
row_put(struct buf *b, const struct policy_row *r)
{
	buf_u64(b, (uint64_t)r->ends_sec);
	buf_u64(b, (uint64_t)r->tried_sec);
	buf_u64(b, (uint64_t)r->used_sec);
	buf_u64(b, (uint64_t)r->due_sec);
	buf_u8(b, r->failure);
	buf_bytes(b, r->id);
	buf_bytes(b, span_head(r->why, POLICIES_WHY_MAX));
	buf_bytes(b, r->policy);
}

static int
row_get(struct span key, struct span bytes, struct policy_row *out)
{
	struct rd r = rd_of(bytes);
	*out = (struct policy_row){.domain = key, .ends_sec = (int64_t)rd_u64(&r)};
	out->tried_sec = (int64_t)rd_u64(&r);
	out->used_sec = (int64_t)rd_u64(&r);
	out->due_sec = (int64_t)rd_u64(&r);
	out->failure = rd_u8(&r);
	out->id = rd_str(&r, MTA_STS_ID_MAX);
	out->why = rd_str(&r, POLICIES_WHY_MAX);
	out->policy = rd_str(&r, POLICIES_TEXT_MAX);
	return rd_end(&r);
}

static void
time_key(struct buf *b, int64_t sec, struct span domain)
{
	buf_reset(b);
	db_key_u64(b, sec > 0 ? (uint64_t)sec : 0);
	buf_span(b, domain);
}

static void
lower_put(struct buf *b, struct span domain)
{
	for (size_t i = 0; i < domain.n; i++)
		buf_ch(b, ch_lower(domain.p[i]));
}

static int
row_copy(struct arena *arena, struct policy_row *r)
{
	struct policy_row was = *r;
	r->domain = arena_span(arena, was.domain);
	r->id = arena_span(arena, was.id);
	r->why = arena_span(arena, was.why);
	r->policy = arena_span(arena, was.policy);
	return r->domain.n == was.domain.n && r->policy.n == was.policy.n ? E_OK : E_IO;
}

/* ---- life ---- */

static int
open_tables(struct policies *x)
{
	struct db_cursor *c = NULL;
	struct span key, value;
	int err = db_open(x->dir, CACHE_BYTES, &x->db);
	if (err == E_OK)
		err = db_table_open(x->db, "rows", true, &x->rows);
	if (err == E_OK)
		err = db_table_open(x->db, "due", true, &x->due);
	if (err == E_OK)
		err = db_table_open(x->db, "used", true, &x->used);
	if (err == E_OK)
		err = db_cursor_open(x->due, NULL, &c);
	if (err != E_OK)
		return err;
	for (err = db_seek(c, SPAN(""), &key, &value); err == E_OK;
	     err = db_next(c, &key, &value))
		x->n++;
	db_cursor_close(&c);
	return err == E_BAD ? E_OK : err;
}

static int
renew(struct policies *x)
{
	struct buf aside = {0};
	int err = db_put_aside(&x->db, x->dir, &aside);
	log_event(LOG_ALERT, "policies_damaged",
	    "dir=%s aside=%s do=\"nothing: policies are fetched again\"",
	    log_qs(x->dir), log_qs(buf_cstr(&aside)));
	buf_free(&aside);
	x->n = 0;
	return err == E_OK ? open_tables(x) : err;
}

int
policies_open(const char *spool_dir, uint64_t most, struct policies **out)
{
	struct policies *x = mem_new(sizeof *x);
	struct buf dir = {0};
	buf_putf(&dir, "%s/sts/policies", spool_dir);
	x->dir = mem_dup(buf_cstr(&dir));
	x->most = most;
	buf_free(&dir);
	int err = open_tables(x);
	if (err == E_LIMIT && x->db && !db_is_damaged(x->db))
		err = E_IO; /* the disk is full */
	if (err == E_LIMIT)
		err = renew(x);
	if (err != E_OK) {
		policies_close(&x);
		return E_IO;
	}
	*out = x;
	return E_OK;
}

void
policies_close(struct policies **xp)
{
	if (!*xp)
		return;
	db_close(&(*xp)->db);
	mem_free(&(*xp)->dir);
	mem_free(xp);
}

/* ---- rows ---- */

static int
remove_in(struct policies *x, struct db_txn *txn, const struct policy_row *r)
{
	struct buf key = {0};
	time_key(&key, r->due_sec, r->domain);
	int err = db_del(x->due, txn, buf_as_span(&key));
	time_key(&key, r->used_sec, r->domain);
	if (err == E_OK || err == E_BAD)
		err = db_del(x->used, txn, buf_as_span(&key));
	if (err == E_OK || err == E_BAD)
		err = db_del(x->rows, txn, r->domain);
	buf_free(&key);
	return err;
}

static int
put_in(struct policies *x, struct db_txn *txn, const struct policy_row *r)
{
	struct buf key = {0}, value = {0};
	row_put(&value, r);
	int err = buf_done(&value);
	if (err == E_OK)
		err = db_put(x->rows, txn, r->domain, buf_as_span(&value));
	time_key(&key, r->due_sec, r->domain);
	if (err == E_OK)
		err = db_put(x->due, txn, buf_as_span(&key), SPAN(""));
	time_key(&key, r->used_sec, r->domain);
	if (err == E_OK)
		err = db_put(x->used, txn, buf_as_span(&key), SPAN(""));
	buf_free(&key);
	buf_free(&value);
	return err;
}

/*
 * The domain of the first key of a table of times, if that is not past most_sec.  E_OK, E_BAD
 * (none)
 */
static int
first_of(struct db_table *times, int64_t most_sec, struct buf *domain)
{
	struct db_cursor *c = NULL;
	struct span key, value;
	int err = db_cursor_open(times, NULL, &c);
	if (err != E_OK)
		return err;
	err = db_seek(c, SPAN(""), &key, &value);
	if (err == E_OK) {
		struct rd r = rd_of(key);
		if (rd_key_u64(&r) > (uint64_t)most_sec)
			err = E_BAD;
		else
			buf_span(domain, r.in);
	}
	db_cursor_close(&c);
	return err;
}

static int
drop_oldest(struct policies *x)
{
	struct buf domain = {0};
	int err = first_of(x->used, INT64_MAX, &domain);
	if (err == E_OK)
		err = policies_remove(x, buf_as_span(&domain));
	buf_free(&domain);
	return err;
}

/* The old row goes, the new one (NULL: none) comes, or nothing happens. */
static int
replace(struct policies *x, const struct policy_row *old, const struct policy_row *new)
{
	struct db_txn *txn;
	int err = db_begin(x->db, &txn);
	if (err != E_OK)
		return err;
	if (old)
		err = remove_in(x, txn, old);
	if (err == E_OK && new)
		err = put_in(x, txn, new);
	if (err == E_OK)
		err = db_commit(&txn);
	else
		db_abort(&txn);
	if (err == E_OK)
		x->n = x->n + (new != NULL) - (old != NULL);
	return err;
}

/* What is there of it, into bytes.  E_OK, E_BAD */
static int
find(struct policies *x, struct span key, struct buf *bytes, struct policy_row *out)
{
	int err = db_get(x->rows, NULL, key, bytes);
	return err == E_OK ? row_get(key, buf_as_span(bytes), out) : err;
}

int
policies_put(struct policies *x, const struct policy_row *row)
{
	struct policy_row old, new = *row;
	struct buf key = {0}, bytes = {0};
	lower_put(&key, row->domain);
	new.domain = buf_as_span(&key);
	int had = find(x, new.domain, &bytes, &old);
	int err = had == E_BAD && x->n >= x->most ? drop_oldest(x) : E_OK;
	if (err == E_OK && had != E_OK && had != E_BAD)
		err = had;
	if (err == E_OK)
		err = replace(x, had == E_OK ? &old : NULL, &new);
	buf_free(&key);
	buf_free(&bytes);
	return err;
}

int
policies_get(
    struct policies *x, struct span domain, struct arena *arena, struct policy_row *out)
{
	struct buf key = {0}, bytes = {0};
	lower_put(&key, domain);
	int err = find(x, buf_as_span(&key), &bytes, out);
	if (err == E_OK)
		err = row_copy(arena, out);
	buf_free(&key);
	buf_free(&bytes);
	return err;
}

int
policies_remove(struct policies *x, struct span domain)
{
	struct policy_row row;
	struct buf key = {0}, bytes = {0};
	lower_put(&key, domain);
	int err = find(x, buf_as_span(&key), &bytes, &row);
	if (err == E_OK)
		err = replace(x, &row, NULL);
	buf_free(&key);
	buf_free(&bytes);
	return err;
}

int
policies_due(
    struct policies *x, int64_t now_sec, struct arena *arena, struct policy_row *out)
{
	struct buf domain = {0};
	int err = first_of(x->due, now_sec, &domain);
	if (err == E_OK)
		err = policies_get(x, buf_as_span(&domain), arena, out);
	buf_free(&domain);
	return err;
}

int
policies_sync(struct policies *x)
{
	int err = db_sync(x->db);
	return err == E_OK ? db_checkpoint(x->db, CHECKPOINT_BYTES) : err;
}
