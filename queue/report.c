/* SPDX-License-Identifier: ISC */
/*
 * report.c - what senders are told (RFC 3461 5.2): recipients that failed, are late, or have it, as
 * they asked for it with NOTIFY.  The bounce process gets them, one message and one kind at a time,
 * with a copy of the message; what it makes of them goes into the spool together with the note that
 * these recipients are reported.
 */
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "metrics/metric.h"
#include "proc/child.h"
#include "queue/refused.h"
#include "queue/retry.h"
#include "queue/sched.h"
#include "spool/put.h"

enum { AGAIN_MS = 5000 }; /* after a report that could not be made */

enum step { IDLE, COPYING, MAKING, PUTTING };

static struct {
	int chan;              /* own; -1: none */
	struct loop_fd *watch; /* own */
	/*
	 * the spool was asked for a copy, then the process for a report, then the spool to take it
	 */
	enum step step;
	struct id id;          /* of the message that this is for */
	enum bounce_kind kind; /* of the report */
	/* its recipients below this one are in this report, where they owe one of this kind */
	uint32_t told;
	struct id report; /* its id, once there is one */
	int64_t again_ms; /* none is begun before; monotonic */
	struct buf scratch;
} bounce = {.chan = -1};

static const char *const kind_names[BOUNCE_KINDS] = {[BOUNCE_FAILURE] = "failures",
    [BOUNCE_DELAY] = "delays",
    [BOUNCE_SUCCESS] = "successes"};

static void begin(void);

static void
disconnect(void)
{
	if (bounce.chan < 0)
		return;
	loop_unwatch(&bounce.watch);
	close(bounce.chan);
	bounce.chan = -1;
	if (bounce.step != PUTTING)
		bounce.step = IDLE; /* it is begun anew */
}

/* ---- what is owed ---- */

/*
 * Who hears of it: the sender; of a failure of the null sender's mail, if that is no report, the
 * postmaster, where one is named.
 */
static struct span
report_to(const struct message *m, enum bounce_kind kind)
{
	if (m->envelope.sender.n)
		return m->envelope.sender;
	if ((m->envelope.flags & ENV_DERIVED) || kind != BOUNCE_FAILURE)
		return SPAN("");
	return span_of(conf_str(the_child.conf, "queue", "postmaster"));
}

/* NOTIFY is the sender's word, not the postmaster's. */
static bool
is_wanted(const struct message *m, uint32_t i, enum bounce_kind kind)
{
	static const enum dsn_notify bits[BOUNCE_KINDS] = {
	    [BOUNCE_FAILURE] = NOTIFY_FAILURE,
	    [BOUNCE_DELAY] = NOTIFY_DELAY,
	    [BOUNCE_SUCCESS] = NOTIFY_SUCCESS};

	if (m->envelope.sender.n == 0)
		return report_to(m, kind).n > 0;
	return notify_wants(m->envelope.rcpts[i].notify, bits[kind]);
}

enum bounce_action
report_of_success(const struct message *m, uint32_t rcpt, enum bounce_action action)
{
	return is_wanted(m, rcpt, BOUNCE_SUCCESS) ? action : ACTION_NONE;
}

/* Once for each recipient: the mark says that it was told. */
static bool
is_late(const struct message *m, uint32_t i)
{
	int64_t after = the_sched.delay_warning;
	return after > 0 && retry_now() - m->first_sec >= after + message_hold_sec(m) &&
	       !(m->envelope.rcpts[i].state & RCPT_WARNED) &&
	       is_wanted(m, i, BOUNCE_DELAY);
}

/* It is done with, reported or not. */
static void
note_failure(const struct message *m, uint32_t i)
{
	refused_note(m, i);
	metric_count(M_QUEUE_RECIPIENTS + METRIC_BOUNCED);
}

void
report_choose(struct message *m)
{
	unsigned n_unwanted = 0;
	for (uint32_t i = 0; i < m->envelope.n_rcpts; i++) {
		struct work *w = &m->works[i];
		if (w->step == STEP_LATER && is_late(m, i)) {
			w->owes = ACTION_DELAYED;
		} else if (w->step == STEP_FAILED && is_wanted(m, i, BOUNCE_FAILURE)) {
			w->owes = ACTION_FAILED;
		} else if (w->step == STEP_FAILED) {
			note_failure(m, i);
			work_set(w, STEP_DONE, NULL);
			n_unwanted++;
		}
	}
	if (n_unwanted)
		log_event(LOG_NOTICE, "not_reported", "mid=%s why=\"%s\" failures=%u",
		    id_text(m->envelope.id),
		    m->envelope.sender.n ? "NOTIFY" : "null sender", n_unwanted);
}

