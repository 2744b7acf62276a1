/* SPDX-License-Identifier: ISC */
/* events.c - the role: accounts for which was rung, and a turn of an agent for each. */
#include "deliver/events.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "account/recipient.h"
#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "deliver/agents.h"
#include "deliver/owned.h"
#include "proc/child.h"
#include "proc/loop.h"
#include "store/ring.h"

enum {
	ARENA_BYTES = 16 << 20,
	DIR_MODE = 0700,
	SEND_WAIT_MS = 5000,
	FAILED_FIRST_MS = 1000,
	DONE_WRITTEN_MS = 1000,
};

struct rung {
	struct rung *next;
	char address[ACCOUNT_ADDRESS_MAX + 1];
	bool is_wanted; /* something waits, as far as is known */
	bool is_again;  /* it was rung for while its turn ran */
	bool is_running;
	bool is_fresh; /* its agent was started for this turn */
	int64_t due_ms;
	unsigned failures;          /* in a row */
	int chan;                   /* own: to its agent, also between two turns; -1 */
	struct loop_fd *watch;      /* own */
	struct loop_timer *silence; /* own: a turn takes too long */
	struct event_pieces pieces; /* own: of a letter */
	int64_t begun_ms, window_ms, taken_ms; /* as in agents.c */
	struct event_times letters, runners;
	unsigned n_asks; /* in this turn */
};

/* A connection that says for whom. */
struct caller {
	int fd;                  /* own */
	struct loop_fd *watch;   /* own */
	struct loop_timer *wait; /* own */
};

static struct {
	struct loop *loop;
	struct loop_timer *timer, *writes; /* own: the next that is due; what is done */
	struct rung *all;                  /* own */
	unsigned n, n_running, n_callers, turns_most;
	int lookup;         /* own: channel; -1 */
	struct arena arena; /* of one look-up, or letter */
	struct buf in, dir;
	bool is_unwritten;
} role = {.lookup = -1, .arena = {.max_bytes = ARENA_BYTES}};

static void schedule(void);

/* ---- which ---- */

static struct rung *
account_of(struct span address)
{
	for (struct rung *a = role.all; a; a = a->next)
		if (span_eqs(address, a->address))
			return a;
	if (role.n == EVENTS_ACCOUNTS_MOST)
		return NULL;
	struct rung *a = mem_new(sizeof *a);
	*a = (struct rung){.next = role.all, .chan = -1};
	memcpy(a->address, address.p, address.n);
	role.all = a;
	role.n++;
	return a;
}

static void
hang_up(struct rung *a)
{
	loop_unwatch(&a->watch);
	ask_hang_up(&a->chan);
}

/* Those of which nothing is left to know. */
static void
forget_idle(void)
{
	struct rung **at = &role.all;
	int64_t now = clock_mono_ms();
	while (*at) {
		struct rung *a = *at;
		bool is_known = event_times_are_known(&a->letters, now) ||
		                event_times_are_known(&a->runners, now);
		if (a->is_wanted || a->is_running || a->chan >= 0 || is_known) {
			at = &a->next;
			continue;
		}
		*at = a->next;
		loop_timer_free(&a->silence);
		event_pieces_free(&a->pieces);
		mem_free(&a);
		role.n--;
	}
}

static void
write_waiting(void)
{
	struct buf lines = {.max = EVENTS_ACCOUNTS_MOST * (ACCOUNT_ADDRESS_MAX + 1)};
	for (const struct rung *a = role.all; a; a = a->next)
		if (a->is_wanted)
			buf_putf(&lines, "%s\n", a->address);
	role.is_unwritten =
	    event_waiting_write(buf_cstr(&role.dir), buf_as_span(&lines)) != E_OK;
	buf_free(&lines);
}

static void
on_writes(void *ctx)
{
	(void)ctx;
	if (role.is_unwritten)
		write_waiting();
}

