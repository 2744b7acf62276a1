/* SPDX-License-Identifier: ISC */
/* rows.c - what the index says of deferred messages that are not in memory. */
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "metrics/metric.h"
#include "queue/held.h"
#include "queue/retry.h"
#include "queue/sched.h"
#include "queue/suspend.h"

enum {
	RELIST_EVERY_MS = 10000,
	MEASURE_ROWS = 2000, /* are counted each tick */
	NAMES_FEW = 256,     /* were said: the next ones are asked for at once */
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
	log_event(LOG_ERR, "row_not_written",
	    "mid=%s do=\"nothing: it is found by its name\"", id_text(row->id));
	return false;
}

void
rows_flush(void)
{
	if (!has_unsynced_rows) {
		if (index_tidy(the_sched.index) != E_OK)
			log_event(LOG_ERR, "index_not_tidied", "do=\"%s\"",
			    "nothing: it is tried again");
		return;
	}
	has_unsynced_rows = false;
	if (index_sync(the_sched.index) != E_OK)
		log_event(LOG_ERR, "index_not_synced",
		    "do=\"nothing: rows are found by name at the next start\"");
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
change(struct id id, bool is_wanted(const struct index_row *),
    void fn(struct index_row *), const char *event)
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
	row->waits_for = 0;
}

static void
row_release(struct index_row *row)
{
	row->entry.state = ADMIN_DEFERRED;
	row->due_sec = retry_now();
	row->waits_for = 0;
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

/*
 * A file without a row: one that a crash left between the two, or all after the index was damaged.
 */
static void
adopt(struct id id)
{
	struct arena arena = {.max_bytes = 1 << 20};
	struct index_row row;
	int err =
	    message_find(id) ? E_OK : index_get(the_sched.index, id, &arena, &row);
	arena_reset(&arena);
	if (err != E_BAD)
		return;
	row = (struct index_row){.id = id,
	    .due_sec = retry_now(),
	    .first_sec = retry_now(),
	    .entry = {.id = id, .state = ADMIN_DEFERRED}};
	if (rows_put(&row))
		log_event(LOG_NOTICE, "file_without_row", "mid=%s", id_text(id));
}

static struct {
	uint16_t folder; /* that is read next */
	size_t n;        /* names that came since it was asked for */
	bool is_due;     /* it is to be asked for at the next tick */
	bool is_under_way;
	bool is_again; /* from the first, when the last was read */
} names;

static void
ask_names(void)
{
	struct buf b = {0};
	buf_u16(&b, names.folder);
	names.n = 0;
	names.is_due = false;
	sched_tell(SCHED_LIST, &b);
}

void
rows_list(void)
{
	names.is_again = names.is_under_way;
	if (names.is_under_way)
		return;
	names.is_under_way = true;
	names.folder = 0;
	ask_names();
}

/* The next folder: at once, where there was little to compare. */
static void
names_ended(uint16_t folder)
{
	names.folder = folder;
	if (folder < LIST_FOLDERS) {
		names.is_due = names.n > NAMES_FEW;
		if (!names.is_due)
			ask_names();
		return;
	}
	log_event(LOG_INFO, "names_read", "%s", "");
	names.is_under_way = false;
	if (names.is_again)
		rows_list();
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
	names.n += n;
	if (n == 0)
		names_ended(rd_u16(body));
}

void
rows_relist(void)
{
	struct sched *s = &the_sched;
	int64_t now = clock_mono_ms();
	bool is_damaged = index_is_damaged(s->index);
	if (names.is_due)
		ask_names();
	if (!s->is_replayed || now < relist_ms || !(has_lost_rows || is_damaged))
		return;
	relist_ms = now + RELIST_EVERY_MS;
	has_lost_rows = false;
	if (is_damaged && index_renew(s->index) != E_OK)
		_exit(EX_CANTCREAT); /* the next one finds a better world */
	if (is_damaged) {
		suspend_renew();
		held_renew();
	}
	rows_list();
}

uint64_t
rows_wait_for_deliver(void)
{
	return index_name(SPAN("deliver"));
}

void
rows_deliver_is_there(void)
{
	struct id ids[INDEX_WAITING_MOST];
	for (size_t room; the_sched.index && (room = defer_room(COUNT(ids)));) {
		size_t n =
		    index_waiting(the_sched.index, rows_wait_for_deliver(), ids, room);
		if (!n || !defer_fetch(ids, n))
			break;
	}
}

/* In slices: where they are many, a walk through all takes minutes. */
void
rows_measure(void)
{
	if (!the_sched.index)
		return;
	index_walk(the_sched.index, MEASURE_ROWS);
	struct index_census c = index_census(the_sched.index);
	metric_set(M_QUEUE_MESSAGES + METRIC_IN_DEFERRED, c.n - c.n_held);
	metric_set(M_QUEUE_MESSAGES + METRIC_HELD, c.n_held);
	int64_t age_sec = retry_now() - c.oldest_sec;
	metric_set(M_QUEUE_OLDEST,
	    c.oldest_sec != INT64_MAX ? (uint64_t)(clock_wall_sec() - age_sec) : 0);
}
