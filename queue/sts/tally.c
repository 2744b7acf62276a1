/* SPDX-License-Identifier: ISC */
/* tally.c - rows of results: first in memory, then in the table, a row for a domain and a day. */
#include "queue/sts/tally.h"

#include "base/log.h"
#include "db/shelf.h"
#include "tls/hash.h"

/* Sessions that came out the same. */
struct fresh {
	uint32_t day;
	uint64_t count;
	struct buf note; /* own: as sts_note_put writes it */
};

struct tally {
	struct shelf shelf;    /* own */
	struct db_table *rows; /* day, domain -> row */
	struct db_table *due;  /* due_sec, day, domain -> nothing */
	uint64_t most;
	struct buf salt; /* own */
	struct fresh fresh[TALLY_FRESH_MOST];
	size_t n_fresh;
	bool is_full_said;
};

uint32_t
tally_day(int64_t wall_sec)
{
	return wall_sec > 0 ? (uint32_t)(wall_sec / TALLY_DAY_SEC) : 0;
}

/* ---- encoding ---- */

static void
failure_put(struct buf *b, const struct tally_failure *f)
{
	const struct span texts[] = {f->source, f->host, f->address, f->helo, f->why};
	buf_u8(b, f->outcome);
	buf_u64(b, f->count);
	for (size_t i = 0; i < COUNT(texts); i++)
		buf_bytes(b, texts[i]);
}

static void
failure_get(struct rd *r, struct tally_failure *f)
{
	struct span *texts[] = {&f->source, &f->host, &f->address, &f->helo, &f->why};
	f->outcome = rd_u8(r);
	f->count = rd_u64(r);
	for (size_t i = 0; i < COUNT(texts); i++)
		*texts[i] = rd_str(r, STS_TEXT_MAX);
}

static void
policy_put(struct buf *b, const struct tally_policy *p)
{
	buf_u8(b, p->policy);
	buf_bytes(b, p->lines);
	buf_bytes(b, p->hosts);
	buf_u64(b, p->n_fine);
	buf_u64(b, p->n_failed);
	buf_u8(b, (uint8_t)p->n_failures);
	for (size_t i = 0; i < p->n_failures; i++)
		failure_put(b, &p->failures[i]);
}

static int
policy_get(struct rd *r, struct tally_policy *p)
{
	p->policy = rd_u8(r);
	p->lines = rd_str(r, STS_POLICY_LINES_MAX);
	p->hosts = rd_str(r, STS_POLICY_LINES_MAX);
	p->n_fine = rd_u64(r);
	p->n_failed = rd_u64(r);
	p->n_failures = rd_u8(r);
	if (r->err != E_OK || p->n_failures > TALLY_FAILURES_MOST ||
	    p->policy > TLS_POLICY_STS)
		return E_BAD;
	for (size_t i = 0; i < p->n_failures; i++)
		failure_get(r, &p->failures[i]);
	return r->err;
}

static void
row_put(struct buf *b, const struct tally_row *row)
{
	buf_u64(b, (uint64_t)row->due_sec);
	buf_u64(b, (uint64_t)row->first_sec);
	buf_u32(b, row->attempts);
	buf_u8(b, (uint8_t)row->n_policies);
	for (size_t i = 0; i < row->n_policies; i++)
		policy_put(b, &row->policies[i]);
}

/* Of row->key and row->bytes. */
static int
row_get(struct tally_row *row)
{
	struct rd key = rd_of(buf_as_span(&row->key)),
		  r = rd_of(buf_as_span(&row->bytes));
	row->day = rd_key_u32(&key);
	row->domain = key.in;
	row->due_sec = (int64_t)rd_u64(&r);
	row->first_sec = (int64_t)rd_u64(&r);
	row->attempts = rd_u32(&r);
	row->n_policies = rd_u8(&r);
	if (r.err != E_OK || row->n_policies > TALLY_POLICIES_MOST)
		return E_BAD;
	for (size_t i = 0; i < row->n_policies; i++)
		if (policy_get(&r, &row->policies[i]) != E_OK)
			return E_BAD;
	return rd_end(&r);
}