/* What is done need not be known at once: to look again does no harm. */
static void
write_soon(void)
{
	if (!role.is_unwritten)
		loop_timer_set(role.writes, DONE_WRITTEN_MS);
	role.is_unwritten = true;
}

static void
want(void *ctx, struct span address)
{
	struct rung *a = account_of(address);
	(void)ctx;
	if (!a) {
		forget_idle();
		a = account_of(address);
	}
	if (!a) {
		log_event(LOG_WARNING, "events_crowded", "account=%s", log_q(address));
		return;
	}
	a->is_again = a->is_running;
	if (a->is_wanted)
		return;
	a->is_wanted = true;
	a->due_ms = clock_mono_ms();
	role.is_unwritten = true;
}

/* ---- a turn ---- */

static void
end_turn(struct rung *a, int64_t again_ms)
{
	int64_t now = clock_mono_ms();
	if (a->is_running) {
		a->is_running = false;
		role.n_running--;
		a->taken_ms += now - a->begun_ms;
		loop_timer_set(a->silence, -1);
	}
	a->due_ms = now + again_ms;
	event_pieces_reset(&a->pieces);
}

/* What waits there stays in its index, and the agent that comes next says what it died of. */
static void
failed(struct rung *a, const char *why)
{
	int64_t wait = FAILED_FIRST_MS;
	for (unsigned i = 0; i < a->failures && wait < EVENTS_FAILED_MOST_MS; i++)
		wait *= 2;
	a->failures++;
	log_event(LOG_WARNING, "events_failed", "account=%s why=\"%s\" failures=%u",
	    log_qs(a->address), why, a->failures);
	hang_up(a);
	end_turn(a, wait < EVENTS_FAILED_MOST_MS ? wait : EVENTS_FAILED_MOST_MS);
	schedule();
}

static void
on_silence(void *ctx)
{
	failed(ctx, "no answer in time");
}

static bool
may_send(struct rung *a)
{
	if (event_times_take(&a->letters, EVENTS_LETTERS_MOST, clock_mono_ms()))
		return true;
	log_event(LOG_NOTICE, "event_letters_wait", "account=%s", log_qs(a->address));
	return false;
}

static bool
may_run(struct rung *a)
{
	if (event_times_take(&a->runners, EVENTS_RUNNERS_MOST, clock_mono_ms()))
		return true;
	log_event(LOG_NOTICE, "event_pipes_wait", "account=%s", log_qs(a->address));
	return false;
}

/* E_OK; E_BAD: it does not listen */
static int
answer(struct rung *a, enum turn_ask type, uint8_t says, int fd)
{
	struct buf b = {0};
	buf_u8(&b, says);
	int err =
	    ask_send(a->chan, type, buf_as_span(&b), fd, deadline_in_ms(SEND_WAIT_MS));
	buf_free(&b);
	return err == E_OK ? E_OK : E_BAD;
}

/*
 * E_OK, E_BAD: it is none
 *   has_room  its bytes are there; else nobody knows what it was
 */
static int
take_letter(struct rung *a, bool has_room)
{
	struct turn_letter l;
	enum turn_sent sent = TURN_NOT_NOW;
	int err = E_OK;
	if (has_room)
		err = turn_letter_get(buf_as_span(&a->pieces.bytes), &role.arena, &l);
	if (err == E_OK && has_room && may_send(a)) {
		int put = event_letter(span_of(a->address), &l);
		sent = put == E_OK    ? TURN_IS_SENT
		       : put == E_BAD ? TURN_NEVER
		                      : TURN_NOT_NOW;
	}
	if (!has_room)
		log_event(LOG_NOTICE, "event_letters_crowded", "account=%s",
		    log_qs(a->address));
	arena_reset(&role.arena);
	event_pieces_reset(&a->pieces);
	return err == E_OK ? answer(a, TURN_SENT, sent, -1) : E_BAD;
}

