/* SPDX-License-Identifier: ISC */
/* message.c - messages in work: found by id, and judged when something became known of them. */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "queue/dest.h"
#include "queue/refused.h"
#include "queue/retry.h"
#include "queue/sched.h"

enum { BUCKETS_FIRST = 1024 };

static void
list_add(struct message_list *l, struct message *m)
{
	m->list = l;
	m->next = NULL;
	m->prev = l->last;
	if (l->last)
		l->last->next = m;
	else
		l->first = m;
	l->last = m;
	l->n++;
}

static void
list_remove(struct message *m)
{
	struct message_list *l = m->list;
	if (m->prev)
		m->prev->next = m->next;
	else
		l->first = m->next;
	if (m->next)
		m->next->prev = m->prev;
	else
		l->last = m->prev;
	m->next = m->prev = NULL;
	m->list = NULL;
	l->n--;
}

void
message_move(struct message *m, enum message_state state, struct message_list *to)
{
	m->state = (uint8_t)state;
	if (m->list == to)
		return;
	if (m->list)
		list_remove(m);
	if (to)
		list_add(to, m);
}

void
work_set(struct work *w, enum rcpt_step step, const char *reason)
{
	mem_free(&w->reason);
	w->step = (uint8_t)step;
	w->owes = ACTION_NONE;
	w->reason = reason ? mem_dup(reason) : NULL;
}

/* ---- the table ---- */

static size_t
bucket_of(struct id id)
{
	uint64_t h;
	memcpy(&h, id.b, sizeof h);
	return h & (the_sched.n_buckets - 1);
}

struct message *
message_find(struct id id)
{
	struct message *m =
	    the_sched.n_buckets ? the_sched.buckets[bucket_of(id)] : NULL;
	while (m && !id_eq(m->envelope.id, id))
		m = m->hash_next;
	return m;
}

static void
grow(void)
{
	struct sched *s = &the_sched;
	struct message **old = s->buckets;
	size_t n = s->n_buckets;
	s->n_buckets = n ? n * 2 : BUCKETS_FIRST;
	s->buckets = mem_new(s->n_buckets * sizeof(struct message *));
	for (size_t i = 0; i < n; i++)
		for (struct message *m = old[i], *next; m; m = next) {
			size_t b = bucket_of(m->envelope.id);
			next = m->hash_next;
			m->hash_next = s->buckets[b];
			s->buckets[b] = m;
		}
	mem_free(&old);
}

static void
insert(struct message *m)
{
	struct sched *s = &the_sched;
	if (s->n_messages >= s->n_buckets)
		grow();
	size_t b = bucket_of(m->envelope.id);
	m->hash_next = s->buckets[b];
	s->buckets[b] = m;
	s->n_messages++;
}

void
message_free(struct message *m)
{
	struct sched *s = &the_sched;
	struct message **link = &s->buckets[bucket_of(m->envelope.id)];
	while (*link != m)
		link = &(*link)->hash_next;
	*link = m->hash_next;
	if (m->list)
		list_remove(m);
	s->n_messages--;
	if (m->is_fetched)
		s->n_fetched--;
	if (m->is_held)
		admin_left(m->envelope.id, m->state == MSG_DEFERRING);
	for (uint32_t i = 0; i < m->envelope.n_rcpts; i++)
		mem_free(&m->works[i].reason);
	arena_reset(&m->arena);
	mem_free(&m);
}

/* It is there, and its sender was not told yet. */
static void
set_sent(struct work *w, uint8_t state)
{
	work_set(w, STEP_SENT, NULL);
	w->owes = state == RCPT_DELIVERED ? ACTION_DELIVERED
	          : state == RCPT_RELAYED ? ACTION_RELAYED
	                                  : ACTION_EXPANDED;
}

static enum rcpt_step
step_of(const struct message *m, uint32_t i)
{
	return sched_is_local(m->envelope.rcpts[i].address) ? STEP_READY : STEP_OUT;
}

static void
first_steps(struct message *m)
{
	for (uint32_t i = 0; i < m->envelope.n_rcpts; i++) {
		uint8_t state = m->envelope.rcpts[i].state & RCPT_STATES;
		if (state == RCPT_HELD)
			m->is_held = m->has_held_file = true;
		if (state == RCPT_DONE)
			work_set(&m->works[i], STEP_DONE, NULL);
		else if (state >= RCPT_DELIVERED && state <= RCPT_EXPANDED)
			set_sent(&m->works[i], state);
		else
			work_set(&m->works[i], step_of(m, i), NULL);
	}
}

