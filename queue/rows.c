/* SPDX-License-Identifier: ISC */
/* rows.c - what the index says of deferred messages that are not in memory. */
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "metrics/metric.h"
#include "queue/retry.h"
#include "queue/sched.h"

enum {
	RELIST_EVERY_MS = 10000,
	MEASURE_EVERY_MS = 1000,
	MEASURE_SHARE = 200, /* of the time, one part at most */
};

static bool has_unsynced_rows;
static bool has_lost_rows; /* some file in deferred/ has none */
static int64_t relist_ms;  /* not before; monotonic */

bool
rows_put(const struct index_row *row)
{
	int err = index_put(the_sched.index, row);
	has_unsynced_rows = true;
	if (err == E_OK)
		return true;
	has_lost_rows = true;
	log_event(LOG_ERR, "row_not_written", "mid=%s do=\"nothing: it is found by its name\"", id_text(row->id));
	return false;
}

void
rows_flush(void)
{
	if (!has_unsynced_rows)
		return;
	has_unsynced_rows = false;
	if (index_sync(the_sched.index) != E_OK)
		log_event(LOG_ERR, "index_not_synced", "do=\"nothing: rows are found by name at the next start\"");
}

/* ---- an admin ---- */

void
rows_tell_held(struct id id, bool is_held)
{
	struct buf b = {0};
	buf_put(&b, id.b, ID_BYTES);
	buf_u8(&b, is_held);
	sched_tell(SCHED_HOLD, &b);
}

bool
rows_remove(struct id id)
{
	struct arena arena = {.max_bytes = 1 << 20};
	struct index_row row;
	struct buf b = {0};
	int err = index_get(the_sched.index, id, &arena, &row);
	arena_reset(&arena);
	if (err != E_OK || index_remove(the_sched.index, id) != E_OK)
		return false;
	defer_forget(id);
	has_unsynced_rows = true;
	log_event(LOG_NOTICE, "removed", "mid=%s", id_text(id));
	buf_u16(&b, 1);
	buf_put(&b, id.b, ID_BYTES);
	sched_tell(SCHED_DONE, &b);
	return true;
}

/* Its row changes, durably, and its file follows. */
static bool
change(struct id id, bool is_wanted(const struct index_row *), void fn(struct index_row *), const char *event)
{
	struct arena arena = {.max_bytes = 1 << 20};
	struct index_row row;
	bool is_done = false;
	if (index_get(the_sched.index, id, &arena, &row) == E_OK && is_wanted(&row)) {
		bool was_held = row.entry.state == ADMIN_HELD;
		fn(&row);
		bool is_held = row.entry.state == ADMIN_HELD;
		is_done = index_put(the_sched.index, &row) == E_OK;
		has_unsynced_rows = true;
		if (is_done && is_held != was_held)
			rows_tell_held(id, is_held);
		if (is_done)
			log_event(LOG_NOTICE, event, "mid=%s", id_text(id));
	}
	arena_reset(&arena);
	return is_done;
}

static bool
is_held(const struct index_row *row)
{
	return row->entry.state == ADMIN_HELD;
}

static bool
is_not_held(const struct index_row *row)
{
	return row->entry.state != ADMIN_HELD;
}

static bool
is_any(const struct index_row *row)
{
	(void)row;
	return true;
}

static void
row_hold(struct index_row *row)
{
	row->entry.state = ADMIN_HELD;
	row->due_sec = HELD_DUE_SEC;
	row->waits_for_deliver = 0;
}

static void
row_release(struct index_row *row)
{
	row->entry.state = ADMIN_DEFERRED;
	row->due_sec = retry_now();
	row->waits_for_deliver = 0;
}

static void
row_begin_anew(struct index_row *row)
{
	row_release(row);
	row->first_sec = retry_now();
	row->entry.attempts = 0;
}

bool
rows_hold(struct id id)
{
	return change(id, is_not_held, row_hold, "held");
}

bool
rows_release(struct id id)
{
	return change(id, is_held, row_release, "released");
}

