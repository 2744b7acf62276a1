/* SPDX-License-Identifier: ISC */
/* process.c - the table of a monitor's processes, and how one is made. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "proc/fds.h"
#include "proc/monitor.h"

enum {
	KEEP_MAX = LISTENERS_MAX + 4,
	ASK_BURST = 64,
	HEAR_MOST = 1024,
	LAST_WORDS_MOST = 100000
};

static void
serve_asks(struct process *p, struct buf *scratch, unsigned burst)
{
	int err = asker_serve(p->asker, scratch, burst);
	/* who does not hear an answer may have said more */
	if (err == E_OK ||
	    (err == E_IO && ask_is_over(p->chan) && ask_next(p->chan) != ASK_NONE))
		return;
	loop_unwatch(&p->watch);
	/* out of turn, too long, too often: logged; its death comes as SIGCHLD */
	if (err != E_IO)
		kill(p->pid, SIGKILL);
}

static void
on_process_asks(void *ctx, int fd, unsigned events)
{
	(void)fd, (void)events;
	serve_asks(ctx, &the_monitor.scratch, ASK_BURST);
}

void
process_hear(struct process *p, unsigned tells)
{
	static struct buf scratch; /* kept; the monitor's holds the ask that led here */
	tells |= MON_MAY(MON_WHO) | MON_MAY(MON_READY) | MON_MAY(MON_LOG);
	for (unsigned i = 0; i < HEAR_MOST && p->watch; i++) {
		unsigned type = ask_next(p->chan);
		if (type >= MON_EXTRA + MON_EXTRA_MOST || !(MON_MAY(type) & tells))
			return;
		serve_asks(p, &scratch, 1);
	}
}

static struct process *
process_add(pid_t pid, int chan, const struct role *role, const char *role_name,
    unsigned generation, int cell)
{
	struct monitor *m = &the_monitor;
	struct process *p = mem_new(sizeof *p);
	*p = (struct process){.next = m->processes,
	    .pid = pid,
	    .role = role,
	    .generation = generation,
	    .cell = cell,
	    .started_ms = clock_mono_ms(),
	    .sleep_watch = -1,
	    .wake.queue = {-1, -1},
	    .chan = chan};
	snprintf(p->role_name, sizeof p->role_name, "%s", role_name);
	size_t n = 0;
	const struct ask_row *rows = NULL;
	if (role) {
		struct role_state *s = &m->roles[role - m->daemon->roles];
		rows = s->rows;
		n = s->n_rows;
	}
	p->asker = asker_new(chan, rows, n, p->role_name, p);
	p->asker->is_secret = true; /* the next child may be another account's */
	p->watch = loop_watch(m->loop, chan, LOOP_READ, on_process_asks, p);
	m->processes = p;
	return p;
}

static bool
is_for(const struct role *role, const struct listener *l)
{
	if (role->flags & ROLE_METRICS || listen_is_metrics(l))
		return role->flags & ROLE_METRICS && listen_is_metrics(l);
	for (const char *const *kind = role->listens; kind && *kind; kind++)
		if (!strcmp(*kind, l->kind))
			return true;
	return !role->listens;
}

/* The listeners that a role gets, in the monitor's copy of them that is its own now. */
static void
keep_listeners(const struct role *role, bool accepts)
{
	struct listeners *l = &the_monitor.listeners;
	size_t n = 0;
	for (size_t i = 0; accepts && i < l->n; i++)
		if (is_for(role, &l->all[i]))
			l->all[n++] = l->all[i];
	l->n = n;
}

static void
keep_descriptors(int control)
{
	struct monitor *m = &the_monitor;
	int keep[KEEP_MAX];
	size_t n = 0;
	keep[n++] = control;
	keep[n++] = log_fd();
	for (size_t i = 0; i < m->listeners.n; i++)
		keep[n++] = m->listeners.all[i].fd;
	fds_close_others(keep, n);
}

static void
reset_signals(void)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_IGN);
	/* the monitor speaks for us: a terminal reaches the whole group */
	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
}

void
process_hold(int control)
{
	keep_descriptors(control);
	the_child.control = control;
}

