/* SPDX-License-Identifier: ISC */
/* policies.c - rows of policies. */
#include "queue/sts/policies.h"

#include "base/log.h"
#include "db/shelf.h"
#include "net/dns.h"
#include "net/mta_sts.h"

struct policies {
	struct shelf shelf;    /* own */
	struct db_table *rows; /* domain -> row */
	struct db_table *due;  /* due_sec, domain -> nothing */
	struct db_table *used; /* used_sec, domain -> nothing */
	uint64_t most;
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

static const struct shelf_plan plan = {.below = "sts/policies",
    .tables = {"rows", "due", "used"},
    .damaged = "policies_damaged",
    .advice = "nothing: policies are fetched again"};

int
policies_open(const char *spool_dir, uint64_t most, struct policies **out)
{
	struct policies *x = mem_new(sizeof *x);
	x->most = most;
	if (shelf_open(&x->shelf, &plan, spool_dir) != E_OK) {
		policies_close(&x);
		return E_IO;
	}
	x->rows = x->shelf.tables[0];
	x->due = x->shelf.tables[1];
	x->used = x->shelf.tables[2];
	*out = x;
	return E_OK;
}

void
policies_close(struct policies **xp)
{
	if (!*xp)
		return;
	shelf_close(&(*xp)->shelf);
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

static int
drop_oldest(struct policies *x)
{
	struct buf domain = {0};
	int err = shelf_first(x->used, UINT64_MAX, &domain);
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
	int err = db_begin(x->shelf.db, &txn);
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
		x->shelf.n = x->shelf.n + (new != NULL) - (old != NULL);
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
	int err = had == E_BAD && x->shelf.n >= x->most ? drop_oldest(x) : E_OK;
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
	int err = shelf_first(x->due, (uint64_t)now_sec, &domain);
	if (err == E_OK)
		err = policies_get(x, buf_as_span(&domain), arena, out);
	buf_free(&domain);
	return err;
}

int
policies_sync(struct policies *x)
{
	return shelf_sync(&x->shelf);
}
