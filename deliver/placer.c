/* SPDX-License-Identifier: ISC */
/*
 * placer.c - the process: jobs of the scheduler, one packet after another, each answered when it is
 * done.
 */
#include "deliver/placer.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "deliver/place.h"
#include "deliver/progress.h"
#include "deliver/scripted.h"
#include "metrics/metric.h"
#include "proc/child.h"
#include "proc/io.h"

enum {
	JOBS_ARENA_BYTES = 32 << 20,
	RESULTS_BYTES = 48000,
	RESULTS_LATE_MS = 2000,
	RCPTS_MOST = 4096,
	SEND_WAIT_MS = 60000
};

static struct {
	int lookup;         /* own: channel; -1 */
	struct arena arena; /* of one packet */
	struct buf in, results;
	uint16_t n_results;
	int64_t sent_ms; /* results, or their packet came */
} placer = {.lookup = -1, .arena = {.max_bytes = JOBS_ARENA_BYTES}};

/* ---- results ---- */

static int
send_results(int chan)
{
	struct buf b = {.max = ASK_MSG_MAX - 2};
	if (placer.n_results == 0)
		return E_OK;
	buf_u16(&b, placer.n_results);
	buf_span(&b, buf_as_span(&placer.results));
	int err = ask_send(
	    chan, JOB_RESULT, buf_as_span(&b), -1, deadline_in_ms(SEND_WAIT_MS));
	buf_free(&b);
	buf_reset(&placer.results);
	placer.n_results = 0;
	placer.sent_ms = clock_mono_ms();
	return err;
}

static int
add_result(int chan, const struct job_result *r)
{
	/* scripts may take long: whoever waits hears of what is done */
	bool is_late = clock_mono_ms() - placer.sent_ms > RESULTS_LATE_MS;
	int err =
	    is_late || placer.results.len > RESULTS_BYTES ? send_results(chan) : E_OK;
	job_result_put(&placer.results, r);
	placer.n_results++;
	return err;
}

/* ---- one recipient ---- */

static const struct {
	uint8_t outcome;
	const char *reason;
} refusals[] = {
    [RCPT_REMOTE] = {JOB_TEMP, "4.4.0 its domain is not served here any more"},
    [RCPT_UNKNOWN] = {JOB_PERM, "5.1.1 no such mailbox"},
    [RCPT_SUSPENDED] = {JOB_PERM, "5.2.1 the mailbox is suspended"},
    [RCPT_OVER_QUOTA] = {JOB_TEMP, "4.2.2 the mailbox is full"},
    [RCPT_LOOP] = {JOB_PERM, "5.4.6 its aliases lead to themselves"},
    [RCPT_TEMP] = {JOB_TEMP, "4.3.0 recipients cannot be looked up now"},
};

/* What a mailbox's scripts say of it; without scripts it is placed. */
static int
place_one(const struct job_in *j, const struct job_rcpt *rcpt,
    const struct lookup_answer *a, const struct target *t, int64_t deadline,
    const char **reason)
{
	const struct scripted s = {.job = j,
	    .rcpt = rcpt,
	    .target = t,
	    .is_own = a->n_targets == 1 && a->owner.n == 0,
	    .owner = a->owner,
	    .is_sent = progress_sent(j->id, rcpt->index, t),
	    .deadline = deadline,
	    .lookup = &placer.lookup};
	return scripted_is_for(t) ? scripted_place(&s, reason)
	                          : place_message(j, t, reason);
}

/* For one more script: a try that ended for another reason is made anew from its beginning. */
static bool
has_time(int64_t deadline)
{
	return deadline_left_ms(deadline) >=
	       conf_int(the_child.conf, "deliver", "agent_time") * 1000;
}

