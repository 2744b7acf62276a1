/* SPDX-License-Identifier: ISC */
/* report.c - failures go to the bounce process, one message at a time, with a copy of the message. */
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "conf/conf.h"
#include "proc/child.h"
#include "queue/sched.h"

static struct {
	int chan;              /* own; -1: none */
	struct loop_fd *watch; /* own */
	bool is_busy;          /* a copy or a report is under way, for the first of the list */
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
	bounce.is_busy = false; /* the first of the list is begun anew: its report has the same id */
}

/* Reported, or not to be reported: either way these recipients are done. */
static void
settle(struct message *m)
{
	for (uint32_t i = 0; i < m->envelope.n_rcpts; i++)
		if (m->works[i].step == STEP_FAILED)
			work_set(&m->works[i], STEP_DONE, NULL);
	message_judge(m);
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
	bool is_done = err == E_OK && rd_u8(&m.body) == 1 && rd_end(&m.body) == E_OK;
	if (err != E_OK) {
		disconnect();
		return; /* the tick begins again */
	}
	bounce.is_busy = false;
	struct message *first = the_sched.reporting.first;
	if (is_done && first)
		settle(first);
	if (is_done)
		begin();
}

void
report_open(void)
{
	if (bounce.chan < 0 && child_channel("bounce", &bounce.chan) == E_OK)
		bounce.watch = loop_watch(the_sched.loop, bounce.chan, LOOP_READ, on_bounce, NULL);
	if (!bounce.is_busy)
		begin();
}

static void
begin(void)
{
	struct message *m = the_sched.reporting.first;
	struct buf b = {0};
	if (!m || bounce.is_busy || bounce.chan < 0)
		return;
	bounce.is_busy = true;
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
		settle(m);
		return;
	}
	begin();
}

void
report_copy(struct rd *body, int *fd)
{
	struct buf b = {0};
	struct id id;
	rd_id(body, &id);
	struct message *m = the_sched.reporting.first;
	if (body->err != E_OK || !bounce.is_busy || !m || !id_eq(m->envelope.id, id)) {
		admin_copy(id, fd);
		return;
	}
	buf_u32(&b, 0);
	envelope_put(&b, &m->envelope);
	buf_set_u32(&b, 0, (uint32_t)b.len - 4);
	size_t at = b.len;
	uint16_t n = 0;
	buf_u16(&b, 0);
	for (uint32_t i = 0; i < m->envelope.n_rcpts; i++) {
		if (m->works[i].step != STEP_FAILED)
			continue;
		buf_u16(&b, (uint16_t)i);
		buf_bytes(&b, span_of(m->works[i].reason));
		n++;
	}
	buf_bytes(&b, report_to(m));
	b.p[at] = (char)(n & 0xff);
	b.p[at + 1] = (char)(n >> 8);
	if (b.len > ASK_MSG_MAX - 2 || bounce.chan < 0 ||
	    ask_send(bounce.chan, BOUNCE_MAKE, buf_as_span(&b), *fd, 0) != E_OK)
		disconnect();
	buf_free(&b);
}
