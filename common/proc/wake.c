/* SPDX-License-Identifier: ISC */
/*
 * wake.c - sleepers that wake: each gets a session of its account.  What changed wakes all of an
 * account at once, and a process takes longer to make than a client to tell: one is made for the
 * first, the others stand in a queue behind it.  The queue is a socket whose far end the process
 * has, and the monitor too: what the one has taken the other cannot, so that who stands behind a
 * client that keeps its process longer than WAKE_BEHIND_MS, or behind one that dies, is taken back
 * and goes elsewhere.
 */
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "proc/monitor.h"

struct behind {
	struct behind *next;
	const struct role *role; /* borrow: static */
	struct sleeper *sleeper; /* own */
	int fd;                  /* own */
	bool is_sent;            /* into the queue */
	size_t n;
	char body[]; /* of CTL_CLIENT */
};

static void place(struct behind *);

/* Processes of other accounts are forked while it waits: they have zeros for it. */
static struct behind *
behind_new(size_t n)
{
	size_t all = sizeof(struct behind) + n;
	void *p =
	    mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED || madvise(p, all, MADV_WIPEONFORK) != 0)
		bug("memory for a sleeper");
	return p;
}

static void
behind_free(struct behind **bp)
{
	struct behind *b = *bp;
	sleeper_gone(b->sleeper);
	close(b->fd);
	munmap(b, sizeof *b + b->n);
	*bp = NULL;
}

/* ---- to a process ---- */

/* Its client is b's from now on. */
static void
serves(struct process *p, struct behind *b)
{
	struct sleeper *s = b->sleeper;
	process_serves(p, span_of(s->address), span_of(s->account), s->since_wall_sec);
	p->is_idle = false;
	p->has_client = true;
	p->wake.by = s->nest ? s->nest->pid : 0;
	p->wake.id = s->id;
	p->wake.until = deadline_in_ms(WAKE_BEHIND_MS);
	if (s->is_kicked)
		process_kick(p);
	if (the_monitor.is_stopping &&
	    !p->is_dead) /* it came too late to be told with the others */
		process_drain(p);
	behind_free(&b);
}

static void
give_up(struct behind *b)
{
	log_event(LOG_ERR, "not_woken", "account=%s", log_qs(b->sleeper->account));
	sleeper_tell_awake(b->sleeper);
	behind_free(&b);
}

/* Where the account has a session, it has a keeper most likely. */
static bool
has_session(const struct sleeper *s)
{
	for (const struct process *p = the_monitor.processes; p; p = p->next)
		if (monitor_is_of(p, s->account, s->uid))
			return true;
	return false;
}

/* The keeper begins while the session is made. */
static struct process *
make(const struct behind *b)
{
	const struct sleeper *s = b->sleeper;
	int keeper = -1;
	if (has_session(s) ||
	    ahead_take(b->role, s->uid, s->gid, s->account, s->home, &keeper) != E_OK)
		keeper = -1;
	struct process *p = monitor_fork_for(b->role, s->uid, s->gid, s->home, b->fd,
	    span_make(b->body, b->n), s->account, keeper);
	if (keeper >= 0)
		close(keeper);
	return p;
}

static void
place_at_once(struct behind *b)
{
	const struct sleeper *s = b->sleeper;
	struct span body = span_make(b->body, b->n);
	struct process *p = monitor_pass(s->account, s->uid, b->fd, body);
	if (!p)
		p = make(b);
	if (p)
		serves(p, b);
	else
		give_up(b);
}

/* ---- a queue ---- */

/* E_OK, E_IO: nobody can wait there */
static int
queue_open(struct process *p)
{
	if (p->wake.queue[0] >= 0)
		return E_OK;
	ask_pair(p->wake.queue);
	if (process_say(p, CTL_QUEUE, SPAN(""), p->wake.queue[1]) == E_OK)
		return E_OK;
	wake_queue_close(p);
	return E_IO;
}

