/* SPDX-License-Identifier: ISC */
/*
 * ahead.c - processes that were forked before they are wanted: who sleeps wakes sooner by the forks.
 * A session, and AHEAD_MOST that become keepers, wait with the monitor's rights and nothing of anybody's for a
 * word of the monitor which account they are for; then they go into that one's jail.  What becomes a
 * keeper is not the monitor's child: it goes on when that ends.
 *
 * Another process, the seed, does nothing but fork them.  The monitor's heap has holes from all that came and went:
 * what one of its own children takes memory for lies scattered over them, and is a copied page each,
 * 0.7 ms for a keeper that opens its index.  The seed's heap stays as it was at its birth.  And it has
 * the system calls of those it forks, so that none of them has to ask for them.
 */
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "proc/heap.h"
#include "proc/monitor.h"

/* ---- in the processes ---- */

NORETURN static void
be_ahead(const struct role *role, int control, struct jail *jail)
{
	static struct buf in;
	struct ask_msg m;
	process_hold(control);
	prctl(PR_SET_NAME, "ahead", 0, 0, 0);
	if (role->warm)
		role->warm();
	heap_touch(); /* as much of its heap as it takes to begin */
	if (ask_recv(control, &in, &m, DEADLINE_NONE) != E_OK || m.type != CTL_AHEAD)
		_exit(0);
	process_become(&m, jail);
	signal(SIGCHLD, SIG_DFL);
	jail_enter(jail);
	role->ahead(the_child.account, the_child.home, m.fd);
	_exit(0);
}

/* Nobody waits for those it forks.  What each of them needs is made once: they share its pages. */
NORETURN static void
be_seed(const struct role *role, int control)
{
	static struct buf in;
	struct jail jail;
	struct ask_msg m;
	process_born(role, false, control, -1, NULL, NULL);
	prctl(PR_SET_NAME, "seed", 0, 0, 0);
	signal(SIGCHLD, SIG_IGN);
	process_jail(role, &jail);
	jail_calls(&jail);
	while (ask_recv(control, &in, &m, DEADLINE_NONE) == E_OK) {
		if (m.type != CTL_SEED) { /* the log */
			child_hear(&m);
			continue;
		}
		pid_t pid = fork();
		if (pid == 0)
			be_ahead(role, m.fd, &jail);
		if (pid < 0)
			log_event(LOG_WARNING, "fork_failed", "role=ahead err=%s",
			    log_errno(errno));
		close(m.fd);
	}
	_exit(0);
}

/* ---- in the monitor ---- */

static void
want_in(int64_t ms)
{
	the_monitor.ahead.is_wanted = true;
	the_monitor.ahead.may_hurry = ms <= AHEAD_AFTER_MS;
	loop_timer_set(the_monitor.ahead.timer, ms);
}

static void
drop(struct ahead *a)
{
	loop_unwatch(&a->watch);
	ask_hang_up(&a->chan);
}

/* One that is there, or (false) a place for one.  NULL: there is none */
static struct ahead *
find(bool is_there)
{
	for (size_t i = 0; i < AHEAD_MOST; i++)
		if ((the_monitor.ahead.each[i].watch != NULL) == is_there)
			return &the_monitor.ahead.each[i];
	return NULL;
}

/* A session that waits for its account.  NULL: there is none */
static struct process *
find_session(const struct role *role)
{
	for (struct process *p = the_monitor.processes; p; p = p->next)
		if (p->is_ahead && p->role == role && !p->is_old)
			return p;
	return NULL;
}

/* It says nothing: it has ended. */
static void
on_end(void *ctx, int fd, unsigned events)
{
	(void)fd, (void)events;
	drop(ctx);
	log_event(LOG_WARNING, "ahead_ended", "%s", "");
	want_in(AHEAD_AGAIN_MS);
}

static void
seed_end(void)
{
	loop_unwatch(&the_monitor.ahead.seed_watch);
	ask_hang_up(&the_monitor.ahead.seed);
}

/* It says nothing: it has ended, and the next one wanted makes another one. */
static void
on_seed_end(void *ctx, int fd, unsigned events)
{
	(void)ctx, (void)fd, (void)events;
	seed_end();
	log_event(LOG_WARNING, "seed_ended", "%s", "");
}

