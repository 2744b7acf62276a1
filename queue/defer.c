/* SPDX-License-Identifier: ISC */
/* defer.c - into deferral and out of it: first the spool has its file, then the index its row. */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "queue/backoff.h"
#include "queue/retry.h"
#include "queue/sched.h"

static const char no_deliver[] = "4.3.2 local delivery is not running";

enum { UNFILED_WAIT_MS = 5000 }; /* the disk may be full */

/* ---- into deferral ---- */

/* As its file or a mark says it. */
static uint8_t
state_of(const struct message *m, uint32_t i)
{
	static const uint8_t sent[BOUNCE_ACTIONS] = {
	    [ACTION_DELIVERED] = RCPT_DELIVERED,
	    [ACTION_RELAYED] = RCPT_RELAYED,
	    [ACTION_EXPANDED] = RCPT_EXPANDED};
	const struct work *w = &m->works[i];
	if (w->step == STEP_DONE)
		return RCPT_DONE;
	if (w->step == STEP_SENT)
		return sent[w->owes];
	return (m->is_held ? RCPT_HELD : RCPT_WAITING) |
	       (m->envelope.rcpts[i].state & RCPT_BESIDE);
}

static void
say_defer(struct message *m)
{
	struct buf b = {0};
	buf_u16(&b, 1);
	buf_put(&b, m->envelope.id.b, ID_BYTES);
	buf_u16(&b, (uint16_t)m->envelope.n_rcpts);
	for (uint32_t i = 0; i < m->envelope.n_rcpts; i++)
		buf_u8(&b, state_of(m, i));
	m->has_held_file = m->is_held;
	sched_tell(SCHED_DEFER, &b);
}

/*
 * Marks of recipients that became done or sent since its record or file was written; they are said
 * to be from now on.
 */
static uint16_t
newly_done(struct message *m, struct buf *marks)
{
	uint16_t n = 0;
	for (uint32_t i = 0; i < m->envelope.n_rcpts; i++) {
		uint8_t state = state_of(m, i);
		if (m->works[i].step < STEP_SENT || m->envelope.rcpts[i].state == state)
			continue;
		m->envelope.rcpts[i].state = state;
		buf_u16(marks, mark_make(i, state));
		n++;
	}
	return n;
}

/*
 * A host that refuses the first attempt of everybody takes the second one, when it is not too soon.
 */
static bool
is_greylisted(const struct message *m)
{
	bool is_any = false;
	for (uint32_t i = 0; i < m->envelope.n_rcpts; i++) {
		if (m->works[i].step != STEP_LATER)
			continue;
		if (backoff_class(span_of(m->works[i].reason)) != BACKOFF_GREYLIST)
			return false;
		is_any = true;
	}
	return is_any && m->attempts == 0;
}

static int64_t
delay_of(const struct message *m)
{
	int64_t first = the_sched.retry_first;
	if (first > the_sched.retry_greylist && is_greylisted(m))
		first = the_sched.retry_greylist;
	return retry_delay(m->attempts, first, the_sched.retry_most);
}

static void
row_of(const struct message *m, struct index_row *out)
{
	*out = (struct index_row){.id = m->envelope.id,
	    .first_sec = m->first_sec,
	    .due_sec = retry_now() + delay_of(m)};
	bool was_attempt = !m->is_held && (m->was_tried || !m->wait_sec);
	if (m->wait_sec && (!was_attempt || retry_now() + m->wait_sec > out->due_sec))
		out->due_sec = retry_now() + m->wait_sec;
	out->lane = m->lane;
	out->is_bulk = m->is_bulk;
	out->waits_for = m->wait_sec ? m->waits_for : 0;
	message_entry(m, &out->entry);
	out->entry.state = m->is_held ? ADMIN_HELD : ADMIN_DEFERRED;
	out->entry.attempts += was_attempt;
	if (m->is_held) {
		out->due_sec = HELD_DUE_SEC;
		out->waits_for = 0;
		return;
	}
	for (uint32_t i = 0; i < m->envelope.n_rcpts; i++)
		if (m->works[i].reason && strcmp(m->works[i].reason, no_deliver) == 0)
			out->waits_for = rows_wait_for_deliver();
}

/* Its file is there: the row, and it leaves memory. */
static void
put_row(struct message *m)
{
	struct index_row row;
	row_of(m, &row);
	rows_put(&row);
	if (m->is_held) {
		rows_tell_held(row.id, true);
		log_event(LOG_NOTICE, "held", "mid=%s", id_text(row.id));
		rows_flush(); /* who asked for it is told that it is so */
		message_free(m);
		return;
	}
	if (m->has_held_file) /* released while it was written: else it comes back held */
		rows_tell_held(row.id, false);
	log_event(LOG_INFO, "deferred_until", "mid=%s attempts=%u wait_sec=%lld",
	    id_text(row.id), row.entry.attempts,
	    (long long)(row.due_sec - retry_now()));
	message_free(m);
}