void
wake_queue_close(struct process *p)
{
	ask_hang_up(&p->wake.queue[0]);
	ask_hang_up(&p->wake.queue[1]);
}

/* As many as it holds: what does not fit goes when there is room. */
static void
queue_fill(struct process *p)
{
	for (struct behind *b = p->wake.behind; b; b = b->next) {
		struct span body = span_make(b->body, b->n);
		if (!b->is_sent &&
		    ask_send(p->wake.queue[0], CTL_CLIENT, body, b->fd, 0) != E_OK)
			return;
		b->is_sent = true;
	}
}

/*
 * How many of those behind it the process has not taken, and will not any more.  One more than were sent
 * is its present client, which it did not come to take yet: that one goes back.
 */
static unsigned
queue_drain(struct process *p, unsigned n_sent)
{
	unsigned n = 0;
	int first_fd = -1;
	/* the monitor's own may hold an ask that is being answered */
	struct buf in = {.is_secret = true}, first = {.is_secret = true};
	struct ask_msg m;
	int err = E_OK;
	while (p->wake.queue[1] >= 0 && (err == E_OK || err == E_BAD)) {
		err = ask_recv(p->wake.queue[1], &in, &m, 0);
		if (err == E_BAD) {
			n++; /* no descriptor was left for its connection, of which there is another one */
			continue;
		}
		if (err != E_OK)
			break;
		if (n++ == 0) {
			first_fd = m.fd;
			buf_span(&first, m.body.in);
		} else if (m.fd >= 0) {
			close(m.fd); /* there is another one */
		}
	}
	if (n > n_sent) {
		if (first_fd < 0 || ask_send(p->wake.queue[0], CTL_CLIENT,
					buf_as_span(&first), first_fd, 0) != E_OK)
			log_event(LOG_ERR, "not_woken", "why=queue");
		n = n_sent;
	}
	if (first_fd >= 0)
		close(first_fd);
	buf_wipe(&first);
	buf_wipe(&in);
	return n;
}

/* Those behind p that it did not take. */
static struct behind *
take_back(struct process *p)
{
	unsigned n_sent = 0;
	struct behind **link = &p->wake.behind;
	for (const struct behind *b = p->wake.behind; b; b = b->next)
		n_sent += b->is_sent;
	for (unsigned n_back = queue_drain(p, n_sent); n_sent > n_back; n_sent--)
		link = &(*link)->next;
	struct behind *back = *link;
	*link = NULL;
	for (struct behind *b = back; b; b = b->next) {
		b->is_sent = false;
		p->wake.n_behind--;
	}
	return back;
}

static void
place_all(struct behind *b, void (*fn)(struct behind *))
{
	for (struct behind *next; b; b = next) {
		next = b->next;
		b->next = NULL;
		fn(b);
	}
}

/* Nobody gets behind it again, before it has another client. */
static void
disperse(struct process *p)
{
	p->wake.until = 0;
	place_all(take_back(p), place);
}

/* ---- waiting ---- */

static void
on_timer(void *ctx)
{
	int64_t now = clock_mono_ms(), next = DEADLINE_NONE;
	struct process *late = NULL;
	(void)ctx;
	for (struct process *p = the_monitor.processes; p; p = p->next) {
		if (!p->wake.behind || !p->wake.until)
			continue;
		if (p->wake.until <= now)
			late = p;
		else if (p->wake.until < next)
			next = p->wake.until;
	}
	the_monitor.late_at = late ? now : next;
	if (the_monitor.late_at != DEADLINE_NONE)
		loop_timer_set(the_monitor.late, the_monitor.late_at - now);
	if (late)
		disperse(late);
}

static void
set_timer(int64_t at)
{
	struct monitor *m = &the_monitor;
	if (!m->late) {
		m->late = loop_timer_new(m->loop, on_timer, NULL);
		m->late_at = DEADLINE_NONE;
	}
	if (at >= m->late_at)
		return;
	m->late_at = at;
	int64_t left = at - clock_mono_ms();
	loop_timer_set(m->late, left > 0 ? left : 0);
}