static bool
owes(const struct message *m, uint32_t i, enum bounce_kind kind)
{
	return m->works[i].owes != ACTION_NONE &&
	       bounce_kind_of(m->works[i].owes) == kind;
}

/* What is told first. */
static enum bounce_kind
kind_owed(const struct message *m)
{
	static const enum bounce_kind order[] = {BOUNCE_FAILURE, BOUNCE_SUCCESS};

	for (size_t k = 0; k < COUNT(order); k++)
		for (uint32_t i = 0; i < m->envelope.n_rcpts; i++)
			if (owes(m, i, order[k]))
				return order[k];
	return BOUNCE_DELAY;
}

/* They are reported, durably.  Their number. */
static unsigned
settle(struct message *m, uint32_t told, enum bounce_kind kind)
{
	unsigned n = 0;
	for (uint32_t i = 0; i < told; i++) {
		if (!owes(m, i, kind))
			continue;
		m->works[i].owes = ACTION_NONE;
		if (kind == BOUNCE_FAILURE)
			note_failure(m, i);
		if (kind == BOUNCE_DELAY) {
			m->envelope.rcpts[i].state |= RCPT_WARNED;
		} else {
			work_set(&m->works[i], STEP_DONE, NULL);
			m->envelope.rcpts[i].state = RCPT_DONE;
		}
		n++;
	}
	return n;
}

/* ---- making it ---- */

/* No report now, the spool may be full: those of other messages are tried first. */
static void
put_off(struct message *m)
{
	bounce.again_ms = clock_mono_ms() + AGAIN_MS;
	message_move(m, MSG_REPORTING, NULL);
	message_move(m, MSG_REPORTING, &the_sched.reporting);
}

/* All that the process may have made: a message of the null sender to whom we named. */
static bool
is_report_of(const struct message *m, const struct envelope *e)
{
	return e->sender.n == 0 && e->n_rcpts == 1 && (e->flags & ENV_DERIVED) &&
	       span_eq(e->rcpts[0].address, report_to(m, bounce.kind));
}

/*
 * The report, and with it the marks of those that it tells of: they count when it is in the spool,
 * not before, not later.
 */
static int
put(const struct message *m, struct span envelope, int fd)
{
	struct arena arena = {.max_bytes = 1 << 20};
	struct envelope e;
	struct buf b = {0};
	uint16_t n = 0;
	bool is_sound = fd >= 0 && envelope_get(envelope, &arena, &e) == E_OK &&
	                is_report_of(m, &e);
	if (is_sound) {
		bounce.report = e.id;
		buf_put(&b, bounce.id.b, ID_BYTES);
		size_t at = b.len;
		buf_u16(&b, 0);
		for (uint32_t i = 0; i < bounce.told; i++)
			if (owes(m, i, bounce.kind)) {
				buf_u16(&b, mark_make(i, bounce.kind == BOUNCE_DELAY
							     ? RCPT_WARNED
							     : RCPT_DONE));
				n++;
			}
		b.p[at] = (char)(n & 0xff);
		b.p[at + 1] = (char)(n >> 8);
		buf_bytes(&b, envelope);
		sched_tell_fd(SCHED_REPORT, &b, fd);
	}
	arena_reset(&arena);
	return is_sound ? E_OK : E_BAD;
}

static void
not_reported(struct message *m)
{
	log_event(LOG_NOTICE, "not_reported",
	    "mid=%s do=\"nothing: it is tried again\"", id_text(m->envelope.id));
	put_off(m);
}

static void
on_bounce(void *ctx, int fd, unsigned events)
{
	struct ask_msg m;
	(void)ctx, (void)events;
	int err = ask_recv(fd, &bounce.scratch, &m, 0);
	if (err == E_LIMIT)
		return;
	if (err != E_OK || bounce.step != MAKING) {
		if (err == E_OK && m.fd >= 0)
			close(m.fd);
		disconnect();
		return; /* the tick begins again */
	}
	struct span envelope = rd_str(&m.body, ENVELOPE_BYTES_MAX);
	/* none: it was removed meanwhile */
	struct message *about = message_find(bounce.id);
	bounce.step = IDLE;
	if (about && rd_end(&m.body) == E_OK && put(about, envelope, m.fd) == E_OK)
		bounce.step = PUTTING;
	else if (about)
		not_reported(about);
	if (m.fd >= 0)
		close(m.fd);
	begin();
}

