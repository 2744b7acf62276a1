/* SPDX-License-Identifier: ISC */
/*
 * pipe_asks.c - the monitor forks runners: whose mailbox it is a placer, or the role events, says.  One
 * that does not leave in time, because what it runs stopped it, is killed, and with it what it runs.
 */
#include <signal.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "deliver/owned.h"
#include "deliver/pipe.h"
#include "deliver/runner.h"
#include "proc/monitor.h"

enum { RUNNER_TIMES = 60000 };

const struct role *deliver_runner_role;

/* Too many in all, or of this account. */
static bool
is_crowded(const struct owned *o)
{
	int64_t all = 0, same = 0;
	for (const struct process *p = the_monitor.processes; p; p = p->next) {
		if (p->role != deliver_runner_role)
			continue;
		all++;
		same += p->owner && p->owner_uid == o->uid &&
		        span_eqs(o->account, p->owner);
	}
	return same >= PIPE_PER_ACCOUNT ||
	       all >= conf_int(the_monitor.conf, "deliver", "programs_most");
}

static struct loop_timer *overdue; /* own; set while there are runners */

/* Those that are overdue, and when the next one is. */
static void
on_overdue(void *ctx)
{
	int64_t now = clock_mono_ms(), next = -1;
	int64_t most = RUNNER_SPARE_SEC * 1000 +
	               conf_int(the_monitor.conf, "deliver", "program_time") * 1000;
	(void)ctx;
	for (const struct process *p = the_monitor.processes; p; p = p->next) {
		if (p->role != deliver_runner_role)
			continue;
		int64_t left = p->started_ms + most - now;
		if (left > 0) {
			next = next < 0 || left < next ? left : next;
			continue;
		}
		log_event(LOG_WARNING, "runner_overdue", "account=%s pid=%d",
		    p->owner ? log_qs(p->owner) : "-", (int)p->pid);
		kill(p->pid, SIGKILL);
	}
	loop_timer_set(overdue, next);
}

/* From now on, as long as there are any. */
void
deliver_runners_watch(void)
{
	if (!overdue)
		overdue = loop_timer_new(the_monitor.loop, on_overdue, NULL);
	on_overdue(NULL);
}

static int
ask_runner(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct owned o;
	(void)a, (void)fd;
	int err = owned_read(body, &o);
	if (err != E_OK)
		return err;
	if (is_crowded(&o))
		buf_u8(reply, (uint8_t)E_LIMIT);
	else
		owned_fork(deliver_runner_role, &o, reply, fd_back);
	deliver_runners_watch();
	return E_OK;
}

const struct ask_row deliver_runner_row = {.name = "RUNNER",
    .phases = 1,
    .times = RUNNER_TIMES,
    .bytes = OWNED_BYTES,
    .has_fd_back = true,
    .handler = ask_runner};