/* The one between us and it borrows our memory and ends: it is reaped as all are. */
static void
seed_begin(void)
{
	struct monitor *m = &the_monitor;
	int pair[2];
	ask_pair(pair);
	pid_t pid = vfork();
	if (pid == 0) {
		if (fork() == 0)
			be_seed(m->ahead.role, pair[1]);
		_exit(0);
	}
	close(pair[1]);
	if (pid < 0)
		log_event(
		    LOG_WARNING, "fork_failed", "role=seed err=%s", log_errno(errno));
	m->ahead.seed = pair[0];
	m->ahead.seed_watch =
	    loop_watch(m->loop, pair[0], LOOP_READ, on_seed_end, NULL);
}

/* For one that becomes a keeper. */
static void
make_keeper(struct ahead *a)
{
	struct monitor *m = &the_monitor;
	int pair[2];
	if (!m->ahead.seed_watch)
		seed_begin();
	ask_pair(pair);
	/* a seed that does not hear: what waits for its channel's end has it at once */
	int err = ask_send(m->ahead.seed, CTL_SEED, SPAN(""), pair[1], 0);
	close(pair[1]);
	if (err != E_OK)
		log_event(LOG_WARNING, "seed_not_told", "err=%d", err);
	a->chan = pair[0];
	a->watch = loop_watch(m->loop, pair[0], LOOP_READ, on_end, a);
}

static void
make_session(void)
{
	struct process *p = process_begin(the_monitor.ahead.role);
	if (p)
		p->is_ahead = true;
}

/* One of a kind at a time: what wanted the last one has the processor first. */
static void
make(void *ctx)
{
	struct monitor *m = &the_monitor;
	struct ahead *a = find(false);
	bool has_session = find_session(m->ahead.role);
	(void)ctx;
	m->ahead.is_wanted = false;
	if (m->is_stopping)
		return;
	if (a)
		make_keeper(a);
	if (!has_session)
		make_session();
	if (find(false))
		want_in(AHEAD_AFTER_MS);
}

void
ahead_want(const struct role *role)
{
	struct monitor *m = &the_monitor;
	if (!role->ahead || m->ahead.is_wanted)
		return;
	m->ahead.role = role;
	if (!m->ahead.timer)
		m->ahead.timer = loop_timer_new(m->loop, make, NULL);
	want_in(AHEAD_AFTER_MS);
}

void
ahead_now(void)
{
	if (the_monitor.ahead.is_wanted && the_monitor.ahead.may_hurry)
		want_in(0);
}

int
ahead_take(const struct role *role, uid_t uid, gid_t gid, const char *account,
    const char *home, int *out)
{
	struct monitor *m = &the_monitor;
	int pair[2];
	struct ahead *a = find(true);
	if (!a || m->ahead.role != role)
		return E_MORE;
	ask_pair(pair);
	int err = process_say_account(a->chan, uid, gid, account, home, pair[1]);
	close(pair[1]);
	drop(a);
	ahead_want(role);
	*out = pair[0];
	if (err == E_OK)
		return E_OK;
	close(pair[0]);
	return E_MORE;
}

struct process *
ahead_session(const struct role *role, uid_t uid, gid_t gid, const char *account,
    const char *home)
{
	struct process *p = find_session(role);
	if (!p)
		return NULL;
	p->is_ahead = false;
	p->started_ms = clock_mono_ms();
	ahead_want(role);
	if (process_say_account(p->chan, uid, gid, account, home, -1) == E_OK)
		return p;
	process_drain(p); /* it does not listen */
	return NULL;
}

void
ahead_end(void)
{
	seed_end();
	for (struct ahead *a; (a = find(true));)
		drop(a);
}

void
ahead_renew(void)
{
	bool is_there = the_monitor.ahead.seed_watch;
	if (is_there && monitor_say_log(the_monitor.ahead.seed) != E_OK)
		seed_end();
	for (struct ahead *a; (a = find(true));
	     is_there = true) /* they outlive the seed */
		drop(a);
	if (is_there)
		want_in(AHEAD_AFTER_MS);
}