/* It has its file: it leaves memory, with a row or for ever. */
static void
leave(struct message *m)
{
	if (m->is_removed)
		message_judge(m);
	else
		put_row(m);
}

/*
 * It could not get its file: the record in the journal stays, and it is tried again from here,
 * after a pause.
 */
static void
stay(struct message *m)
{
	m->again_ms = clock_mono_ms() + UNFILED_WAIT_MS;
	message_move(m, MSG_DEFERRING, &the_sched.unfiled);
	if (m->is_removed)
		message_judge(m);
}

/* So many marks are noted; they are freed. */
static void
say_marks(struct message *m, uint16_t n, struct buf *marks)
{
	struct buf b = {0};
	if (n) {
		buf_put(&b, m->envelope.id.b, ID_BYTES);
		buf_u16(&b, n);
		buf_span(&b, buf_as_span(marks));
		m->n_marking++;
		sched_tell(SCHED_MARK, &b);
	}
	buf_free(marks);
}

void
defer_note(struct message *m)
{
	struct buf marks = {0};
	uint16_t n = newly_done(m, &marks);
	say_marks(m, n, &marks);
}

/*
 * The mark of a single one came with it.  Without a file, and none on its way, the journal
 * remembers as long as it has the message.
 */
void
defer_forwarded(struct message *m)
{
	struct buf marks = {0};
	uint16_t n = 0;
	for (uint32_t i = 0; i < m->envelope.n_rcpts; i++) {
		struct work *w = &m->works[i];
		if (w->n_forwards)
			m->envelope.rcpts[i].state |= RCPT_FORWARDED;
		if (w->n_forwards > 1 && (m->is_deferred || m->is_filing)) {
			buf_u16(&marks, mark_make(i, RCPT_FORWARDED));
			n++;
		}
		w->n_forwards = 0;
	}
	say_marks(m, n, &marks);
}

void
defer_message(struct message *m)
{
	message_move(m, MSG_DEFERRING, NULL);
	if (m->is_filing)
		return; /* it comes again when its file is written */
	if (!m->is_deferred) {
		say_defer(m);
		return;
	}
	defer_note(m);
	if (!m->n_marking)
		leave(m);
}

/* Its file comes while it is under way; a row, should we end before it does. */
void
defer_file(struct message *m)
{
	int64_t now = clock_mono_ms();
	if (m->is_deferred || m->is_filing || m->state == MSG_DEFERRING ||
	    now < m->again_ms)
		return;
	m->is_filing = true;
	say_defer(m);
}

/*
 * In memory it is out of the order of due times until it is judged again: for so long only, should
 * we end before.
 */
static int64_t
lease_end(void)
{
	return retry_now() +
	       retry_delay(0, the_sched.retry_first, the_sched.retry_most);
}

static void
filed(struct message *m, bool is_ok)
{
	struct index_row row;
	m->is_filing = false;
	m->again_ms = clock_mono_ms() + UNFILED_WAIT_MS;
	if (is_ok) {
		m->is_deferred = true;
		row_of(m, &row);
		row.due_sec = lease_end();
		rows_put(&row);
	}
	if (m->state == MSG_DEFERRING)
		defer_message(m);
}

void
defer_said(struct rd *body)
{
	uint16_t n = rd_u16(body);
	for (uint16_t i = 0; i < n && body->err == E_OK; i++) {
		struct id id;
		rd_id(body, &id);
		bool is_ok = rd_u8(body) == 1;
		struct message *m = message_find(id);
		if (m && m->is_filing) {
			filed(m, is_ok);
			continue;
		}
		if (!m || m->state != MSG_DEFERRING)
			continue;
		if (is_ok)
			leave(m);
		else
			stay(m);
	}
}

void
defer_unfiled(void)
{
	int64_t now = clock_mono_ms();
	/* in the order of their coming, so of their times */
	for (struct message *m; (m = the_sched.unfiled.first) && m->again_ms <= now;) {
		message_move(m, MSG_ACTIVE, NULL);
		message_again(m);
	}
}

void
defer_marked(struct rd *body)
{
	struct id id;
	rd_id(body, &id);
	if (rd_u8(body) != 1)
		log_event(LOG_ERR, "not_marked",
		    "mid=%s do=\"nothing: recipients that have it are tried again, and "
		    "keep it once\"",
		    id_text(id));
	struct message *m = message_find(id);
	if (!m || m->n_marking == 0)
		return;
	m->n_marking--;
	if (m->state == MSG_DEFERRING && m->is_deferred && m->n_marking == 0)
		leave(m);
}

/*
 * Recipients in this step are tried later: for this reason, or (NULL) for the one that they have.
 */
static void
put_off(struct message *m, enum rcpt_step step, const char *reason)
{
	for (uint32_t i = 0; i < m->envelope.n_rcpts; i++) {
		struct work *w = &m->works[i];
		if (w->step == step && reason)
			work_set(w, STEP_LATER, reason);
		else if (w->step == step)
			w->step = STEP_LATER;
		if (w->step == STEP_LATER)
			w->owes =
			    ACTION_NONE; /* it is found again at the next attempt */
	}
}

