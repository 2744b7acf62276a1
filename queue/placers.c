/* SPDX-License-Identifier: ISC */
/*
 * placers.c - jobs to deliver's placers, their results, and the checkpoints that make placements
 * durable.  A connection leads to one placer; a packet carries as many jobs as wait, up to
 * JOB_BATCH_MAX.
 */
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "metrics/metric.h"
#include "proc/child.h"
#include "queue/sched.h"
#include "spool/put.h"

enum {
	CONNECT_EVERY_MS = 250,             /* while deliver is away */
	IN_FLIGHT_MOST = 2 * JOB_BATCH_MAX, /* recipients with a placer */
	RESULT_BURST = 16,
	PACKET_BYTES = 60000,
	/* with work and without a word: the connection is given up */
	PLACER_SILENT_MS = 120000,
	PLACER_SYNC_MS = 600000, /* the same, with a checkpoint */
};

struct placer {
	int fd;                /* own; -1: not connected */
	struct loop_fd *watch; /* own */
	unsigned in_flight;    /* recipients */
	bool has_unsynced;     /* it placed something since its last checkpoint */
	bool is_syncing;
	int64_t heard_ms;
};

static struct {
	struct placer all[PLACERS_MAX];
	unsigned n; /* that there should be */
	int64_t tried_ms;
	uint32_t turn;         /* of the checkpoint that gathers now */
	uint32_t syncing_turn; /* the one that is under way; 0: none */
	bool sync_failed;      /* something of the one under way is in doubt */
	/* the next one takes the whole file system: a placer died with placements */
	bool is_all;
	int64_t synced_ms;
	bool was_there;
} placers = {.turn = 1};

bool
placers_are_there(void)
{
	for (unsigned i = 0; i < placers.n; i++)
		if (placers.all[i].fd >= 0)
			return true;
	return false;
}

/* ---- jobs ---- */

/* Those of its recipients that are ready; they are with the placer from now on. */
static uint16_t
take_ready(struct message *m, uint16_t *which, unsigned most)
{
	uint16_t n = 0;
	for (uint32_t i = 0; i < m->envelope.n_rcpts && n < most; i++)
		if (m->works[i].step == STEP_READY)
			which[n++] = (uint16_t)i;
	return n;
}

static bool
has_ready(const struct message *m)
{
	for (uint32_t i = 0; i < m->envelope.n_rcpts; i++)
		if (m->works[i].step == STEP_READY)
			return true;
	return false;
}

/* Packs the first message's job; false when the packet has no room for it. */
static bool
pack(struct buf *packet, struct placer *p, struct message *m)
{
	uint16_t which[JOB_RCPTS_MOST];
	struct job j = {.ref = m->ref, .envelope = &m->envelope, .which = which};
	size_t at = packet->len;
	j.n_which = take_ready(m, which, JOB_RCPTS_MOST);
	job_put(packet, &j);
	if (buf_done(packet) != E_OK || packet->len > PACKET_BYTES) {
		packet->err = E_OK;
		buf_cut(packet, at);
		return false;
	}
	for (uint16_t i = 0; i < j.n_which; i++)
		work_set(&m->works[which[i]], STEP_PLACING, NULL);
	m->n_placing += j.n_which;
	p->in_flight += j.n_which;
	metric_add(M_QUEUE_JOBS, j.n_which);
	return true;
}

static void placer_lost(struct placer *, const char *why);

static void
feed(struct placer *p, unsigned share)
{
	struct buf packet = {.max = ASK_MSG_MAX - 2};
	uint16_t n = 0;
	buf_u16(&packet, 0);
	for (struct message *m;
	     n < share && p->in_flight < IN_FLIGHT_MOST && (m = the_sched.ready.first);
	     n++) {
		if (!pack(&packet, p, m))
			break;
		if (!has_ready(m))
			message_move(m, MSG_ACTIVE, NULL);
	}
	packet.p[0] = (char)(n & 0xff);
	packet.p[1] = (char)(n >> 8);
	if (n && ask_send(p->fd, JOB_PLACE, buf_as_span(&packet), -1, 0) != E_OK)
		placer_lost(p, "it does not take jobs");
	if (n)
		p->heard_ms = clock_mono_ms();
	buf_free(&packet);
}

