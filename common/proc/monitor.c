/* SPDX-License-Identifier: ISC */
/* monitor.c - the life of a monitor: births, deaths, signals. */
#include "proc/monitor.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "proc/logfile.h"
#include "proc/notify.h"

struct monitor the_monitor;

static unsigned
wanted(const struct role *role)
{
	const struct monitor *m = &the_monitor;
	bool is_lazy =
	    role->flags & ROLE_LAZY && !m->roles[role - m->daemon->roles].is_wanted;
	bool is_off = role->is_off && role->is_off(m->conf);
	if (role->flags & ROLE_SESSION || is_lazy || is_off)
		return 0;
	return role->count ? (unsigned)conf_int(m->conf, m->daemon->name, role->count)
	                   : role->at_start;
}

static void
on_retry(void *ctx)
{
	monitor_ensure(ctx);
}

static int64_t
restart_delay_ms(unsigned failures)
{
	int64_t ms = RESTART_DELAY_FIRST_MS;
	if (failures < 2)
		return 0;
	for (unsigned i = 2; i < failures && ms < RESTART_DELAY_MOST_MS; i++)
		ms *= 2;
	return ms;
}

void
monitor_ensure(const struct role *role)
{
	struct monitor *m = &the_monitor;
	if (m->is_stopping)
		return;
	/* two of a single one would both write what has one writer */
	if ((role->flags & ROLE_SINGLE) &&
	    process_count(role, true) > process_count(role, false))
		return;
	while (process_count(role, false) < wanted(role)) {
		struct process *p = process_begin(role);
		if (!p) {
			loop_timer_set(m->roles[role - m->daemon->roles].retry,
			    RESTART_DELAY_MOST_MS);
			return;
		}
		mon_hand_waiting(p);
	}
}

static void
say_death(const struct process *p, int status)
{
	int64_t lived_ms = clock_mono_ms() - p->started_ms;
	if (WIFSIGNALED(status))
		log_event(LOG_ERR, "process_died",
		    "role=%s child=%d signal=%s lived_ms=%lld", p->role_name,
		    (int)p->pid, sigabbrev_np(WTERMSIG(status)), (long long)lived_ms);
	else if (WEXITSTATUS(status) != EX_OK)
		log_event(LOG_ERR, "process_ended",
		    "role=%s child=%d status=%d lived_ms=%lld", p->role_name,
		    (int)p->pid, WEXITSTATUS(status), (long long)lived_ms);
}

static void
on_death(struct process *p, int status)
{
	struct monitor *m = &the_monitor;
	const struct role *role = p->role;
	bool is_good = WIFEXITED(status) && WEXITSTATUS(status) == EX_OK;
	bool is_short = clock_mono_ms() - p->started_ms < LIFE_SHORT_MS;
	say_death(p, status);
	if (role && !is_good)
		metric_count(M_PROCESS_DEATHS + (unsigned)(role - m->daemon->roles));
	if (m->daemon->on_gone)
		m->daemon->on_gone(p->pid);
	process_gone(p);
	if (m->is_stopping && !m->processes)
		loop_stop(m->loop);
	if (!role || m->is_stopping)
		return;
	struct role_state *s = &m->roles[role - m->daemon->roles];
	s->failures = is_good || !is_short ? 0 : s->failures + 1;
	int64_t delay_ms = restart_delay_ms(s->failures);
	if (delay_ms == 0)
		monitor_ensure(role);
	else
		loop_timer_set(s->retry, delay_ms);
}

/* While it is not reaped its pid, and so the number of its group, is its own. */
static void
kill_group(const struct process *p)
{
	if (p && p->role && (p->role->flags & ROLE_GROUP))
		(void)kill(-p->pid, SIGKILL); /* mostly there is none any more */
}

/* One that died, and is still there; 0: none. */
static pid_t
dead(void)
{
	siginfo_t info = {0};
	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 ? info.si_pid
	                                                                 : 0;
}

static void
reap(void)
{
	int status;
	pid_t pid;
	while ((pid = dead()) > 0) {
		struct process *p = process_of_pid(pid);
		kill_group(p);
		if (waitpid(pid, &status, WNOHANG) != pid)
			return;
		if (p)
			on_death(p, status);
		else if (pid == the_monitor.tester)
			reload_tested(status);
	}
}

void
monitor_each_drain(void)
{
	for (struct process *p = the_monitor.processes; p; p = p->next)
		process_drain(p);
}

