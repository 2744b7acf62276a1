/* SPDX-License-Identifier: ISC */
/* agent_asks.c - the monitor forks agents: whose mailbox it is a placer says. */
#include <signal.h>

#include "base/log.h"
#include "conf/conf.h"
#include "deliver/agents.h"
#include "deliver/owned.h"
#include "proc/monitor.h"

enum { AGENT_TIMES = 60000 };

const struct role *deliver_agent_role;

/*
 * How many there are.  Of this account each placer has one: past that, and AGENTS_SPARE, the first of
 * them ends, which nobody speaks with any more.
 */
static unsigned
count(struct span account, uid_t uid)
{
	const struct process *oldest = NULL;
	unsigned n = 0, same = 0;
	for (const struct process *p = the_monitor.processes; p; p = p->next) {
		if (p->role != deliver_agent_role)
			continue;
		n++;
		if (!p->owner || p->owner_uid != uid || !span_eqs(account, p->owner))
			continue;
		same++;
		if (!oldest || p->started_ms < oldest->started_ms)
			oldest = p;
	}
	int64_t most = conf_int(the_monitor.conf, "deliver", "placers") + AGENTS_SPARE;
	if (same >= (uint64_t)most) {
		log_event(LOG_WARNING, "agent_ended", "account=%s pid=%d",
		    log_q(account), (int)oldest->pid);
		kill(oldest->pid, SIGKILL);
	}
	return n;
}

static int
ask_agent(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	struct owned o;
	(void)a, (void)fd;
	int err = owned_read(body, &o);
	if (err != E_OK)
		return err;
	/* those that were told to go may still be there */
	int64_t most = 2 * conf_int(the_monitor.conf, "deliver", "agents_most");
	if (count(o.account, o.uid) < (uint64_t)most)
		owned_fork(deliver_agent_role, &o, reply, fd_back);
	else
		buf_u8(reply, (uint8_t)E_LIMIT);
	return E_OK;
}

const struct ask_row deliver_agent_row = {.name = "AGENT",
    .phases = 1,
    .times = AGENT_TIMES,
    .bytes = OWNED_BYTES,
    .has_fd_back = true,
    .handler = ask_agent};
