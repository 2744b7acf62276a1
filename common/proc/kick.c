/* SPDX-License-Identifier: ISC */
/* kick.c - sessions of an account, or from an address, end: politely, then at all. */
#include <signal.h>

#include "base/clock.h"
#include "base/log.h"
#include "proc/monitor.h"

struct kicked {
	struct loop_timer *timer; /* own */
	pid_t pid;
	int64_t started_ms; /* of that process, not of one with its number after it */
};

static void
on_late(void *ctx)
{
	struct kicked *k = ctx;
	const struct process *p = process_of_pid(k->pid);
	if (p && p->started_ms == k->started_ms && p->address) {
		log_event(LOG_NOTICE, "kick_late", "child=%d role=%s", (int)p->pid,
		    p->role_name);
		kill(p->pid, SIGKILL);
	}
	loop_timer_free(&k->timer);
	mem_free(&k);
}

static void
kick(struct process *p)
{
	struct kicked *k = mem_new(sizeof *k);
	k->pid = p->pid;
	k->started_ms = p->started_ms;
	k->timer = loop_timer_new(the_monitor.loop, on_late, k);
	/* told or not: who does not listen is ended then */
	bool is_told = process_say(p, CTL_KICK, SPAN(""), -1) == E_OK;
	loop_timer_set(k->timer, is_told ? KICK_WAIT_MS : 0);
	log_event(LOG_NOTICE, "kicked", "child=%d role=%s client=%s account=%s",
	    (int)p->pid, p->role_name, p->address, log_qs(p->account));
}

uint32_t
monitor_kick(struct span account, struct span address)
{
	uint32_t n = 0;
	for (struct process *p = the_monitor.processes; p; p = p->next) {
		bool is_meant =
		    p->address &&
		    ((account.n && span_ieq(span_of(p->account), account)) ||
			(address.n && span_ieq(span_of(p->address), address)));
		if (!is_meant)
			continue;
		kick(p);
		n++;
	}
	return n;
}