static int
take_end(struct rung *a, struct rd *body)
{
	uint8_t end = rd_u8(body);
	if (rd_end(body) != E_OK || end >= TURN_ENDS)
		return E_BAD;
	a->failures = 0;
	a->is_wanted = end != TURN_DONE || a->is_again;
	a->is_again = false;
	end_turn(a, end == TURN_LATER ? EVENTS_LATER_MS : 0);
	if (!a->is_wanted)
		write_soon();
	schedule();
	return E_OK;
}

/* E_OK; E_MORE: not now; E_BAD: there is no such account here; E_IO */
static int
look_up(const struct rung *a, struct target *out)
{
	struct span address = span_of(a->address);
	struct lookup_answer *answer;
	if (lookup_rcpts(&role.lookup, &address, 1, &role.arena, &answer) != E_OK)
		return E_IO;
	for (size_t i = 0; i < answer->n_targets; i++) {
		*out = answer->targets[i];
		if (out->is_local && span_ieq(out->address, address))
			return E_OK;
	}
	if (answer->verdict == RCPT_TEMP)
		return E_IO;
	return answer->verdict == RCPT_OVER_QUOTA || answer->verdict == RCPT_SUSPENDED
	           ? E_MORE
	           : E_BAD;
}

static int
take_room(struct rung *a)
{
	struct target t;
	bool has_room = look_up(a, &t) == E_OK;
	arena_reset(&role.arena);
	return answer(a, TURN_ROOM_IS, has_room, -1);
}

static struct owned
owned_of(const struct target *t)
{
	return (struct owned){
	    .account = t->address, .home = t->home, .uid = t->uid, .gid = t->gid};
}

static int
take_runner(struct rung *a)
{
	struct target t;
	struct buf in = {0};
	int runner = -1, err = may_run(a) ? look_up(a, &t) : E_LIMIT;
	if (err == E_OK) {
		const struct owned o = owned_of(&t);
		err = owned_ask(DELIVER_RUNNER, &o, &in, &runner);
	}
	arena_reset(&role.arena);
	buf_free(&in);
	err = answer(a, TURN_RUNNER_IS, runner >= 0, runner);
	if (runner >= 0)
		close(runner);
	return err;
}

static int
take(struct rung *a, struct ask_msg *m)
{
	if (m->fd >= 0)
		close(m->fd);
	if (!a->is_running)
		return E_BAD;
	if (m->type == TURN_END)
		return take_end(a, &m->body);
	int err = E_BAD;
	if (m->type == TURN_LETTER)
		err = event_pieces_take(&a->pieces, &m->body);
	else if (m->type == TURN_ROOM || m->type == TURN_RUNNER)
		err = m->body.in.n == 0 ? E_OK : E_BAD;
	if (err != E_OK && err != E_LIMIT)
		return err == E_MORE ? E_OK : err;
	if (++a->n_asks > EVENTS_ASKS_MOST)
		return E_BAD;
	return m->type == TURN_LETTER ? take_letter(a, err == E_OK)
	       : m->type == TURN_ROOM ? take_room(a)
	                              : take_runner(a);
}

/* One that lingered and left just as it was asked is no failure. */
static void
on_gone(struct rung *a)
{
	bool was_running = a->is_running;
	if (was_running && a->is_fresh) {
		failed(a, "it ended");
		return;
	}
	hang_up(a);
	if (was_running)
		end_turn(a, 0);
	schedule();
}

static void
on_agent(void *ctx, int fd, unsigned events)
{
	struct rung *a = ctx;
	struct ask_msg m;
	(void)events;
	int err = ask_recv(fd, &role.in, &m, 0);
	if (err == E_LIMIT)
		return;
	if (err == E_OK) {
		a->is_fresh = true; /* from its first word on its end is one */
		err = take(a, &m);
	}
	if (err == E_IO)
		on_gone(a);
	else if (err != E_OK)
		failed(a, "not an answer");
}