void
message_again(struct message *m)
{
	m->was_tried = false;
	m->wait_sec = 0;
	m->waits_for = 0;
	for (uint32_t i = 0; i < m->envelope.n_rcpts; i++)
		if (m->works[i].step == STEP_LATER)
			work_set(&m->works[i], step_of(m, i), NULL);
	message_judge(m);
}

struct message *
message_new(const struct job_ref *ref, struct span envelope)
{
	struct message *m = mem_new(sizeof *m);
	m->arena.max_bytes = 4 << 20;
	m->ref = *ref;
	m->born_ms = clock_mono_ms();
	m->first_sec = retry_now();
	if (envelope_get(arena_span(&m->arena, envelope), &m->arena, &m->envelope) !=
		E_OK ||
	    message_find(m->envelope.id)) {
		arena_reset(&m->arena);
		mem_free(&m);
		return NULL;
	}
	m->tenant = tenant_name(&m->envelope);
	m->lane = (uint8_t)(m->tenant % INDEX_LANES);
	m->is_bulk = turn_is_bulk(&the_sched.turns, m->tenant, m->envelope.n_rcpts);
	m->works = arena_get(&m->arena, m->envelope.n_rcpts * sizeof *m->works);
	insert(m);
	first_steps(m);
	refused_check(m);
	return m;
}

void
message_entry(const struct message *m, struct admin_entry *out)
{
	static struct admin_rcpt shown[ADMIN_RCPTS_SHOWN];
	const struct envelope *e = &m->envelope;
	*out = (struct admin_entry){.id = e->id,
	    .size_bytes = e->size_bytes,
	    .arrived_sec = e->arrived_sec,
	    .attempts = m->attempts,
	    .sender = e->sender,
	    .account = e->account,
	    .rcpts = shown};
	for (uint8_t state = RCPT_WAITING; state <= RCPT_DONE; state++)
		for (uint32_t i = 0; i < e->n_rcpts && out->n_rcpts < ADMIN_RCPTS_SHOWN;
		     i++) {
			const struct work *w = &m->works[i];
			bool is_done = w->step == STEP_DONE || w->step == STEP_PLACED ||
			               w->step == STEP_SENT;
			if (is_done == (state == RCPT_DONE))
				shown[out->n_rcpts++] =
				    (struct admin_rcpt){.address = e->rcpts[i].address,
					.state = state,
					.reason = span_of(w->reason)};
		}
}

/* ---- judgement ---- */

struct count {
	/* placing: or relaying, or waiting for that */
	unsigned ready, out, placing, placed, later, failed, owing;
};

static struct count
count_steps(const struct message *m)
{
	struct count c = {0};
	for (uint32_t i = 0; i < m->envelope.n_rcpts; i++) {
		c.owing += m->works[i].owes != ACTION_NONE;
		switch (m->works[i].step) {
		case STEP_READY:
			c.ready++;
			break;
		case STEP_OUT:
			c.out++;
			break;
		case STEP_PLACING:
		case STEP_QUEUED:
		case STEP_RELAYING:
			c.placing++;
			break;
		case STEP_PLACED:
			c.placed++;
			break;
		case STEP_LATER:
			c.later++;
			break;
		case STEP_FAILED:
			c.failed++;
			break;
		default: /* sent, done */
			break;
		}
	}
	return c;
}

/* SCHED_DONE, and away with it. */
static void
message_all_done(struct message *m)
{
	sched_done(m->envelope.id);
	if (m->is_deferred && index_remove(the_sched.index, m->envelope.id) != E_OK)
		log_event(
		    LOG_ERR, "row_not_removed", "mid=%s", id_text(m->envelope.id));
	message_free(m);
}

int64_t
message_hold_sec(const struct message *m)
{
	int64_t sec = m->envelope.release_sec - m->envelope.arrived_sec;
	return m->envelope.release_sec && sec > 0 ? sec : 0;
}

/*
 * RFC 4865: how long it is still held, by either clock: one that jumps, or stood still while nothing
 * ran, may let it go early, but does not keep it.
 */