void
tally_row_done(struct tally_row *row)
{
	buf_free(&row->key);
	buf_free(&row->bytes);
}

static void
due_key(struct buf *b, int64_t due_sec, struct span key)
{
	buf_reset(b);
	db_key_u64(b, due_sec > 0 ? (uint64_t)due_sec : 0);
	buf_span(b, key);
}

/* ---- life ---- */

static const struct shelf_plan plan = {.below = "sts/results",
    .tables = {"rows", "due"},
    .damaged = "tls_results_damaged",
    .advice = "nothing: counting begins anew"};

static void
tally_free(struct tally **xp)
{
	for (size_t i = 0; i < TALLY_FRESH_MOST; i++)
		buf_free(&(*xp)->fresh[i].note);
	shelf_close(&(*xp)->shelf);
	buf_free(&(*xp)->salt);
	mem_free(xp);
}

int
tally_open(
    const char *spool_dir, uint64_t rows_most, struct span salt, struct tally **out)
{
	struct tally *x = mem_new(sizeof *x);
	x->most = rows_most;
	buf_span(&x->salt, salt);
	if (shelf_open(&x->shelf, &plan, spool_dir) != E_OK) {
		tally_free(&x);
		return E_IO;
	}
	x->rows = x->shelf.tables[0];
	x->due = x->shelf.tables[1];
	*out = x;
	return E_OK;
}

void
tally_close(struct tally **xp)
{
	if (!*xp)
		return;
	if (tally_flush(*xp) != E_OK)
		log_event(LOG_ERR, "tls_results_not_kept", "%s", "");
	tally_free(xp);
}

/* ---- rows ---- */

/* E_OK, E_BAD: there is none */
static int
read_row(struct tally *x, struct span key, struct tally_row *out)
{
	buf_reset(&out->key);
	buf_span(&out->key, key);
	int err = db_get(x->rows, NULL, buf_as_span(&out->key), &out->bytes);
	return err == E_OK ? row_get(out) : err;
}

/* In place of what was there under its key; was_due_sec: of that, -1: there was none. */
static int
write_row(struct tally *x, struct db_txn *txn, const struct tally_row *row,
    int64_t was_due_sec)
{
	struct buf due = {0}, value = {0};
	struct span key = buf_as_span(&row->key);
	row_put(&value, row);
	int err = buf_done(&value);
	if (err == E_OK)
		err = db_put(x->rows, txn, key, buf_as_span(&value));
	if (err == E_OK && was_due_sec >= 0 && was_due_sec != row->due_sec) {
		due_key(&due, was_due_sec, key);
		err = db_del(x->due, txn, buf_as_span(&due));
	}
	if ((err == E_OK || err == E_BAD) && was_due_sec != row->due_sec) {
		due_key(&due, row->due_sec, key);
		err = db_put(x->due, txn, buf_as_span(&due), SPAN(""));
	}
	buf_free(&due);
	buf_free(&value);
	return err;
}

static int
commit(struct tally *x, struct db_txn **txn, int err)
{
	if (err != E_OK) {
		db_abort(txn);
		return err;
	}
	err = db_commit(txn);
	return err == E_OK ? shelf_sync(&x->shelf) : err;
}

/* ---- counting ---- */

/*
 * Of the day's end, and of this host and this domain: nobody gets all reports of a day at once (RFC
 * 8460 4.1).
 */
static int64_t
due_of(const struct tally *x, const struct tally_row *row)
{
	unsigned char sum[SHA256_BYTES];
	struct buf b = {0};
	buf_bytes(&b, buf_as_span(&x->salt));
	buf_span(&b, buf_as_span(&row->key));
	sha256(buf_as_span(&b), sum);
	buf_free(&b);
	struct rd r = rd_of(span_make(sum, sizeof sum));
	return ((int64_t)row->day + 1) * TALLY_DAY_SEC + TALLY_DELAY_LEAST_SEC +
	       rd_u32(&r) % (TALLY_DELAY_MOST_SEC - TALLY_DELAY_LEAST_SEC);
}