void
defer_held(struct message *m)
{
	put_off(m, STEP_READY, NULL);
	put_off(m, STEP_FAILED, NULL);
	defer_message(m);
}

/*
 * What waits for a placer gets a file soon; what waits for a checkpoint when the journal fills up.
 */
static void
defer_without_placer(void)
{
	struct sched *s = &the_sched;
	int64_t now = clock_mono_ms();
	for (struct message *m = s->ready.first, *next; m; m = next) {
		next = m->next;
		if (m->n_placing ||
		    (!s->has_pressure && now - m->born_ms <= s->defer_after_ms))
			continue;
		put_off(m, STEP_READY, no_deliver);
		message_judge(m);
	}
	for (struct message *m = s->syncing.first, *next; s->has_pressure && m;
	     m = next) {
		next = m->next;
		if (m->is_deferred)
			continue;
		put_off(m, STEP_PLACED, no_deliver);
		defer_message(m);
	}
}

/*
 * The journal fills up: reports are not made as fast as mail fails, and when it is full they cannot
 * be taken at all.
 */
static void
defer_unreported(void)
{
	for (struct message *m = the_sched.reporting.first, *next; m; m = next) {
		next = m->next;
		if (m->is_deferred || !report_abandon(m))
			continue;
		put_off(m, STEP_FAILED, NULL);
		defer_message(m);
	}
}

void
defer_old(void)
{
	if (!placers_are_there())
		defer_without_placer();
	if (the_sched.has_pressure)
		defer_unreported();
}

/* ---- out of deferral ---- */

/* What the spool was asked for and has not sent yet. */
static struct {
	struct fetch {
		struct id id;
		bool is_removed; /* by an admin, meanwhile */
	} all[FETCH_MOST];

	size_t n;
} fetches;

static struct fetch *
find_fetch(struct id id)
{
	for (size_t i = 0; i < fetches.n; i++)
		if (id_eq(fetches.all[i].id, id))
			return &fetches.all[i];
	return NULL;
}

enum fetched
defer_fetched(struct id id)
{
	struct fetch *f = find_fetch(id);
	if (!f)
		return FETCHED_NOT;
	bool is_removed = f->is_removed;
	*f = fetches.all[--fetches.n];
	return is_removed ? FETCHED_REMOVED : FETCHED;
}

static void
fetch(const struct id *ids, size_t n)
{
	struct buf b = {0};
	if (n == 0)
		return;
	buf_u16(&b, (uint16_t)n);
	for (size_t i = 0; i < n; i++)
		buf_put(&b, ids[i].b, ID_BYTES);
	sched_tell(SCHED_FETCH, &b);
}

size_t
defer_room(size_t most)
{
	size_t used = the_sched.n_fetched + fetches.n,
	       room =
		   the_sched.is_replayed && used < FETCH_MOST ? FETCH_MOST - used : 0;
	return room < most ? room : most;
}

bool
defer_fetch(const struct id *ids, size_t n)
{
	struct id fresh[SAY_BATCH_MAX];
	size_t n_fresh = 0;
	bool are_all_had = true;
	if (n > SAY_BATCH_MAX || defer_room(n) < n)
		bug("deferred messages for which there is no room");
	for (size_t i = 0; i < n; i++) {
		if (index_reschedule(the_sched.index, ids[i], lease_end()) != E_OK) {
			are_all_had = false; /* the disk may be full */
			continue;
		}
		if (message_find(ids[i]) || find_fetch(ids[i]))
			continue;
		/* at once: a destination may name one twice */
		fetches.all[fetches.n++] = (struct fetch){.id = ids[i]};
		fresh[n_fresh++] = ids[i];
	}
	fetch(fresh, n_fresh);
	return are_all_had;
}

static bool is_more_due; /* the last time there was more than was fetched */

void
defer_more(void)
{
	if (is_more_due)
		defer_due();
}

void
defer_due(void)
{
	struct id ids[SAY_BATCH_MAX];
	size_t room = defer_room(SAY_BATCH_MAX);
	if (!room)
		return;
	size_t n = index_due(the_sched.index, retry_now(), ids, room);
	is_more_due = defer_fetch(ids, n) && n == room;
}

void
defer_missing(struct rd *body)
{
	struct id id;
	rd_id(body, &id);
	bool is_there = rd_u8(body) == 1;
	if (body->err != E_OK || defer_fetched(id) == FETCHED_NOT || is_there)
		return; /* its row stays, for a later attempt */
	if (index_remove(the_sched.index, id) == E_OK)
		log_event(LOG_NOTICE, "row_without_file", "mid=%s", id_text(id));
}

void
defer_forget(struct id id)
{
	struct fetch *f = find_fetch(id);
	if (f)
		f->is_removed = true;
}
