/* SPDX-License-Identifier: ISC */
/*
 * ahead.c - a process that was forked before it is wanted: who sleeps wakes sooner by two forks.
 * AHEAD_MOST wait at a time, each with the monitor's rights and nothing of anybody's, for a word of the monitor
 * which account it is for; then it goes into that one's jail, as a session does.  No monitor is its
 * parent: what becomes of it goes on when the monitor ends.
 *
 * Another process, the seed, does nothing but fork them.  The monitor's heap has holes from all that came and went:
 * what one of its own children takes memory for lies scattered over them, and is a copied page each,
 * 0.7 ms for a keeper that opens its index.  The seed's heap stays as it was at its birth.
 */
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "proc/monitor.h"

enum { PATH_BYTES_MAX = 4096 };

static void
copy(struct span from, struct buf *to)
{
	buf_span(to, from);
	(void)buf_cstr(to);
}

/* ---- in the processes ---- */

NORETURN static void
be_ahead(const struct role *role, int control)
{
	static struct buf in, account, home;
	struct jail jail;
	struct ask_msg m;
	process_born(role, false, control, -1, NULL, NULL);
	prctl(PR_SET_NAME, "ahead", 0, 0, 0);
	process_jail(role, &jail);
	if (ask_recv(control, &in, &m, DEADLINE_NONE) != E_OK || m.type != CTL_AHEAD)
		_exit(0);
	jail.uid = rd_u32(&m.body);
	jail.gid = rd_u32(&m.body);
	copy(rd_str(&m.body, WHO_TEXT_MAX), &account);
	copy(rd_str(&m.body, PATH_BYTES_MAX), &home);
	if (rd_end(&m.body) != E_OK || m.fd < 0)
		bug("malformed CTL_AHEAD");
	signal(SIGCHLD, SIG_DFL);
	jail_allow(&jail, buf_cstr(&home), JAIL_READ | JAIL_WRITE);
	jail_enter(&jail);
	role->ahead(buf_cstr(&account), buf_cstr(&home), m.fd);
	_exit(0);
}

/* Nobody waits for those it forks. */
NORETURN static void
be_seed(const struct role *role, int control)
{
	static struct buf in;
	struct ask_msg m;
	process_born(role, false, control, -1, NULL, NULL);
	prctl(PR_SET_NAME, "seed", 0, 0, 0);
	signal(SIGCHLD, SIG_IGN);
	while (ask_recv(control, &in, &m, DEADLINE_NONE) == E_OK &&
	       m.type == CTL_CLIENT && m.fd >= 0) {
		pid_t pid = fork();
		if (pid == 0)
			be_ahead(role, m.fd);
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

static void
make(void *ctx)
{
	struct monitor *m = &the_monitor;
	struct ahead *a = find(false);
	int pair[2];
	(void)ctx;
	m->ahead.is_wanted = false;
	if (m->is_stopping || !a)
		return;
	if (!m->ahead.seed_watch)
		seed_begin();
	ask_pair(pair);
	/* a seed that does not hear: what waits for its channel's end has it at once */
	int err = ask_send(m->ahead.seed, CTL_CLIENT, SPAN(""), pair[1], 0);
	close(pair[1]);
	if (err != E_OK)
		log_event(LOG_WARNING, "seed_not_told", "err=%d", err);
	a->chan = pair[0];
	a->watch = loop_watch(m->loop, pair[0], LOOP_READ, on_end, a);
	if (find(false))
		want_in(AHEAD_AFTER_MS);
}

void
ahead_want(const struct role *role)
{
	struct monitor *m = &the_monitor;
	if (!role->ahead || m->ahead.is_wanted || !find(false))
		return;
	m->ahead.role = role;
	if (!m->ahead.timer)
		m->ahead.timer = loop_timer_new(m->loop, make, NULL);
	want_in(AHEAD_AFTER_MS);
}

int
ahead_take(const struct role *role, uid_t uid, gid_t gid, const char *account,
    const char *home, int *out)
{
	struct monitor *m = &the_monitor;
	struct buf body = {0};
	int pair[2];
	struct ahead *a = find(true);
	if (!a || m->ahead.role != role)
		return E_MORE;
	ask_pair(pair);
	buf_u32(&body, uid);
	buf_u32(&body, gid);
	buf_bytes(&body, span_of(account));
	buf_bytes(&body, span_of(home));
	int err = ask_send(a->chan, CTL_AHEAD, buf_as_span(&body), pair[1], 0);
	close(pair[1]);
	buf_free(&body);
	drop(a);
	ahead_want(role);
	*out = pair[0];
	if (err == E_OK)
		return E_OK;
	close(pair[0]);
	return E_MORE;
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
	if (!the_monitor.ahead.seed_watch)
		return;
	ahead_end();
	want_in(AHEAD_AFTER_MS);
}