static bool
is_failure_of(const struct tally_failure *f, const struct sts_note *n)
{
	return f->outcome == n->outcome && span_eq(f->source, n->source) &&
	       span_eq(f->host, n->host) && span_eq(f->address, n->address) &&
	       span_eq(f->helo, n->helo) && span_eq(f->why, n->why);
}

static void
count_failure(
    struct tally_policy *p, const struct sts_note *n, uint64_t count, bool has_room)
{
	size_t i = 0;
	p->n_failed += count;
	while (i < p->n_failures && !is_failure_of(&p->failures[i], n))
		i++;
	if (i == p->n_failures && (!has_room || i == TALLY_FAILURES_MOST))
		return;
	if (i == p->n_failures)
		p->failures[p->n_failures++] =
		    (struct tally_failure){.outcome = (uint8_t)n->outcome,
			.source = n->source,
			.host = n->host,
			.address = n->address,
			.helo = n->helo,
			.why = n->why};
	p->failures[i].count += count;
}

/* What borrows from the note is written before that goes. */
static void
count(struct tally_row *row, const struct sts_note *n, uint64_t count, bool has_room)
{
	size_t i = 0;
	while (i < row->n_policies && !(row->policies[i].policy == n->policy &&
					  span_eq(row->policies[i].lines, n->lines) &&
					  span_eq(row->policies[i].hosts, n->hosts)))
		i++;
	if (i == row->n_policies && (!has_room || i == TALLY_POLICIES_MOST))
		return;
	struct tally_policy *p = &row->policies[i];
	if (i == row->n_policies) {
		*p = (struct tally_policy){
		    .policy = (uint8_t)n->policy, .lines = n->lines, .hosts = n->hosts};
		row->n_policies++;
	}
	if (n->outcome == TLS_FINE)
		p->n_fine += count;
	else
		count_failure(p, n, count, has_room);
}

static void
say_full(struct tally *x)
{
	if (!x->is_full_said)
		log_event(LOG_WARNING, "tls_results_full",
		    "rows=%llu do=\"nothing: other domains are not counted until "
		    "reports are sent\"",
		    (unsigned long long)x->shelf.n);
	x->is_full_said = true;
}

static int
put_fresh(struct tally *x, const struct fresh *f, struct tally_row *row)
{
	struct rd r = rd_of(buf_as_span(&f->note));
	struct buf key = {0};
	struct sts_note n;
	struct db_txn *txn;
	if (sts_note_get(&r, &n) != E_OK)
		bug("a note that became another one");
	db_key_u32(&key, f->day);
	for (size_t i = 0; i < n.domain.n; i++)
		buf_ch(&key, ch_lower(n.domain.p[i]));
	int had = read_row(x, buf_as_span(&key), row);
	buf_free(&key);
	if (had == E_BAD && x->shelf.n >= x->most) {
		say_full(x);
		return E_OK;
	}
	if (had == E_BAD) {
		*row = (struct tally_row){
		    .day = f->day, .key = row->key, .bytes = row->bytes};
		row->due_sec = due_of(x, row);
	}
	int err = had == E_BAD ? E_OK : had;
	if (err != E_OK)
		return err;
	count(row, &n, f->count, row->bytes.len + f->note.len <= TALLY_ROW_BYTES_MAX);
	err = db_begin(x->shelf.db, &txn);
	if (err == E_OK)
		err = write_row(x, txn, row, had == E_OK ? row->due_sec : -1);
	if (err == E_OK)
		err = db_commit(&txn);
	else
		db_abort(&txn);
	x->shelf.n += err == E_OK && had == E_BAD;
	return err;
}

int
tally_flush(struct tally *x)
{
	struct tally_row *row = mem_new(sizeof *row);
	int err = E_OK;
	for (size_t i = 0; i < x->n_fresh && err == E_OK; i++)
		err = put_fresh(x, &x->fresh[i], row);
	if (err == E_OK && x->n_fresh)
		err = shelf_sync(&x->shelf);
	x->n_fresh = 0;
	tally_row_done(row);
	mem_free(&row);
	return err;
}

