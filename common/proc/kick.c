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

void
process_kick(struct process *p)
{
	struct kicked *k = mem_new(sizeof *k);
	p->is_kicked = true;
	k->pid = p->pid;
	k->started_ms = p->started_ms;
	k->timer = loop_timer_new(the_monitor.loop, on_late, k);
	/* told or not: who does not listen is ended then */
	bool is_told = process_say(p, CTL_KICK, SPAN(""), -1) == E_OK;
	loop_timer_set(k->timer, is_told ? KICK_WAIT_MS : 0);
	log_event(LOG_NOTICE, "kicked", "child=%d role=%s client=%s account=%s",
	    (int)p->pid, p->role_name, p->address, log_qs(p->account));
}

struct meant {
	struct span account, address;
	struct process *nest;
	struct buf ids; /* own: in that nest, which is not told yet */
	uint32_t n;
};

static bool
is_meant(const struct meant *m, const char *account, const char *address)
{
	return (m->account.n && span_ieq(span_of(account), m->account)) ||
	       (m->address.n && span_ieq(span_of(address), m->address));
}

static bool
is_sleeper_meant(const void *ctx, const struct sleeper *s)
{
	return is_meant(ctx, s->account, s->address);
}

static void
tell_nest(struct meant *m)
{
	struct buf body = {0};
	uint32_t n = (uint32_t)(m->ids.len / ID_BYTES);
	buf_u32(&body, NEST_KICK);
	buf_bytes(&body, buf_as_span(&m->ids));
	if (n && process_say(m->nest, CTL_CLIENT, buf_as_span(&body), -1) != E_OK)
		log_event(LOG_ERR, "not_kicked", "child=%d sessions=%u",
		    (int)m->nest->pid, n);
	else
		m->n += n;
	buf_free(&body);
	buf_reset(&m->ids);
}

/*
 * Its nest says so, and ends it: it needs no process for that.  One that the nest wakes already is
 * told by the process that it gets.
 */
static void
kick_sleeper(void *ctx, struct sleeper *s)
{
	struct meant *m = ctx;
	if (s->nest != m->nest || !is_meant(m, s->account, s->address))
		return;
	s->is_kicked = true;
	buf_put(&m->ids, s->id.b, ID_BYTES);
	if (m->ids.len + ID_BYTES > CHILD_ABOUT_MAX)
		tell_nest(m);
}

uint32_t
monitor_kick(struct span account, struct span address)
{
	struct meant m = {.account = account, .address = address};
	wake_all(is_sleeper_meant, &m); /* who waits has a process that can be told */
	for (struct process *p = the_monitor.processes; p; p = p->next) {
		if (!p->address || !is_meant(&m, p->account, p->address))
			continue;
		process_kick(p);
		m.n++;
	}
	for (struct process *p = the_monitor.processes; p; p = p->next) {
		if (!p->n_sleepers)
			continue;
		m.nest = p;
		sleepers_each(kick_sleeper, &m);
		tell_nest(&m);
	}
	buf_free(&m.ids);
	return m.n;
}
