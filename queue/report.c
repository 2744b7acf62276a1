/* SPDX-License-Identifier: ISC */
/* report.c - failures go to the bounce process, one message at a time, with a copy of the message. */
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "proc/child.h"
#include "queue/bounce.h"
#include "queue/sched.h"

enum { AGAIN_MS = 5000 }; /* after a report that could not be made */

enum step { IDLE, COPYING, MAKING };

static struct {
	int chan;              /* own; -1: none */
	struct loop_fd *watch; /* own */
	enum step step;        /* the spool was asked for a copy, then the process for a report */
	struct id id;          /* of the message that this is for */
	uint32_t told;         /* its recipients below this one are in this report */
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
	bounce.step = IDLE; /* it is begun anew: its report has the same id */
}

/*
 * Reported, or not to be reported: either way these recipients are done.  When others of it have failed, that is noted
 * before they are reported: after a crash it must not be other ones that fill the first report.
 */
static void
settle(struct message *m, uint32_t told)
{
	for (uint32_t i = 0; i < told; i++)
		if (m->works[i].step == STEP_FAILED)
			work_set(&m->works[i], STEP_DONE, NULL);
	if (told < m->envelope.n_rcpts)
		defer_mark(m);
	message_judge(m);
}

/* No report now, the spool may be full: those of other messages are tried first. */
static void
put_off(struct message *m)
{
	bounce.again_ms = clock_mono_ms() + AGAIN_MS;
	message_move(m, MSG_REPORTING, NULL);
	message_move(m, MSG_REPORTING, &the_sched.reporting);
}

static void
on_bounce(void *ctx, int fd, unsigned events)
{
	struct ask_msg m;
	(void)ctx, (void)events;
	int err = ask_recv(fd, &bounce.scratch, &m, 0);
	if (err == E_LIMIT)
		return;
	if (err == E_OK && m.fd >= 0)
		close(m.fd);
	if (err != E_OK || bounce.step != MAKING) {
		disconnect();
		return; /* the tick begins again */
	}
	bool is_made = rd_u8(&m.body) == 1 && rd_end(&m.body) == E_OK;
	struct message *about = message_find(bounce.id); /* none: it was removed meanwhile */
	bounce.step = IDLE;
	if (about && is_made)
		settle(about, bounce.told);
	else if (about)
		put_off(about);
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

void
report_message(struct message *m)
{
	struct span to = report_to(m);
	message_move(m, MSG_REPORTING, &the_sched.reporting);
	if (to.n == 0) {
		log_event(LOG_NOTICE, "not_reported", "mid=%s why=\"null sender\"", id_text(m->envelope.id));
		settle(m, m->envelope.n_rcpts);
		return;
	}
	begin();
}

void
report_abandon(const struct message *m)
{
	if (bounce.step == IDLE || !id_eq(bounce.id, m->envelope.id))
		return;
	bounce.again_ms = clock_mono_ms() + AGAIN_MS;
	disconnect(); /* what comes of it is not for us any more */
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