void
placers_feed(void)
{
	unsigned there = 0;
	for (unsigned i = 0; i < placers.n; i++)
		there += placers.all[i].fd >= 0 && placers.all[i].in_flight == 0;
	for (unsigned i = 0; i < placers.n && the_sched.ready.n; i++) {
		struct placer *p = &placers.all[i];
		if (p->fd < 0 || p->in_flight)
			continue;
		/* what waits is shared by those who are free */
		unsigned share = (unsigned)(the_sched.ready.n / there) + 1;
		feed(p, share < JOB_BATCH_MAX ? share : JOB_BATCH_MAX);
	}
}

/* ---- results ---- */

/*
 * What the sender asked for goes along, RFC 3461 5.2.7: to one that an alias names all of it, to
 * several all but SUCCESS, with a list nothing.
 */
static void
set_asked(const struct message *m, const struct job_result *r, struct envelope *e,
    struct rcpt *to)
{
	const struct rcpt *was = &m->envelope.rcpts[r->rcpt];
	bool is_one = r->n_forwards == 1 && r->n_mailboxes == 0;
	if (r->forward_as != FORWARD_AS_IT_IS)
		e->sender = r->forward_sender;
	if (r->forward_as == FORWARD_AS_LIST) {
		e->envid = SPAN("");
		e->ret = RET_NONE;
		return;
	}
	to->orcpt = was->orcpt;
	to->notify = is_one ? was->notify : notify_without_success(was->notify);
}

/* What is told of a recipient that a placer is done with, where that was asked for. */
static enum bounce_action
action_of(const struct job_result *r)
{
	if (r->n_forwards == 0 || r->forward_as == FORWARD_AS_LIST)
		return ACTION_DELIVERED;
	return r->n_forwards + r->n_mailboxes > 1 ? ACTION_EXPANDED : ACTION_NONE;
}

static void
make_forward(struct message *m, const struct job_result *r, uint16_t which)
{
	struct span address = r->forwards[which];
	struct envelope e = m->envelope;
	struct rcpt to = {.address = address};
	struct buf b = {0};
	set_asked(m, r, &e, &to);
	e.id = spool_derived_id(m->envelope.id, address, "forward", SPAN("alias"));
	e.rcpts = &to;
	e.n_rcpts = 1;
	/* of several the last cannot know whether the others become durable */
	bool is_one = r->n_forwards == 1;
	buf_put(&b, m->envelope.id.b, ID_BYTES);
	buf_u16(&b, is_one);
	if (is_one)
		buf_u16(&b, mark_make(r->rcpt, RCPT_FORWARDED));
	buf_u16(&b, (uint16_t)(r->n_forwards - which));
	size_t at = b.len;
	buf_u32(&b, 0);
	envelope_put(&b, &e);
	buf_set_u32(&b, at, (uint32_t)(b.len - at - 4));
	m->n_deriving++;
	log_event(LOG_INFO, "forwarded", "mid=%s forward=%s to=%s",
	    id_text(m->envelope.id), id_text(e.id), log_q(address));
	sched_tell(SCHED_DERIVE, &b);
}

/* Unless they were made at an earlier attempt. */
static void
make_forwards(struct message *m, const struct job_result *r)
{
	if (m->envelope.rcpts[r->rcpt].state & RCPT_FORWARDED)
		return;
	m->works[r->rcpt].n_forwards = r->n_forwards;
	for (uint16_t i = 0; i < r->n_forwards; i++)
		make_forward(m, r, i);
}

static void
take_result(void *ctx, const struct job_result *r)
{
	struct placer *p = ctx;
	struct message *m = message_find(r->id);
	struct buf reason = {0};
	if (p->in_flight)
		p->in_flight--;
	if (!m || r->rcpt >= m->envelope.n_rcpts ||
	    m->works[r->rcpt].step != STEP_PLACING) {
		log_event(LOG_ERR, "result_unasked", "mid=%s rcpt=%u", id_text(r->id),
		    r->rcpt);
		return;
	}
	struct work *w = &m->works[r->rcpt];
	buf_span(&reason, r->reason);
	if (r->outcome == JOB_PLACED) {
		work_set(w, STEP_PLACED, NULL);
		m->turn = placers.turn;
		p->has_unsynced = true;
		w->owes = (uint8_t)report_of_success(m, r->rcpt, action_of(r));
		make_forwards(m, r);
	} else {
		work_set(w, r->outcome == JOB_TEMP ? STEP_LATER : STEP_FAILED,
		    buf_cstr(&reason));
		if (r->outcome == JOB_TEMP)
			metric_count(M_QUEUE_RECIPIENTS + METRIC_DEFERRED);
		log_event(LOG_NOTICE, r->outcome == JOB_TEMP ? "deferred" : "failed",
		    "mid=%s rcpt=%s reason=%s", id_text(r->id),
		    log_q(m->envelope.rcpts[r->rcpt].address),
		    log_qs(buf_cstr(&reason)));
	}
	buf_free(&reason);
	if (--m->n_placing == 0)
		message_judge(m);
}