/* ---- a turn begins ---- */

/* Placers need agents, too: who has no turn gives its own up, the one of longest ago first. */
static void
make_room(void)
{
	unsigned n = 0;
	struct rung *oldest = NULL;
	for (struct rung *a = role.all; a; a = a->next) {
		n += a->chan >= 0;
		if (a->chan >= 0 && !a->is_running &&
		    (!oldest || a->begun_ms < oldest->begun_ms))
			oldest = a;
	}
	if (n >= role.turns_most && oldest)
		hang_up(oldest);
}

/* A new one, by the monitor.  E_OK, E_IO */
static int
start_agent(struct rung *a, const struct target *t)
{
	const struct owned o = owned_of(t);
	make_room();
	if (owned_ask(DELIVER_AGENT, &o, &role.in, &a->chan) != E_OK) {
		a->chan = -1;
		return E_IO;
	}
	a->watch = loop_watch(role.loop, a->chan, LOOP_READ, on_agent, a);
	return E_OK;
}

static int
find_agent(struct rung *a)
{
	struct target t;
	a->is_fresh = a->chan < 0;
	if (a->chan >= 0)
		return E_OK;
	int err = look_up(a, &t);
	if (err == E_OK)
		err = start_agent(a, &t);
	arena_reset(&role.arena);
	return err;
}

static void
begin(struct rung *a)
{
	int err = find_agent(a);
	a->is_again = false;
	if (err == E_OK && ask_send(a->chan, TURN_BEGIN, SPAN(""), -1, 0) != E_OK) {
		hang_up(a);
		err =
		    a->is_fresh ? E_IO : E_DENY; /* it had left: another one, at once */
	}
	if (err != E_OK) {
		a->is_wanted = err != E_BAD;
		end_turn(a, err == E_DENY   ? 0
			    : err == E_MORE ? EVENTS_FULL_MS
					    : EVENTS_LATER_MS);
		if (!a->is_wanted)
			write_soon();
		return;
	}
	a->is_running = true;
	a->n_asks = 0;
	role.n_running++;
	a->begun_ms = clock_mono_ms();
	if (!a->silence)
		a->silence = loop_timer_new(role.loop, on_silence, a);
	loop_timer_set(a->silence, EVENTS_TURN_WAIT_MS);
}

/* Scripts of an account that took long wait for the next window. */
static bool
has_time(struct rung *a, int64_t now)
{
	if (now - a->window_ms > AGENT_WINDOW_MS) {
		a->window_ms = now;
		a->taken_ms = 0;
	}
	if (a->taken_ms < AGENT_ALLOWANCE_MS)
		return true;
	a->due_ms = a->window_ms + AGENT_WINDOW_MS + 1;
	return false;
}

/* Who waits for longest. */
static struct rung *
next_due(int64_t now)
{
	struct rung *first = NULL;
	for (struct rung *a = role.all; a; a = a->next)
		if (a->is_wanted && !a->is_running && a->due_ms <= now &&
		    has_time(a, now) && (!first || a->due_ms < first->due_ms))
			first = a;
	return first;
}

static void
stop_if_done(void)
{
	if (the_child.is_draining && role.n_running == 0)
		loop_stop(role.loop);
}

static void
schedule(void)
{
	int64_t now = clock_mono_ms(), wait = -1;
	struct rung *a;
	if (the_child.is_draining) {
		stop_if_done();
		return;
	}
	while (role.n_running < role.turns_most && (a = next_due(now)))
		begin(a);
	for (a = role.all; a; a = a->next) {
		int64_t left = a->due_ms > now ? a->due_ms - now : 1;
		if (a->is_wanted && !a->is_running && (wait < 0 || left < wait))
			wait = left;
	}
	/* the end of a turn is looked for anyway */
	loop_timer_set(role.timer, role.n_running == role.turns_most ? -1 : wait);
}

