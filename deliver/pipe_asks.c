/* SPDX-License-Identifier: ISC */
/* pipe_asks.c - the monitor forks runners: whose mailbox it is a placer says. */
#include "conf/conf.h"
#include "deliver/owned.h"
#include "deliver/pipe.h"
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
	return E_OK;
}

const struct ask_row deliver_runner_row = {.name = "RUNNER",
    .phases = 1,
    .times = RUNNER_TIMES,
    .bytes = OWNED_BYTES,
    .has_fd_back = true,
    .handler = ask_runner};