bool
tally_add(struct tally *x, uint32_t day, const struct sts_note *note)
{
	struct buf b = {0};
	sts_note_put(&b, note);
	for (size_t i = 0; i < x->n_fresh; i++)
		if (x->fresh[i].day == day &&
		    span_eq(buf_as_span(&x->fresh[i].note), buf_as_span(&b))) {
			x->fresh[i].count++;
			buf_free(&b);
			return false;
		}
	if (x->n_fresh == TALLY_FRESH_MOST && tally_flush(x) != E_OK)
		log_event(LOG_ERR, "tls_results_not_kept", "%s", "");
	struct fresh *f = &x->fresh[x->n_fresh++];
	buf_free(&f->note);
	*f = (struct fresh){.day = day, .count = 1, .note = b};
	return x->n_fresh == 1;
}

/* ---- what is due ---- */

int
tally_due(struct tally *x, int64_t now_sec, struct tally_row *out)
{
	struct buf which = {0};
	int err = shelf_first(x->due, (uint64_t)now_sec, &which);
	if (err == E_OK)
		err = read_row(x, buf_as_span(&which), out);
	buf_free(&which);
	return err;
}

int
tally_later(struct tally *x, struct tally_row *row, int64_t now_sec, int64_t due_sec)
{
	struct db_txn *txn;
	int64_t was = row->due_sec;
	row->due_sec = due_sec;
	row->attempts++;
	if (!row->first_sec)
		row->first_sec = now_sec;
	int err = db_begin(x->shelf.db, &txn);
	return err == E_OK ? commit(x, &txn, write_row(x, txn, row, was)) : err;
}

int
tally_remove(struct tally *x, const struct tally_row *row)
{
	struct buf due = {0};
	struct db_txn *txn;
	int err = db_begin(x->shelf.db, &txn);
	if (err != E_OK)
		return err;
	due_key(&due, row->due_sec, buf_as_span(&row->key));
	err = db_del(x->due, txn, buf_as_span(&due));
	if (err == E_OK || err == E_BAD)
		err = db_del(x->rows, txn, buf_as_span(&row->key));
	err = commit(x, &txn, err);
	x->shelf.n -= err == E_OK;
	x->is_full_said = false;
	buf_free(&due);
	return err;
}

int
tally_next(struct tally *x, uint32_t day, struct span domain, struct tally_row *out)
{
	struct db_cursor *c = NULL;
	struct span key, value;
	struct buf from = {0}, found = {0};
	int err = tally_flush(x);
	if (err == E_OK)
		err = db_cursor_open(x->rows, NULL, &c);
	if (err != E_OK)
		return err;
	db_key_u32(&from, day);
	buf_span(&from, domain);
	buf_ch(&from, '\0'); /* the first that is larger */
	err = db_seek(c, buf_as_span(&from), &key, &value);
	if (err == E_OK)
		buf_span(&found, key);
	db_cursor_close(&c);
	if (err == E_OK)
		err = read_row(x, buf_as_span(&found), out);
	buf_free(&from);
	buf_free(&found);
	return err;
}

int
tally_hurry(struct tally *x, int64_t now_sec, uint32_t *n)
{
	struct tally_row *row = mem_new(sizeof *row);
	struct buf domain = {0};
	uint32_t day = 0;
	int err = E_OK;
	*n = 0;
	while (err == E_OK && tally_next(x, day, buf_as_span(&domain), row) == E_OK &&
	       row->day < tally_day(now_sec)) {
		struct db_txn *txn;
		int64_t was = row->due_sec;
		day = row->day;
		buf_reset(&domain);
		buf_span(&domain, row->domain);
		row->due_sec = was < now_sec ? was : now_sec;
		err = db_begin(x->shelf.db, &txn);
		if (err == E_OK)
			err = write_row(x, txn, row, was);
		if (err == E_OK)
			err = db_commit(&txn);
		else
			db_abort(&txn);
		*n += err == E_OK;
	}
	if (err == E_OK)
		err = db_sync(x->shelf.db);
	tally_row_done(row);
	mem_free(&row);
	buf_free(&domain);
	return err;
}