/* ---- checkpoints ---- */

/*
 * A checkpoint failed.  Which of all that is placed it should have made durable is not known, a
 * message's recipients may be placed at several times: all of it is placed again.
 */
static void
place_again(void)
{
	struct sched *s = &the_sched;
	for (size_t b = 0; b < s->n_buckets; b++)
		for (struct message *m = s->buckets[b], *next; m; m = next) {
			bool was_placed = false;
			next = m->hash_next;
			for (uint32_t i = 0; i < m->envelope.n_rcpts; i++)
				if (m->works[i].step == STEP_PLACED) {
					work_set(&m->works[i], STEP_READY, NULL);
					was_placed = true;
				}
			if (was_placed)
				message_judge(m);
		}
}

/* What a checkpoint made durable is done, or its sender is told of it. */
static void
settle(uint32_t turn)
{
	for (struct message *m = the_sched.syncing.first, *next; m; m = next) {
		next = m->next;
		if (m->turn > turn)
			continue;
		for (uint32_t i = 0; i < m->envelope.n_rcpts; i++)
			if (m->works[i].step == STEP_PLACED) {
				m->works[i].step =
				    m->works[i].owes ? STEP_SENT : STEP_DONE;
				metric_count(M_QUEUE_RECIPIENTS + METRIC_PLACED);
			}
		message_judge(m);
	}
}

static void
sync_ended(void)
{
	if (!placers.syncing_turn)
		return;
	for (unsigned i = 0; i < placers.n; i++)
		if (placers.all[i].is_syncing)
			return;
	uint32_t turn = placers.syncing_turn;
	bool has_failed = placers.sync_failed;
	placers.syncing_turn = 0;
	placers.sync_failed = false;
	placers.synced_ms = clock_mono_ms();
	if (has_failed)
		place_again();
	else
		settle(turn);
}

static void
take_synced(struct placer *p, struct rd *body)
{
	uint32_t turn = rd_u32(body);
	uint8_t is_ok = rd_u8(body);
	if (rd_end(body) != E_OK || turn != placers.syncing_turn || !p->is_syncing)
		return;
	p->is_syncing = false;
	if (!is_ok) {
		placers.sync_failed = true;
		log_event(LOG_ALERT, "checkpoint_failed",
		    "do=\"look at the disk of the mailboxes\"");
	}
	sync_ended();
}

static void
ask_sync(struct placer *p, bool is_all)
{
	struct buf b = {0};
	buf_u32(&b, placers.syncing_turn);
	buf_u8(&b, is_all);
	p->has_unsynced = false;
	p->is_syncing = true;
	p->heard_ms = clock_mono_ms();
	if (ask_send(p->fd, JOB_SYNC, buf_as_span(&b), -1, 0) != E_OK)
		placer_lost(p, "it takes no checkpoint");
	buf_free(&b);
}

/* A checkpoint now, if something waits for one. */
static void
placers_sync(void)
{
	bool was_all = placers.is_all;
	if (placers.syncing_turn || !the_sched.syncing.n || !placers_are_there())
		return;
	placers.syncing_turn = placers.turn++;
	/* again, should one be lost by asking it; and that may end the turn, too */
	placers.is_all = false;
	for (unsigned i = 0; i < placers.n && placers.syncing_turn; i++) {
		struct placer *p = &placers.all[i];
		if (p->fd >= 0 && (p->has_unsynced || was_all)) {
			ask_sync(p, was_all);
			if (was_all && p->fd >= 0)
				break; /* one syncfs is enough for all */
		}
	}
	sync_ended();
}

/* ---- connections ---- */

