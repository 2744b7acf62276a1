/* SPDX-License-Identifier: ISC */
/*
 * report.c - failures go to the bounce process, one message at a time, with a copy of the message; what it makes of them
 * goes into the spool together with the note that these recipients are done.
 */
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "proc/child.h"
#include "queue/bounce.h"
#include "queue/sched.h"
#include "spool/put.h"

enum { AGAIN_MS = 5000 }; /* after a report that could not be made */

enum step { IDLE, COPYING, MAKING, PUTTING };

static struct {
	int chan;              /* own; -1: none */
	struct loop_fd *watch; /* own */
	enum step step;        /* the spool was asked for a copy, then the process for a report, then the spool to take it */
	struct id id;          /* of the message that this is for */
	uint32_t told;         /* its recipients below this one are in this report */
	struct id report;      /* its id, once there is one */
	int64_t again_ms;      /* none is begun before; monotonic */
	struct buf scratch;
} bounce = {.chan = -1};

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

/* Reported, or not to be reported: either way these recipients are done.  Their number. */
static unsigned
settle(struct message *m, uint32_t told, bool is_noted)
{
	unsigned n = 0;
	for (uint32_t i = 0; i < told; i++) {
		if (m->works[i].step != STEP_FAILED)
			continue;
		work_set(&m->works[i], STEP_DONE, NULL);
		if (is_noted)
			m->envelope.rcpts[i].state = RCPT_DONE;
		n++;
	}
	return n;
}

/* No report now, the spool may be full: those of other messages are tried first. */
static void
put_off(struct message *m)
{
	bounce.again_ms = clock_mono_ms() + AGAIN_MS;
	message_move(m, MSG_REPORTING, NULL);
	message_move(m, MSG_REPORTING, &the_sched.reporting);
}

/* Who hears of a failure: the sender; of a report's own failure the postmaster, where one is named. */
static struct span
report_to(const struct message *m)
{
	if (m->envelope.sender.n)
		return m->envelope.sender;
	if (m->envelope.flags & ENV_DERIVED)
		return SPAN("");
	return span_of(conf_str(the_child.conf, "queue", "postmaster"));
}

/* All that the process may have made: a message of the null sender to whom we named. */
static bool
is_report_of(const struct message *m, const struct envelope *e)
{
	return e->sender.n == 0 && e->n_rcpts == 1 && (e->flags & ENV_DERIVED) && span_eq(e->rcpts[0].address, report_to(m));
}

/* The report, and with it the recipients that it tells of: they are done when it is in the spool, not before, not later. */
static int
put(const struct message *m, struct span envelope, int fd)
{
	struct arena arena = {.max_bytes = 1 << 20};
	struct envelope e;
	struct buf b = {0};
	uint16_t n = 0;
	bool is_sound = fd >= 0 && envelope_get(envelope, &arena, &e) == E_OK && is_report_of(m, &e);
	if (is_sound) {
		bounce.report = e.id;
		buf_put(&b, bounce.id.b, ID_BYTES);
		size_t at = b.len;
		buf_u16(&b, 0);
		for (uint32_t i = 0; i < bounce.told; i++)
			if (m->works[i].step == STEP_FAILED) {
				buf_u16(&b, (uint16_t)i);
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
	log_event(LOG_NOTICE, "not_reported", "mid=%s do=\"nothing: it is tried again\"", id_text(m->envelope.id));
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
	struct message *about = message_find(bounce.id); /* none: it was removed meanwhile */
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
		unsigned n = settle(m, bounce.told, true);
		log_event(LOG_NOTICE, "reported", "mid=%s report=%s to=%s failures=%u", id_text(id), id_text(bounce.report),
		    log_q(report_to(m)), n);
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
		bounce.watch = loop_watch(the_sched.loop, bounce.chan, LOOP_READ, on_bounce, NULL);
	begin();
}

static void
begin(void)
{
	struct message *m = the_sched.reporting.first;
	struct buf b = {0};
	if (!m || bounce.step != IDLE || bounce.chan < 0 || clock_mono_ms() < bounce.again_ms)
		return;
	bounce.step = COPYING;
	bounce.id = m->envelope.id;
	buf_put(&b, m->envelope.id.b, ID_BYTES);
	sched_tell(SCHED_COPY, &b);
}

void
report_message(struct message *m)
{
	struct span to = report_to(m);
	message_move(m, MSG_REPORTING, &the_sched.reporting);
	if (to.n == 0) {
		log_event(LOG_NOTICE, "not_reported", "mid=%s why=\"null sender\"", id_text(m->envelope.id));
		settle(m, m->envelope.n_rcpts, false);
		message_judge(m);
		return;
	}
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

/* As many of its failures as a report has, and an envelope of only these; returns where the rest begins. */
static uint32_t
put_failures(struct buf *b, const struct message *m)
{
	static struct rcpt failed[BOUNCE_FAILURES_MOST];
	struct envelope e = m->envelope;
	struct buf failures = {0};
	size_t bytes = 0;
	uint16_t n = 0;
	uint32_t i = 0;
	for (; i < m->envelope.n_rcpts && n < BOUNCE_FAILURES_MOST; i++) {
		const struct rcpt *r = &m->envelope.rcpts[i];
		struct span reason = span_of(m->works[i].reason);
		if (m->works[i].step != STEP_FAILED)
			continue;
		bytes += r->address.n + r->orcpt.n + reason.n + BOUNCE_FAILURE_BYTES;
		if (bytes > BOUNCE_BYTES_MOST)
			break;
		buf_u16(&failures, n);
		buf_bytes(&failures, reason);
		failed[n++] = *r;
	}
	e.rcpts = failed;
	e.n_rcpts = n;
	buf_u32(b, 0);
	envelope_put(b, &e);
	buf_set_u32(b, 0, (uint32_t)b->len - 4);
	buf_u16(b, n);
	buf_span(b, buf_as_span(&failures));
	buf_free(&failures);
	return i;
}

/* The copy that was asked for is there.  An admin may have asked for one of the same message: that one is not ours. */
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
	bounce.told = put_failures(&b, m);
	buf_bytes(&b, report_to(m));
	if (ask_send(bounce.chan, BOUNCE_MAKE, buf_as_span(&b), *fd, 0) != E_OK)
		disconnect();
	buf_free(&b);
}