static void
on_timer(void *ctx)
{
	(void)ctx;
	forget_idle();
	schedule();
}

/* ---- who rings ---- */

static void
caller_end(struct caller *c)
{
	loop_unwatch(&c->watch);
	loop_timer_free(&c->wait);
	close(c->fd);
	mem_free(&c);
	role.n_callers--;
}

static void
on_caller_late(void *ctx)
{
	caller_end(ctx);
}

/* One that asks whether somebody is there says nothing. */
static void
on_caller(void *ctx, int fd, unsigned events)
{
	struct caller *c = ctx;
	struct ask_msg m;
	(void)events;
	int err = ask_recv(fd, &role.in, &m, 0);
	if (err == E_LIMIT)
		return;
	if (err == E_OK && m.fd >= 0)
		close(m.fd);
	if (err == E_OK && m.type == RING_EVENTS) {
		struct span address = rd_str(&m.body, ACCOUNT_ADDRESS_MAX);
		if (rd_end(&m.body) == E_OK && address.n)
			want(NULL, address);
	}
	caller_end(c);
	if (role.is_unwritten)
		write_waiting();
	schedule();
}

static void
on_listener(void *ctx, int listener, unsigned events)
{
	(void)ctx, (void)events;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	if (role.n_callers == EVENTS_CALLERS_MOST || !ask_peer_is_ours(fd)) {
		close(fd);
		return;
	}
	struct caller *c = mem_new(sizeof *c);
	role.n_callers++;
	c->fd = fd;
	c->watch = loop_watch(role.loop, fd, LOOP_READ, on_caller, c);
	c->wait = loop_timer_new(role.loop, on_caller_late, c);
	loop_timer_set(c->wait, EVENTS_CALLER_MS);
}

/* ---- the role ---- */

static void
dir_put(struct buf *b)
{
	buf_reset(b);
	buf_putf(b, "%s/events", conf_str(the_child.conf, "common", "state_dir"));
}

int
events_prepare(void)
{
	dir_put(&role.dir);
	event_letters_open();
	return EX_OK;
}

/* With the monitor's rights: the folder is there before it is looked up for the jail. */
static void
make_dir(const struct jail *j, const char *path)
{
	bool is_there = mkdir(path, DIR_MODE) == 0 || errno == EEXIST;
	if (is_there && geteuid() == 0)
		is_there = chown(path, j->uid, j->gid) == 0;
	if (!is_there)
		log_event(LOG_WARNING, "no_events_dir", "dir=%s err=%s", log_qs(path),
		    log_errno(errno));
}

void
events_jail(struct jail *j)
{
	dir_put(&role.dir);
	make_dir(j, buf_cstr(&role.dir));
	j->calls = JAIL_FILES_READ | JAIL_FILES_WRITE | JAIL_ACCEPT;
	jail_allow(j, buf_cstr(&role.dir), JAIL_READ | JAIL_WRITE);
}

static void
on_drain(void)
{
	stop_if_done();
}

static unsigned
turns_most(void)
{
	int64_t all = conf_int(the_child.conf, "deliver", "agents_most");
	return all / 2 < EVENTS_TURNS_MOST ? (unsigned)(all / 2 + 1)
	                                   : EVENTS_TURNS_MOST;
}

int
events_run(void)
{
	role.loop = loop_new();
	role.timer = loop_timer_new(role.loop, on_timer, NULL);
	role.writes = loop_timer_new(role.loop, on_writes, NULL);
	role.turns_most = turns_most();
	the_child.on_drain = on_drain;
	event_waiting_each(buf_cstr(&role.dir), want, NULL);
	for (size_t i = 0; i < the_child.n_listeners; i++)
		loop_watch(
		    role.loop, the_child.listeners[i].fd, LOOP_READ, on_listener, NULL);
	schedule();
	loop_run(role.loop);
	write_waiting();
	return EX_OK;
}