/* One that wakes for another sleeper of the same account. */
static struct process *
before(const struct sleeper *s)
{
	int64_t now = clock_mono_ms();
	for (struct process *p = the_monitor.processes; p; p = p->next)
		if (p->wake.by && p->wake.until > now && !p->is_old && !p->is_kicked &&
		    p->wake.n_behind < WAKE_BEHIND_MOST &&
		    monitor_is_of(p, s->account, s->uid))
			return p;
	return NULL;
}

static void
place(struct behind *b)
{
	struct process *p = before(b->sleeper);
	if (!p || queue_open(p) != E_OK) {
		place_at_once(b);
		return;
	}
	struct behind **last = &p->wake.behind;
	while (*last)
		last = &(*last)->next;
	*last = b;
	p->wake.n_behind++;
	b->sleeper->is_behind = true;
	queue_fill(p);
	set_timer(p->wake.until);
}

void
sleeper_wake(
    const struct role *role, struct sleeper *s, int fd, bool may_wait, struct span body)
{
	struct behind *b = behind_new(body.n);
	*b = (struct behind){.role = role, .sleeper = s, .fd = fd, .n = body.n};
	memcpy(b->body, body.p, body.n);
	if (may_wait && !s->is_kicked) /* else its process ends with it */
		place(b);
	else
		place_at_once(b);
}

/* ---- a process that is awake ---- */

void
wake_next(struct process *p)
{
	sleeper_awake(p);
	process_serves(p, SPAN(""), SPAN(""), 0);
	p->has_client = false;
	bool is_ending =
	    p->is_kicked || p->is_dead; /* what it took is its own all the same */
	if (p->wake.behind && !is_ending)
		queue_fill(p);
	/* one that has ended, which is not known yet, takes nobody any more */
	if (p->wake.behind &&
	    (is_ending || !p->wake.behind->is_sent || ask_is_over(p->chan)))
		disperse(p);
	struct behind *b = p->wake.behind;
	p->is_idle = !b && !is_ending;
	if (!b)
		return;
	p->wake.behind = b->next;
	p->wake.n_behind--;
	serves(p, b);
	if (!p->wake.behind || is_ending)
		return;
	queue_fill(p);
	set_timer(p->wake.until);
}

void
wake_elsewhere(struct process *p)
{
	sleeper_awake(p);
	if (p->wake.behind)
		disperse(p);
	p->wake.until = 0;
}

void
wake_lost(struct process *p)
{
	wake_elsewhere(p);
	for (struct behind *b; (b = p->wake.behind);) { /* it had taken them */
		p->wake.behind = b->next;
		sleeper_tell_awake(b->sleeper);
		behind_free(&b);
	}
	wake_queue_close(p);
}

static bool
has_behind(const struct process *p, sleeper_fn *is_one, const void *ctx)
{
	for (const struct behind *b = p->wake.behind; b; b = b->next)
		if (!is_one || is_one(ctx, b->sleeper))
			return true;
	return false;
}

void
wake_all(sleeper_fn *is_one, const void *ctx)
{
	struct behind *all = NULL, **last = &all;
	/* what a process has told says whom it serves now */
	for (struct process *p = the_monitor.processes; p; p = p->next)
		if (p->wake.by || p->wake.behind)
			process_hear(p, ~0u);
	for (struct process *p = the_monitor.processes; p; p = p->next) {
		*last = has_behind(p, is_one, ctx) ? take_back(p) : NULL;
		while (*last)
			last = &(*last)->next;
	}
	place_all(all, place_at_once);
}

void
wake_let_go(void)
{
	wake_all(NULL, NULL);
	for (struct process *p = the_monitor.processes; p; p = p->next) {
		/* should the exec fail: whom it took is not known any more, it keeps them */
		if (p->wake.queue[0] >= 0)
			process_drain(p);
		wake_lost(p);
	}
}