static void
on_stop_deadline(void *ctx)
{
	(void)ctx;
	for (struct process *p = the_monitor.processes; p; p = p->next) {
		log_event(LOG_WARNING, "stop_deadline", "role=%s child=%d",
		    p->role_name, (int)p->pid);
		kill(p->pid, SIGKILL);
	}
}

static void
stop(void)
{
	struct monitor *m = &the_monitor;
	if (m->is_stopping)
		return;
	wake_all(NULL, NULL);
	ahead_end();
	m->is_stopping = true;
	notify_stopping();
	log_event(LOG_INFO, "stopping", "%s", "");
	monitor_each_drain();
	int64_t ms = conf_int(m->conf, "common", "stop_time") * 1000;
	loop_timer_set(loop_timer_new(m->loop, on_stop_deadline, NULL), ms);
	if (!m->processes)
		loop_stop(m->loop);
}

int
monitor_say_log(int chan)
{
	struct buf body = {0};
	buf_u8(&body, log_is_syslog());
	int err = ask_send(chan, CTL_LOG, buf_as_span(&body), log_fd(), 0);
	if (err != E_OK)
		log_event(LOG_ERR, "log_not_passed", "err=%d", err);
	buf_free(&body);
	return err;
}

static void
reopen_log(void)
{
	if (logfile_reopen(the_monitor.conf, the_monitor.daemon->name) != E_OK)
		return;
	for (struct process *p = the_monitor.processes; p; p = p->next)
		(void)!monitor_say_log(p->chan);
	ahead_renew();
}

static void
on_signal(void *ctx, int fd, unsigned events)
{
	struct signalfd_siginfo info;
	(void)ctx, (void)events;
	while (read(fd, &info, sizeof info) == (ssize_t)sizeof info) {
		switch (info.ssi_signo) {
		case SIGCHLD:
			reap();
			break;
		case SIGHUP:
			reload_begin();
			break;
		case SIGUSR1:
			reopen_log();
			break;
		default:
			stop();
		}
	}
}

static void
watch_signals(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		bug("signalfd");
	loop_watch(the_monitor.loop, fd, LOOP_READ, on_signal, NULL);
}

/* What each role may do is made ready once, so that a fork costs little. */
static void
prepare_roles(void)
{
	struct monitor *m = &the_monitor;
	if (m->daemon->n_roles > ROLES_MAX)
		bug("too many roles");
	for (size_t i = 0; i < m->daemon->n_roles; i++) {
		const struct role *role = &m->daemon->roles[i];
		struct role_state *s = &m->roles[i];
		struct jail jail;
		s->rows = mon_rows_of(role, &s->n_rows);
		s->retry = loop_timer_new(m->loop, on_retry, (void *)(uintptr_t)role);
		process_jail(role, &jail);
		jail_compile(jail.calls);
		if (role->ahead)
			jail_compile(jail.calls | JAIL_BECOME);
	}
}

void
monitor_ready(void)
{
	struct monitor *m = &the_monitor;
	if (m->is_ready || !m->ready)
		return;
	m->is_ready = true;
	loop_timer_set(m->ready, -1);
	log_event(LOG_INFO, "ready", "%s", "");
	notify_ready();
}

static void
on_ready_late(void *ctx)
{
	(void)ctx;
	log_event(LOG_WARNING, "ready_late", "%s", "");
	monitor_ready();
}

static void
await_ready(void)
{
	struct monitor *m = &the_monitor;
	bool is_awaited = false;
	m->ready = loop_timer_new(m->loop, on_ready_late, NULL);
	for (size_t i = 0; i < m->daemon->n_roles; i++)
		is_awaited = is_awaited || m->daemon->roles[i].flags & ROLE_AWAITED;
	if (is_awaited)
		loop_timer_set(m->ready, READY_WAIT_MOST_MS);
	else
		monitor_ready();
}

int
monitor_run(void)
{
	struct monitor *m = &the_monitor;
	m->loop = loop_new();
	watch_signals();
	m->metrics = metrics_open(m->metrics);
	prepare_roles();
	reload_adopt();
	mon_who_open();
	reload_watch_files();
	for (size_t i = 0; i < m->daemon->n_roles; i++)
		monitor_ensure(&m->daemon->roles[i]);
	reap(); /* who died while we exec'ed: its SIGCHLD went to the old image */
	log_event(LOG_INFO, "started", "version=%s generation=%u listeners=%zu",
	    MERPATI_VERSION, m->generation, m->listeners.n);
	await_ready();
	if (!m->is_stopping)
		loop_run(m->loop);
	log_event(LOG_INFO, "stopped", "%s", "");
	return EX_OK;
}