void
process_born(const struct role *role, bool accepts, int control, int cell,
    const char *account, const char *home)
{
	struct monitor *m = &the_monitor;
	keep_listeners(role, accepts);
	keep_descriptors(control);
	metrics_cell_use(cell);
	reset_signals();
	log_role(role->name);
	log_on_loss(child_log_lost);
	prctl(PR_SET_NAME, role->name, 0, 0, 0);
	the_child = (struct child){.role = role,
	    .daemon = m->daemon->name,
	    .conf = m->conf,
	    .control = control,
	    .queue = -1,
	    .keeper = -1,
	    .generation = m->generation,
	    .has_root = m->has_root,
	    .account = account,
	    .home = home,
	    .listeners = m->listeners.all,
	    .n_listeners = m->listeners.n};
	if (m->daemon->on_born)
		m->daemon->on_born(role);
}

static void
copy(struct span from, struct buf *to)
{
	buf_span(to, from);
	(void)buf_cstr(to);
}

void
process_become(struct ask_msg *m, struct jail *jail)
{
	static struct buf account, home; /* kept: one per process */
	jail->uid = rd_u32(&m->body);
	jail->gid = rd_u32(&m->body);
	copy(rd_str(&m->body, WHO_TEXT_MAX), &account);
	copy(rd_str(&m->body, PATH_BYTES_MAX), &home);
	if (rd_end(&m->body) != E_OK)
		bug("malformed CTL_AHEAD");
	the_child.account = buf_cstr(&account);
	the_child.home = buf_cstr(&home);
	jail_allow(jail, the_child.home, JAIL_READ | JAIL_WRITE);
}

static void
await_account(const struct role *role, struct jail *jail)
{
	static struct buf in;
	struct ask_msg m;
	prctl(PR_SET_NAME, "ahead", 0, 0, 0);
	jail_calls(jail);
	child_await(CTL_AHEAD, &in, &m);
	prctl(PR_SET_NAME, role->name, 0, 0, 0);
	process_become(&m, jail);
}

NORETURN static void
child_main(const struct role *role, struct jail *jail, int control, int cell,
    const char *account, const char *home)
{
	process_born(
	    role, (jail->calls & JAIL_ACCEPT) != 0, control, cell, account, home);
	if (role->flags & ROLE_SESSION && !account)
		await_account(role, jail);
	metric_count(M_PROCESS_STARTS + (unsigned)(role - the_monitor.daemon->roles));
	int status = role->prepare ? role->prepare() : EX_OK;
	if (status != EX_OK)
		_exit(status);
	jail_enter(jail);
	_exit(role->run());
}

void
process_jail(const struct role *role, struct jail *out)
{
	uid_t uid;
	gid_t gid;
	if (daemon_user(the_monitor.conf, role->user, &uid, &gid) != E_OK)
		bug("a user that the self-test let through");
	*out = (struct jail){.uid = uid,
	    .gid = gid,
	    .group = (gid_t)-1,
	    .keeps_id_caps = (role->flags & ROLE_CAPS_ID) != 0};
	/* a role's jail function looks its paths up in it */
	the_child.conf = the_monitor.conf;
	role->jail(out);
}

struct process *
process_fork(
    const struct role *role, struct jail *jail, const char *account, const char *home)
{
	int pair[2];
	unsigned number = (unsigned)(role - the_monitor.daemon->roles);
	int cell = metrics_cell_take(number);
	ask_pair(pair);
	pid_t pid = fork();
	if (pid == 0)
		child_main(role, jail, pair[1], cell, account, home);
	close(pair[1]);
	if (pid < 0) {
		log_event(LOG_ERR, "fork_failed", "role=%s err=%s", role->name,
		    log_errno(errno));
		close(pair[0]);
		metrics_cell_free(cell);
		return NULL;
	}
	return process_add(
	    pid, pair[0], role, role->name, the_monitor.generation, cell);
}

struct process *
process_begin(const struct role *role)
{
	struct jail jail;
	process_jail(role, &jail);
	return process_fork(role, &jail, NULL, NULL);
}

int
process_say_account(
    int chan, uid_t uid, gid_t gid, const char *account, const char *home, int fd)
{
	struct buf body = {0};
	buf_u32(&body, uid);
	buf_u32(&body, gid);
	buf_bytes(&body, span_of(account));
	buf_bytes(&body, span_of(home));
	int err = ask_send(chan, CTL_AHEAD, buf_as_span(&body), fd, 0);
	buf_free(&body);
	return err;
}