void
report_said(struct rd *body)
{
	struct id id;
	rd_id(body, &id);
	bool is_there = rd_u8(body) == SPOOL_OK && rd_end(body) == E_OK;
	if (bounce.step != PUTTING || !id_eq(id, bounce.id))
		return;
	struct message *m = message_find(id);
	bounce.step = IDLE;
	if (m && is_there) {
		unsigned n = settle(m, bounce.told, bounce.kind);
		log_event(LOG_NOTICE, "reported", "mid=%s report=%s to=%s %s=%u",
		    id_text(id), id_text(bounce.report),
		    log_q(report_to(m, bounce.kind)), kind_names[bounce.kind], n);
		message_judge(m);
	} else if (m) {
		not_reported(m);
	}
	begin();
}

void
report_open(void)
{
	if (bounce.chan < 0 && child_channel("bounce", &bounce.chan) == E_OK)
		bounce.watch =
		    loop_watch(the_sched.loop, bounce.chan, LOOP_READ, on_bounce, NULL);
	begin();
}

static void
begin(void)
{
	struct message *m = the_sched.reporting.first;
	struct buf b = {0};
	if (!m || bounce.step != IDLE || bounce.chan < 0 ||
	    clock_mono_ms() < bounce.again_ms)
		return;
	bounce.step = COPYING;
	bounce.id = m->envelope.id;
	buf_put(&b, m->envelope.id.b, ID_BYTES);
	sched_tell(SCHED_COPY, &b);
}

void
report_message(struct message *m)
{
	message_move(m, MSG_REPORTING, &the_sched.reporting);
	begin();
}

bool
report_abandon(const struct message *m)
{
	if (bounce.step == IDLE || !id_eq(bounce.id, m->envelope.id))
		return true;
	if (bounce.step == PUTTING)
		return false;
	bounce.again_ms = clock_mono_ms() + AGAIN_MS;
	disconnect(); /* what comes of it is not for us any more */
	return true;
}

/*
 * As many of this kind as a report has, and an envelope of only these; returns where the rest
 * begins.
 */
static uint32_t
put_owed(struct buf *b, const struct message *m, enum bounce_kind kind)
{
	static struct rcpt told[BOUNCE_RCPTS_MOST];
	struct envelope e = m->envelope;
	struct buf rcpts = {0};
	size_t bytes = 0;
	uint16_t n = 0;
	uint32_t i = 0;
	for (; i < m->envelope.n_rcpts && n < BOUNCE_RCPTS_MOST; i++) {
		const struct rcpt *r = &m->envelope.rcpts[i];
		struct span reason = span_of(m->works[i].reason);
		if (!owes(m, i, kind))
			continue;
		bytes += r->address.n + r->orcpt.n + reason.n + BOUNCE_RCPT_BYTES;
		if (bytes > BOUNCE_BYTES_MOST)
			break;
		buf_u16(&rcpts, n);
		buf_u8(&rcpts, m->works[i].owes);
		buf_bytes(&rcpts, reason);
		told[n++] = *r;
	}
	e.rcpts = told;
	e.n_rcpts = n;
	buf_u32(b, 0);
	envelope_put(b, &e);
	buf_set_u32(b, 0, (uint32_t)b->len - 4);
	buf_u16(b, n);
	buf_span(b, buf_as_span(&rcpts));
	buf_free(&rcpts);
	return i;
}

/*
 * The copy that was asked for is there.  An admin may have asked for one of the same message: that
 * one is not ours.
 */
void
report_copy(struct rd *body, int *fd)
{
	struct buf b = {0};
	struct id id;
	rd_id(body, &id);
	if (bounce.step != COPYING || !id_eq(bounce.id, id)) {
		admin_copy(id, fd);
		return;
	}
	struct message *m = message_find(id);
	bounce.step = m ? MAKING : IDLE;
	if (!m) {
		begin();
		return;
	}
	bounce.kind = kind_owed(m);
	bounce.told = put_owed(&b, m, bounce.kind);
	buf_bytes(&b, report_to(m, bounce.kind));
	buf_u64(&b, (uint64_t)clock_wall_sec());
	buf_u64(&b, (uint64_t)(clock_wall_sec() + m->first_sec + message_life(m) -
			       retry_now()));
	if (ask_send(bounce.chan, BOUNCE_MAKE, buf_as_span(&b), *fd, 0) != E_OK)
		disconnect();
	buf_free(&b);
}