bool
rows_requeue(struct id id)
{
	return change(id, is_any, row_begin_anew, "requeued");
}

/* ---- files without rows, rows that are due early ---- */

/* A file without a row: one that a crash left between the two, or all after the index was damaged. */
static void
adopt(struct id id)
{
	struct arena arena = {.max_bytes = 1 << 20};
	struct index_row row;
	int err = message_find(id) ? E_OK : index_get(the_sched.index, id, &arena, &row);
	arena_reset(&arena);
	if (err != E_BAD)
		return;
	row = (struct index_row){.id = id, .due_sec = retry_now(), .first_sec = retry_now(),
	    .entry = {.id = id, .state = ADMIN_DEFERRED}};
	if (rows_put(&row))
		log_event(LOG_NOTICE, "file_without_row", "mid=%s", id_text(id));
}

void
rows_names(struct rd *body)
{
	uint16_t n = rd_u16(body);
	for (uint16_t i = 0; i < n && body->err == E_OK; i++) {
		struct id id;
		rd_id(body, &id);
		if (body->err == E_OK)
			adopt(id);
	}
}

void
rows_relist(void)
{
	struct sched *s = &the_sched;
	int64_t now = clock_mono_ms();
	bool is_damaged = index_is_damaged(s->index);
	if (!s->is_replayed || now < relist_ms || !(has_lost_rows || is_damaged))
		return;
	relist_ms = now + RELIST_EVERY_MS;
	has_lost_rows = false;
	if (is_damaged && index_renew(s->index) != E_OK)
		_exit(EX_CANTCREAT); /* the next one finds a better world */
	sched_tell(SCHED_LIST, &(struct buf){.p = NULL});
}

struct waking {
	struct id ids[1024];
	size_t n;
};

static int
on_row(void *ctx, const struct index_row *row)
{
	struct waking *w = ctx;
	if (row->waits_for_deliver && w->n < COUNT(w->ids))
		w->ids[w->n++] = row->id;
	return E_OK;
}

void
rows_deliver_is_there(void)
{
	static struct waking w;
	do {
		w.n = 0;
		if (!the_sched.index || index_each(the_sched.index, on_row, &w) != E_OK)
			return;
		for (size_t i = 0; i < w.n; i++)
			if (index_reschedule(the_sched.index, w.ids[i], retry_now()) != E_OK)
				return;
	} while (w.n == COUNT(w.ids));
}

/* ---- how many there are ---- */

struct census {
	uint64_t n_deferred, n_held;
	int64_t oldest_sec; /* queue time */
};

static int
count_row(void *ctx, const struct index_row *row)
{
	struct census *c = ctx;
	if (row->entry.state == ADMIN_HELD) {
		c->n_held++;
		return E_OK;
	}
	c->n_deferred++;
	if (row->first_sec < c->oldest_sec)
		c->oldest_sec = row->first_sec;
	return E_OK;
}

/* All rows are read for it: often where they are few, seldom where that takes long. */
void
rows_measure(void)
{
	static int64_t again_ms;
	struct census c = {.oldest_sec = INT64_MAX};
	int64_t begun_ms = clock_mono_ms();
	if (begun_ms < again_ms || !the_sched.index || index_each(the_sched.index, count_row, &c) != E_OK)
		return;
	metric_set(M_QUEUE_MESSAGES + METRIC_IN_DEFERRED, c.n_deferred);
	metric_set(M_QUEUE_MESSAGES + METRIC_HELD, c.n_held);
	int64_t age_sec = retry_now() - c.oldest_sec;
	metric_set(M_QUEUE_OLDEST, c.n_deferred ? (uint64_t)(clock_wall_sec() - age_sec) : 0);
	int64_t took_ms = clock_mono_ms() - begun_ms;
	again_ms = begun_ms + (took_ms * MEASURE_SHARE > MEASURE_EVERY_MS ? took_ms * MEASURE_SHARE : MEASURE_EVERY_MS);
}