static const struct role *
role_named(const char *name)
{
	const struct daemon *d = the_monitor.daemon;
	for (size_t i = 0; i < d->n_roles; i++)
		if (!strcmp(d->roles[i].name, name))
			return &d->roles[i];
	return NULL;
}

struct process *
process_adopt(pid_t pid, int chan, const char *role_name, unsigned generation, int cell,
    int64_t started_ms)
{
	const struct role *role = role_named(role_name);
	cell =
	    role ? metrics_cell_keep(cell, (unsigned)(role - the_monitor.daemon->roles))
		 : -1;
	struct process *p = process_add(pid, chan, role, role_name, generation, cell);
	p->is_old = true;
	if (started_ms > 0 && started_ms < p->started_ms)
		p->started_ms = started_ms;
	return p;
}

struct process *
process_of_pid(pid_t pid)
{
	for (struct process *p = the_monitor.processes; p; p = p->next)
		if (p->pid == pid)
			return p;
	return NULL;
}

struct process *
process_of_role(const struct role *role, unsigned generation)
{
	static unsigned turn; /* where a role has several, each gets its share */
	struct process *any = NULL, *pick = NULL;
	unsigned n = 0;
	turn++;
	for (struct process *p = the_monitor.processes; p; p = p->next) {
		if (p->role != role || (p->is_old && p->generation != generation))
			continue;
		any = p;
		if (p->generation == generation && turn % ++n == 0)
			pick = p;
	}
	return pick ? pick : any;
}

unsigned
process_count(const struct role *role, bool with_old)
{
	unsigned n = 0;
	for (struct process *p = the_monitor.processes; p; p = p->next)
		if (p->role == role && !p->owner && (with_old || !p->is_old))
			n++;
	return n;
}

unsigned
process_most(const struct role *role)
{
	const struct monitor *m = &the_monitor;
	return role->most ? (unsigned)conf_int(m->conf, m->daemon->name, role->most)
	                  : role->at_start;
}

void
process_drain(struct process *p)
{
	char is_stopping = the_monitor.is_stopping;
	p->is_old = true;
	if (process_say(p, CTL_DRAIN, span_make(&is_stopping, 1), -1) != E_OK)
		kill(p->pid, SIGKILL); /* it does not listen */
}

void
process_serves(
    struct process *p, struct span address, struct span account, int64_t since_wall_sec)
{
	struct buf text = {0};
	mem_free(&p->address);
	mem_free(&p->account);
	if (address.n) {
		buf_span(&text, address);
		p->address = mem_dup(buf_cstr(&text));
		buf_reset(&text);
		buf_span(&text, account);
		p->account = mem_dup(buf_cstr(&text));
		p->since_wall_sec = since_wall_sec;
	}
	buf_free(&text);
}

/*
 * A nest of before a reload ends with its last sleeper, a session when its client left: its death may be
 * known before it is read that one wakes, or sleeps again.
 */
static void
hear_last_words(struct process *p)
{
	p->is_old = p->is_dead = true; /* nothing is said to it any more */
	int err;
	do /* it cannot be ended once more */
		err = asker_serve(p->asker, &the_monitor.scratch, LAST_WORDS_MOST);
	while (err == E_IO && ask_next(p->chan) != ASK_NONE);
}

void
process_gone(struct process *gone)
{
	bool is_nest = gone->role && gone->role->flags & ROLE_NEST;
	bool is_heard =
	    gone->role && gone->role->flags & (ROLE_NEST | ROLE_SESSION | ROLE_TELLS);
	if (is_heard && gone->watch) /* else it was ended for what it asked */
		hear_last_words(gone);
	struct process **link = &the_monitor.processes;
	while (*link != gone)
		link = &(*link)->next;
	*link = gone->next;
	wake_lost(gone);
	if (is_nest)
		sleepers_lost(gone);
	metrics_cell_free(gone->cell);
	loop_unwatch(&gone->watch);
	asker_free(&gone->asker);
	mem_free(&gone->address);
	mem_free(&gone->account);
	mem_free(&gone->owner);
	mem_free(&gone->home);
	buf_free(&gone->wake.owed);
	if (gone->sleep_watch >= 0)
		close(gone->sleep_watch);
	mem_free(&gone);
}

int
process_say(struct process *p, uint16_t type, struct span body, int fd)
{
	return ask_send(p->chan, type, body, fd, 0);
}