static void
place_all(const struct job_in *j, const struct job_rcpt *rcpt,
    const struct lookup_answer *a, struct job_result *r)
{
	int64_t deadline = deadline_in_ms(SCRIPTED_JOB_MS);
	struct span *forwards =
	    arena_get(&placer.arena, a->n_targets * sizeof *forwards);
	const char *reason;
	if (!forwards) {
		r->outcome = JOB_TEMP;
		r->reason = SPAN("4.3.0 too much at once");
		return;
	}
	r->outcome = JOB_PLACED;
	r->forwards = forwards;
	for (size_t i = 0; i < a->n_targets; i++) {
		const struct target *t = &a->targets[i];
		if (!t->is_local) {
			forwards[r->n_forwards++] = t->address;
			continue;
		}
		if (progress_has(j->id, rcpt->index, t)) {
			r->n_mailboxes++;
			continue;
		}
		int err = place_one(j, rcpt, a, t, deadline, &reason);
		/* what is placed without a script takes no time */
		if (err == E_OK && a->n_targets > 1 && scripted_is_for(t))
			progress_add(j->id, rcpt->index, t);
		if (err == E_OK) {
			r->n_mailboxes++;
			metric_count(M_DELIVER_PLACED);
			metric_add(M_DELIVER_BYTES, j->size_bytes);
			log_event(LOG_INFO, "placed", "mid=%s account=%s bytes=%llu",
			    id_text(j->id), log_q(t->address),
			    (unsigned long long)j->size_bytes);
			continue;
		}
		/* a refusal of one, where several have it, is not told to the sender: is_own */
		r->outcome = err == E_DENY ? JOB_PERM : JOB_TEMP;
		r->reason = arena_span(
		    &placer.arena, span_head(span_of(reason), JOB_REASON_MAX));
	}
	if (r->outcome == JOB_PLACED)
		progress_forget(j->id, rcpt->index);
	else
		progress_end(j->id, rcpt->index, !has_time(deadline));
}

/*
 * From whom its forwards are, RFC 3461 5.2.7: the owner of a list, else its sender, by us if that
 * is how we do it.
 */
static int
set_forward_sender(
    const struct job_in *j, const struct lookup_answer *a, struct job_result *r)
{
	struct span sender;
	if (a->owner.n) {
		r->forward_as = FORWARD_AS_LIST;
		r->forward_sender = a->owner;
		return E_OK;
	}
	int err = j->sender.n ? lookup_forward_sender(
				    &placer.lookup, j->sender, &placer.arena, &sender)
	                      : E_OK;
	if (j->sender.n && err == E_OK && !span_eq(sender, j->sender)) {
		r->forward_as = FORWARD_REWRITTEN;
		r->forward_sender = sender;
	}
	return err;
}

static enum metric_job
job_number(uint8_t outcome)
{
	return outcome == JOB_PLACED ? METRIC_JOB_PLACED
	       : outcome == JOB_TEMP ? METRIC_JOB_TEMP
	                             : METRIC_JOB_PERM;
}

static int
do_rcpt(int chan, const struct job_in *j, const struct job_rcpt *rcpt,
    const struct lookup_answer *a)
{
	struct job_result r = {.id = j->id, .rcpt = rcpt->index};
	if (a->verdict == RCPT_LOCAL) {
		place_all(j, rcpt, a, &r);
		if (r.n_forwards && set_forward_sender(j, a, &r) != E_OK) {
			/* what was placed is known by its name, and not placed twice */
			r.outcome = JOB_TEMP;
			r.reason = SPAN("4.3.0 recipients cannot be looked up now");
		}
	} else {
		r.outcome = refusals[a->verdict].outcome;
		r.reason = span_of(refusals[a->verdict].reason);
	}
	metric_count(M_DELIVER_JOBS + job_number(r.outcome));
	return add_result(chan, &r);
}

/* ---- packets ---- */