static int64_t
release_wait_sec(const struct message *m)
{
	int64_t by_wall = m->envelope.release_sec - clock_wall_sec();
	int64_t by_queue = m->first_sec + message_hold_sec(m) - retry_now();
	int64_t wait = by_wall < by_queue ? by_wall : by_queue;
	return message_hold_sec(m) && wait > 0 ? wait : 0;
}

/* Nobody is tried before that; it is no attempt. */
static void
await_release(struct message *m)
{
	struct buf why = {.max = REASON_MAX};
	m->wait_sec = release_wait_sec(m);
	buf_str(&why, RELEASE_REASON);
	time3339_put(&why, m->envelope.release_sec);
	for (uint32_t i = 0; i < m->envelope.n_rcpts; i++)
		if (m->works[i].step == STEP_READY || m->works[i].step == STEP_OUT)
			work_set(&m->works[i], STEP_LATER, buf_cstr(&why));
	buf_free(&why);
}

int64_t
message_life(const struct message *m)
{
	return (m->envelope.sender.n ? the_sched.lifetime : the_sched.bounce_lifetime) +
	       message_hold_sec(m);
}

static bool
is_expired(const struct message *m)
{
	return retry_now() - m->first_sec > message_life(m);
}

/* What could not be delivered in all its lifetime fails with the last reason that it had. */
static void
expire(struct message *m)
{
	for (uint32_t i = 0; i < m->envelope.n_rcpts; i++) {
		struct buf b = {.max = REASON_MAX};
		if (m->works[i].step != STEP_LATER)
			continue;
		buf_putf(&b, "5.4.7 not delivered in time; last: %.300s",
		    m->works[i].reason ? m->works[i].reason : "-");
		work_set(&m->works[i], STEP_FAILED, buf_cstr(&b));
		buf_free(&b);
	}
}

bool
message_is_busy(const struct message *m)
{
	struct count c = count_steps(m);
	return c.ready + c.out + c.placing + c.placed + m->n_deriving > 0;
}

bool
message_is_stored(const struct message *m)
{
	struct count c = count_steps(m);
	return m->state == MSG_SYNCING && c.ready + c.later + c.failed == 0;
}

/* What goes elsewhere waits for its destinations; not for an admin who wants it held or removed. */
static struct count
take_out(struct message *m)
{
	if (!m->is_removed && !m->is_held)
		dests_take(m);
	for (uint32_t i = 0; i < m->envelope.n_rcpts; i++)
		if (m->works[i].step == STEP_OUT)
			m->works[i].step = STEP_LATER;
	return count_steps(m);
}

void
message_judge(struct message *m)
{
	struct sched *s = &the_sched;
	if (!m->is_removed && !m->is_held && release_wait_sec(m))
		await_release(m);
	struct count c = count_steps(m);
	if (c.out)
		c = take_out(m);
	if (c.ready && !m->is_removed && !m->is_held) {
		message_move(m, MSG_ACTIVE, &s->ready);
		return;
	}
	if (c.placing || m->n_deriving) {
		message_move(m, MSG_ACTIVE, NULL);
		return;
	}
	if (c.placed) {
		message_move(m, MSG_SYNCING, &s->syncing);
		return;
	}
	if (m->is_removed) {
		log_event(LOG_NOTICE, "removed", "mid=%s", id_text(m->envelope.id));
		message_all_done(m);
		return;
	}
	if (m->is_held && c.ready + c.later + c.failed) {
		defer_held(m);
		return;
	}
	if (c.later && is_expired(m))
		expire(m);
	report_choose(m);
	c = count_steps(m);
	if (c.owing) {
		/* should the report take long, what was sent is not sent again */
		defer_note(m);
		report_message(m);
		return;
	}
	if (c.later) {
		defer_message(m);
		return;
	}
	message_all_done(m);
}

/* An admin said something about it: what only waits for a relay does not any more. */
static void
judge_waiting(struct message *m)
{
	bool was_out = m->parcels != NULL;
	dests_drop(m);
	if (m->list || (was_out && !m->parcels))
		message_judge(m);
}

void
message_hold(struct message *m)
{
	bool is_judged_later = m->state == MSG_REPORTING && !report_abandon(m);
	m->is_held = true;
	if (!is_judged_later)
		judge_waiting(m);
}

void
message_remove(struct message *m)
{
	m->is_removed = true;
	judge_waiting(m);
}