static void
process_own(
    struct process *p, const char *account, uid_t uid, gid_t gid, const char *home)
{
	p->owner = mem_dup(account);
	p->owner_uid = uid;
	p->owner_gid = gid;
	p->home = home ? mem_dup(home) : NULL;
}

bool
monitor_is_of(const struct process *p, const char *account, uid_t uid)
{
	return p->owner && p->owner_uid == uid && strcmp(p->owner, account) == 0;
}

struct process *
monitor_pass(const char *account, uid_t uid, int fd, struct span body)
{
	for (struct process *p = the_monitor.processes; p; p = p->next) {
		if (!p->is_idle || p->is_old || !monitor_is_of(p, account, uid))
			continue;
		p->is_idle = false;
		p->has_client = process_say(p, CTL_CLIENT, body, fd) == E_OK;
		if (p->has_client)
			return p;
	}
	return NULL;
}

static struct process *
fork_for(const struct role *role, uid_t uid, gid_t gid, const char *home,
    const char *account)
{
	struct jail jail;
	process_jail(role, &jail);
	if (role->flags & ROLE_SESSION) {
		jail.uid = uid;
		jail.gid = gid;
		jail_allow(&jail, home, JAIL_READ | JAIL_WRITE);
	}
	return process_fork(role, &jail, account, home);
}

struct process *
monitor_fork_for(const struct role *role, uid_t uid, gid_t gid, const char *home,
    int fd, struct span body, const char *account, int keeper)
{
	struct process *p = ahead_session(role, uid, gid, account, home);
	if (!p)
		p = fork_for(role, uid, gid, home, account);
	if (!p)
		return NULL;
	process_own(p, account, uid, gid, home);
	if (keeper >= 0 && process_say(p, CTL_KEEPER, SPAN(""), keeper) != E_OK)
		log_event(LOG_DEBUG, "keeper_not_passed", "child=%d", (int)p->pid);
	p->has_client = process_say(p, CTL_CLIENT, body, fd) == E_OK;
	return p->has_client ? p : NULL;
}

static void
put_client(struct buf *body, unsigned kind, struct span about)
{
	buf_u32(body, kind);
	buf_bytes(body, about);
}

int
monitor_fork_session(const struct role *role, uid_t uid, gid_t gid, const char *home,
    int fd, struct span blob, const char *account, struct span address)
{
	struct buf body = {.is_secret = true};
	if (blob.n > CHILD_ABOUT_MAX) {
		close(fd);
		return E_LIMIT;
	}
	put_client(&body, 0, blob);
	struct process *p =
	    monitor_fork_for(role, uid, gid, home, fd, buf_as_span(&body), account, -1);
	if (p)
		process_serves(p, address, span_of(account), clock_wall_sec());
	buf_wipe(&body); /* it may hold keys, and the next child is another account's */
	close(fd);
	return p ? E_OK : E_IO;
}

int
monitor_pass_session(
    const char *account, uid_t uid, int fd, struct span blob, struct span address)
{
	struct buf body = {.is_secret = true};
	put_client(&body, 0, blob);
	struct process *p = monitor_pass(account, uid, fd, buf_as_span(&body));
	buf_wipe(&body); /* it may hold keys, and the next child is another account's */
	if (p) {
		process_serves(p, address, span_of(account), clock_wall_sec());
		close(fd);
	}
	return p ? E_OK : E_BAD;
}

void
monitor_count_sessions(const struct role *role, const char *account, uid_t uid,
    unsigned *all, unsigned *same)
{
	*all = *same = 0;
	for (const struct process *p = the_monitor.processes; p; p = p->next) {
		/* of smtpd's pool, which has accounts of its own */
		bool is_of_pool = !p->owner && !(role->flags & ROLE_SESSION);
		/* the client of one that was kicked counts where it is */
		bool has_none = p->is_idle || (p->is_kicked && !p->has_client);
		if (p->role != role || has_none || p->is_ahead || is_of_pool)
			continue;
		++*all;
		*same += monitor_is_of(p, account, uid);
	}
	sleepers_count(account, uid, all, same);
}

int
monitor_pass_to(const struct role *role, int fd, struct span blob)
{
	struct buf body = {0};
	int err = E_BAD;
	buf_u32(&body, 0);
	buf_bytes(&body, blob);
	for (struct process *p = the_monitor.processes; p && err != E_OK; p = p->next)
		if (p->role == role && !p->is_old)
			err = process_say(p, CTL_CLIENT, buf_as_span(&body), fd) == E_OK
			          ? E_OK
			          : E_BAD;
	buf_free(&body);
	if (err == E_OK)
		close(fd);
	return err;
}
