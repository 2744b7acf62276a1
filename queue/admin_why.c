/* SPDX-License-Identifier: ISC */
/* admin_why.c - what a message waits for. */
#include "queue/admin_why.h"

#include "base/clock.h"
#include "queue/admin_all.h"
#include "queue/retry.h"
#include "queue/sched.h"
#include "queue/suspend.h"

static enum admin_why
why_active(const struct message *m)
{
	switch (m->state) {
	case MSG_SYNCING:
		return WHY_CHECKPOINT;
	case MSG_REPORTING:
		return WHY_REPORT;
	case MSG_DEFERRING:
		return m->list ? WHY_FILE : WHY_ATTEMPT;
	default:
		return WHY_ATTEMPT;
	}
}

/* Until when its sender wants it held, by the wall clock; 0: it may go */
static int64_t
release_of_row(const struct index_row *row)
{
	const struct span lead = SPAN(RELEASE_REASON);
	int64_t sec = 0;
	for (uint32_t i = 0; i < row->entry.n_rcpts; i++) {
		struct span reason = row->entry.rcpts[i].reason;
		if (span_starts(reason, lead) &&
		    time3339_parse(span_from(reason, lead.n), &sec) == E_OK)
			return sec;
	}
	return 0;
}

static enum admin_why
why_row(const struct index_row *row)
{
	if (row->entry.state == ADMIN_HELD)
		return WHY_HELD;
	if (row->waits_for == rows_wait_for_deliver())
		return WHY_DELIVER;
	if (row->waits_for && row->due_sec > retry_now())
		return suspend_of_waits(row->waits_for) ? WHY_SUSPENDED
		                                        : WHY_DESTINATION;
	if (row->due_sec <= retry_now())
		return WHY_FETCH;
	return release_of_row(row) ? WHY_RELEASE : WHY_BACK_OFF;
}

static int64_t
life_of_row(const struct index_row *row)
{
	int64_t hold = release_of_row(row) - row->entry.arrived_sec;
	return (row->entry.sender.n ? the_sched.lifetime : the_sched.bounce_lifetime) +
	       (hold > 0 ? hold : 0);
}

/* When its lifetime ends; by the wall clock of now. */
static void
why_put(struct buf *b, enum admin_why why, int64_t first_sec, int64_t life_sec)
{
	buf_u8(b, 1);
	buf_u8(b, (uint8_t)why);
	buf_u64(b, (uint64_t)(clock_wall_sec() + first_sec + life_sec - retry_now()));
}

int
admin_ask_why(
    struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct arena arena = {.max_bytes = 1 << 20};
	struct index_row row;
	struct id id;
	(void)a, (void)fd, (void)fd_back;
	rd_id(body, &id);
	if (rd_end(body) != E_OK)
		return E_BAD;
	struct message *m = message_find(id);
	if (m) {
		why_put(reply, why_active(m), m->first_sec, message_life(m));
		admin_put_active(reply, m);
	} else if (index_get(the_sched.index, id, &arena, &row) == E_OK) {
		why_put(reply, why_row(&row), row.first_sec, life_of_row(&row));
		admin_put_row(reply, &row);
	} else {
		buf_u8(reply, 0);
	}
	arena_reset(&arena);
	return E_OK;
}