static int
do_jobs(int chan, struct rd *body)
{
	static struct span addresses[RCPTS_MOST];
	uint16_t n = rd_u16(body);
	size_t n_rcpts = 0, at = 0;
	placer.sent_ms = clock_mono_ms();
	struct lookup_answer *answers = NULL;
	if (n > JOB_BATCH_MAX)
		return E_BAD;
	struct job_in *jobs = arena_get(&placer.arena, n * sizeof *jobs);
	for (uint16_t i = 0; i < n; i++) {
		if (job_get(body, &placer.arena, &jobs[i]) != E_OK ||
		    n_rcpts + jobs[i].n_rcpts > RCPTS_MOST)
			return E_BAD;
		for (uint16_t k = 0; k < jobs[i].n_rcpts; k++)
			addresses[n_rcpts++] = jobs[i].rcpts[k].address;
	}
	if (rd_end(body) != E_OK)
		return E_BAD;
	/* one round trip for all recipients of the packet */
	int err =
	    lookup_rcpts(&placer.lookup, addresses, n_rcpts, &placer.arena, &answers);
	struct lookup_answer none = {.verdict = RCPT_TEMP};
	bool has_answers = err == E_OK;
	err = E_OK;
	for (uint16_t i = 0; i < n && err == E_OK; i++)
		for (uint16_t k = 0; k < jobs[i].n_rcpts && err == E_OK; k++, at++)
			err = do_rcpt(chan, &jobs[i], &jobs[i].rcpts[k],
			    has_answers ? &answers[at] : &none);
	return err == E_OK ? send_results(chan) : err;
}

static int
do_sync(int chan, struct rd *body)
{
	struct buf b = {0};
	uint32_t turn = rd_u32(body);
	bool is_all = rd_u8(body) == 1;
	if (rd_end(body) != E_OK)
		return E_BAD;
	bool is_durable = place_sync(is_all) == E_OK;
	if (!is_durable)
		progress_lost();
	buf_u32(&b, turn);
	buf_u8(&b, is_durable);
	int err = ask_send(
	    chan, JOB_SYNCED, buf_as_span(&b), -1, deadline_in_ms(SEND_WAIT_MS));
	buf_free(&b);
	return err;
}

static int
do_packet(int chan)
{
	struct ask_msg m;
	int err = ask_recv(chan, &placer.in, &m, 0);
	if (err == E_LIMIT)
		return E_OK;
	if (err != E_OK)
		return err;
	if (m.fd >= 0)
		close(m.fd);
	if (m.type == JOB_PLACE)
		err = do_jobs(chan, &m.body);
	else
		err = m.type == JOB_SYNC ? do_sync(chan, &m.body) : E_BAD;
	arena_reset(&placer.arena);
	return err;
}

/* One scheduler after another; a drain ends it between two packets. */
static void
serve(int chan)
{
	int err = E_OK;
	while (err == E_OK && io_wait(chan, POLLIN, DEADLINE_NONE, IO_AT_DRAIN) == E_OK)
		err = do_packet(chan);
	if (err != E_OK && err != E_IO)
		log_event(LOG_ERR, "scheduler_ended", "why=%s", err_name(err));
	buf_reset(&placer.results);
	placer.n_results = 0;
	close(chan);
}

static int
listener_fd(void)
{
	for (size_t i = 0; i < the_child.n_listeners; i++)
		if (strcmp(the_child.listeners[i].kind, "jobs") == 0)
			return the_child.listeners[i].fd;
	bug("no socket for jobs");
}

int
placer_prepare(void)
{
	scripted_open(the_child.conf);
	return place_open(the_child.conf) == E_OK ? EX_OK : EX_NOINPUT;
}

void
placer_jail(struct jail *j)
{
	const struct conf *c = the_child.conf;
	j->calls = JAIL_FILES_READ | JAIL_FILES_WRITE | JAIL_ACCEPT | JAIL_SETID;
	jail_allow(j, conf_str(c, "common", "mail_dir"), JAIL_READ | JAIL_WRITE);
	jail_allow(j, conf_str(c, "common", "spool_dir"), JAIL_READ);
}

int
placer_run(void)
{
	int listener = listener_fd();
	while (io_wait(listener, POLLIN, DEADLINE_NONE, IO_AT_DRAIN) == E_OK) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0)
			continue; /* another placer was quicker */
		if (ask_peer_is_ours(fd))
			serve(fd);
		else
			close(fd);
	}
	return EX_OK;
}