static void
on_placer(void *ctx, int fd, unsigned events)
{
	struct placer *p = ctx;
	(void)events;
	for (int i = 0; i < RESULT_BURST && p->fd >= 0; i++) {
		struct ask_msg m;
		uint16_t n;
		int err = ask_recv(fd, &the_sched.scratch, &m, 0);
		if (err == E_LIMIT)
			break;
		if (err == E_OK && m.fd >= 0)
			close(m.fd);
		p->heard_ms = clock_mono_ms();
		if (err == E_OK && m.type == JOB_RESULT)
			err = job_results_each(&m.body, take_result, p, &n);
		else if (err == E_OK && m.type == JOB_SYNCED)
			take_synced(p, &m.body);
		if (err != E_OK)
			placer_lost(p,
			    err == E_IO ? "it is gone" : "its results are malformed");
	}
	placers_feed();
	sched_flush();
}

/* What it had is ready again: placing twice is noticed by the name of the file. */
static void
take_back(void)
{
	struct sched *s = &the_sched;
	bool others_work = false;
	for (unsigned i = 0; i < placers.n; i++)
		others_work |= placers.all[i].fd >= 0 && placers.all[i].in_flight > 0;
	for (size_t b = 0; b < s->n_buckets; b++)
		for (struct message *m = s->buckets[b], *next; m; m = next) {
			next = m->hash_next;
			if (!m->n_placing)
				continue;
			for (uint32_t i = 0; i < m->envelope.n_rcpts; i++)
				if (m->works[i].step == STEP_PLACING)
					work_set(&m->works[i], STEP_READY, NULL);
			m->n_placing = 0;
			message_judge(m);
		}
	if (others_work)
		for (unsigned i = 0; i < placers.n; i++)
			if (placers.all[i].fd >= 0 && placers.all[i].in_flight > 0) {
				placers.all[i].in_flight = 0;
				placer_lost(&placers.all[i], "all are asked anew");
			}
}

static void
placer_lost(struct placer *p, const char *why)
{
	if (p->fd < 0)
		return;
	log_event(
	    LOG_NOTICE, "placer_lost", "why=\"%s\" in_flight=%u", why, p->in_flight);
	bool had_work = p->in_flight > 0;
	loop_unwatch(&p->watch);
	close(p->fd);
	if (p->has_unsynced || p->is_syncing || had_work)
		placers.is_all = true;
	bool was_syncing = p->is_syncing;
	*p = (struct placer){.fd = -1};
	if (had_work)
		take_back();
	if (was_syncing) {
		placers.sync_failed = true;
		sync_ended();
	}
}

static void
connect_one(struct placer *p)
{
	int fd;
	if (child_daemon("deliver", &fd) != E_OK)
		return;
	*p = (struct placer){.fd = fd, .heard_ms = clock_mono_ms()};
	p->watch = loop_watch(the_sched.loop, fd, LOOP_READ, on_placer, p);
}

static void
connect_missing(void)
{
	int64_t now = clock_mono_ms();
	if (now - placers.tried_ms < CONNECT_EVERY_MS)
		return;
	placers.tried_ms = now;
	for (unsigned i = 0; i < placers.n; i++) {
		if (placers.all[i].fd >= 0)
			continue;
		connect_one(&placers.all[i]);
		if (placers.all[i].fd < 0)
			break;
	}
	bool is_there = placers_are_there();
	if (is_there != placers.was_there)
		log_event(is_there ? LOG_INFO : LOG_WARNING,
		    is_there ? "deliver_there" : "deliver_away", "%s", "");
	if (is_there && !placers.was_there)
		rows_deliver_is_there();
	placers.was_there = is_there;
}

void
placers_open(void)
{
	int64_t n = conf_int(the_child.conf, "deliver", "placers");
	placers.n = n < PLACERS_MAX ? (unsigned)n : PLACERS_MAX;
	for (unsigned i = 0; i < placers.n; i++)
		placers.all[i].fd = -1;
	placers.tried_ms = -CONNECT_EVERY_MS;
	connect_missing();
}

static bool
is_silent(const struct placer *p, int64_t now)
{
	int64_t wait = p->is_syncing ? PLACER_SYNC_MS : PLACER_SILENT_MS;
	return p->fd >= 0 && (p->in_flight || p->is_syncing) &&
	       now - p->heard_ms > wait;
}

void
placers_tick(void)
{
	int64_t now = clock_mono_ms();
	connect_missing();
	for (unsigned i = 0; i < placers.n; i++)
		if (is_silent(&placers.all[i], now))
			placer_lost(&placers.all[i], "silent");
	placers_feed();
	if (the_sched.has_pressure ||
	    now - placers.synced_ms >= the_sched.checkpoint_ms)
		placers_sync();
}
