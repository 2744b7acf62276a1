/* SPDX-License-Identifier: ISC */
/*
 * child.c - a process forked by the monitor: its control channel, and the life of a serving role.
 */
#include "proc/child.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "proc/daemon.h"
#include "proc/loop.h"

struct child the_child = {.control = -1, .queue = -1, .keeper = -1};

/* A reload's drain may be followed by the one of a stop: on_drain hears of both. */
static void
begin_drain(bool is_stopping)
{
	if (the_child.is_draining && (the_child.is_stopping || !is_stopping))
		return;
	the_child.is_draining = true;
	the_child.is_stopping = is_stopping;
	if (the_child.on_drain)
		the_child.on_drain();
}

static void
take_client(struct ask_msg *m)
{
	unsigned kind = rd_u32(&m->body);
	struct span about = rd_str(&m->body, CHILD_ABOUT_MAX);
	if (rd_end(&m->body) != E_OK)
		bug("malformed CTL_CLIENT");
	if (!the_child.on_client)
		return;
	the_child.on_client(m->fd, kind, about);
	m->fd = -1;
}

static void
take_log(struct ask_msg *m)
{
	if (m->fd < 0 || dup3(m->fd, log_fd(), 0) < 0)
		log_event(LOG_ERR, "log_not_reopened", "%s", "");
	else
		log_open(the_child.daemon, log_fd(), rd_u8(&m->body) != 0);
}

static void
take_fd(int *to, struct ask_msg *m)
{
	ask_hang_up(to);
	*to = m->fd;
	m->fd = -1;
}

bool
child_queued(void)
{
	static struct buf in; /* kept: one per process */
	struct ask_msg m;
	if (the_child.queue < 0)
		return false;
	int err = ask_recv(the_child.queue, &in, &m, 0);
	if (err == E_OK && m.type == CTL_CLIENT) {
		take_client(&m);
		return true;
	}
	if (err != E_LIMIT) /* a monitor that executed itself has another one */
		ask_hang_up(&the_child.queue);
	return false;
}

/* Calls whose answer did not come in time, by type: it is not that of the next one. */
static unsigned unheard[MON_EXTRA + MON_EXTRA_MOST];

/* Is it the answer to a call that was given up?  Asks of a channel are answered in order. */
static bool
is_late(const struct ask_msg *m)
{
	unsigned type = m->type & ~(unsigned)ASK_REPLY;
	if (!(m->type & ASK_REPLY) || type >= COUNT(unheard) || !unheard[type])
		return false;
	unheard[type]--;
	return true;
}

void
child_hear(struct ask_msg *m)
{
	switch (m->type) {
	case CTL_CLIENT:
		take_client(m);
		break;
	case CTL_DRAIN:
		begin_drain(rd_u8(&m->body) != 0);
		break;
	case CTL_KICK:
		the_child.is_kicked = true;
		begin_drain(true);
		break;
	case CTL_LOG:
		take_log(m);
		break;
	case CTL_QUEUE:
		take_fd(&the_child.queue, m);
		break;
	case CTL_KEEPER:
		take_fd(&the_child.keeper, m);
		break;
	}
	if (m->fd >= 0)
		close(m->fd);
	m->fd = -1;
}

/* Without its monitor a child has no powers and no purpose: they restart together. */
NORETURN static void
monitor_gone(void)
{
	log_event(LOG_NOTICE, "monitor_gone", "%s", "");
	_exit(EX_UNAVAILABLE);
}

static void on_served_client(int fd, unsigned kind, struct span about);

void
child_control(void)
{
	static struct buf in; /* kept: one per process */
	struct ask_msg m;
	int err = ask_recv(the_child.control, &in, &m, 0);
	if (err == E_LIMIT)
		return;
	if (err == E_BAD && the_child.on_client == on_served_client) {
		/* no descriptor was left for the channel: who is at its other end sees it closed */
		log_event(LOG_ERR, "channel_lost", "%s", "");
		return;
	}
	if (err != E_OK)
		monitor_gone();
	if (is_late(&m))
		log_event(LOG_DEBUG, "late_answer", "type=%u", (unsigned)m.type);
	child_hear(&m);
}

int
child_call(
    uint16_t type, struct span body, int fd, struct buf *in, struct ask_msg *reply)
{
	int64_t deadline = deadline_in_ms(CHILD_CALL_WAIT_MS);
	int err = ask_send(the_child.control, type, body, fd, deadline);
	while (err == E_OK) {
		err = ask_recv(the_child.control, in, reply, deadline);
		if (err == E_IO)
			monitor_gone();
		if (err == E_OK && !is_late(reply) && reply->type == (type | ASK_REPLY))
			return E_OK;
		if (err == E_OK)
			child_hear(reply);
		if (err == E_LIMIT && type < COUNT(unheard))
			unheard[type]++;
	}
	return err;
}

int
child_tell(uint16_t type, struct span body, int fd)
{
	return ask_send(
	    the_child.control, type, body, fd, deadline_in_ms(CHILD_CALL_WAIT_MS));
}

void
child_await(uint16_t type, struct buf *in, struct ask_msg *m)
{
	while (!the_child.is_draining) {
		if (ask_recv(the_child.control, in, m, DEADLINE_NONE) != E_OK)
			monitor_gone();
		if (m->type == type)
			return;
		child_hear(m);
	}
	_exit(EX_OK);
}

void
child_log_lost(struct span line)
{
	struct buf body = {0};
	buf_bytes(&body, line);
	int err = ask_send(the_child.control, MON_LOG, buf_as_span(&body), -1, 0);
	(void)err; /* nobody is left who could be told */
	buf_free(&body);
}

/* An ask whose reply is u8 result, with a descriptor when wanted.  Frees body. */
static int
call_result(uint16_t type, struct buf *body, int *fd)
{
	struct buf in = {0};
	struct ask_msg reply;
	int err = child_call(type, buf_as_span(body), -1, &in, &reply);
	if (err == E_OK) {
		int8_t result = (int8_t)rd_u8(&reply.body);
		err = rd_end(&reply.body) == E_OK ? result : E_BAD;
		if (fd && err == E_OK && reply.fd >= 0)
			*fd = reply.fd;
		else if (reply.fd >= 0)
			close(reply.fd);
		else if (fd && err == E_OK)
			err = E_IO;
	}
	buf_free(body);
	buf_free(&in);
	return err == E_LIMIT && fd ? E_IO : err;
}

static int
call_name(uint16_t type, const char *name, int *fd)
{
	struct buf body = {0};
	buf_bytes(&body, span_of(name));
	return call_result(type, &body, fd);
}

int
child_channel(const char *role, int *out)
{
	return call_name(MON_CHANNEL, role, out);
}

int
child_daemon(const char *daemon, int *out)
{
	return call_name(MON_DAEMON, daemon, out);
}

int
child_spawn(const char *role, uint32_t most)
{
	struct buf body = {0};
	buf_bytes(&body, span_of(role));
	buf_u32(&body, most);
	return call_result(MON_SPAWN, &body, NULL);
}

void
child_who(struct span address, struct span account)
{
	struct buf body = {0};
	buf_bytes(&body, span_head(address, WHO_TEXT_MAX));
	buf_bytes(&body, span_head(account, WHO_TEXT_MAX));
	if (child_tell(MON_WHO, buf_as_span(&body), -1) != E_OK)
		monitor_gone();
	buf_free(&body);
}

void
child_ready(void)
{
	if (child_tell(MON_READY, SPAN(""), -1) != E_OK)
		monitor_gone();
}

/* ---- a serving role ---- */

struct served {
	struct served *next, **link; /* the list of all */
	struct asker *asker;         /* own */
	struct loop_fd *watch;       /* own */
	void (*gone)(struct asker *);
};

static struct {
	struct loop *loop;
	struct served *all;
	const struct ask_table *(*table_of)(unsigned kind);
	struct buf scratch;
	struct loop_timer *timer;
	void (*tick)(void);
	int tick_ms;
} serve;

static void
served_free(struct served *s)
{
	loop_unwatch(&s->watch);
	if (s->gone)
		s->gone(s->asker);
	asker_free(&s->asker);
	*s->link = s->next;
	if (s->next)
		s->next->link = s->link;
	mem_free(&s);
	if (!serve.all && the_child.is_draining)
		loop_stop(serve.loop);
}

static void
on_ask(void *ctx, int fd, unsigned events)
{
	struct served *s = ctx;
	(void)fd, (void)events;
	if (asker_serve(s->asker, &serve.scratch, CHILD_SERVE_BURST) != E_OK)
		served_free(s);
}

static void
on_served_client(int fd, unsigned kind, struct span about)
{
	const struct ask_table *t = serve.table_of(kind);
	(void)about;
	if (!t || fd < 0) {
		log_event(LOG_ERR, "asker_refused", "kind=%u", kind);
		if (fd >= 0)
			close(fd);
		return;
	}
	struct served *s = mem_new(sizeof *s);
	s->asker = asker_new(fd, t->rows, t->n_rows, t->who, NULL);
	s->gone = t->gone;
	s->watch = loop_watch(serve.loop, fd, LOOP_READ, on_ask, s);
	s->next = serve.all;
	s->link = &serve.all;
	if (s->next)
		s->next->link = &s->next;
	serve.all = s;
}

static void
on_serve_drain(void)
{
	if (!serve.all)
		loop_stop(serve.loop);
}

static void
on_serve_tick(void *ctx)
{
	(void)ctx;
	serve.tick();
	loop_timer_set(serve.timer, serve.tick_ms);
}

struct loop *
child_loop(void)
{
	if (!serve.loop)
		serve.loop = loop_new();
	return serve.loop;
}

int
child_serve(
    const struct ask_table *(*table_of)(unsigned kind), void (*tick)(void), int tick_ms)
{
	serve.table_of = table_of;
	serve.tick = tick;
	serve.tick_ms = tick_ms;
	child_loop();
	the_child.on_client = on_served_client;
	the_child.on_drain = on_serve_drain;
	if (tick) {
		serve.timer = loop_timer_new(serve.loop, on_serve_tick, NULL);
		loop_timer_set(serve.timer, tick_ms);
	}
	if (!the_child.is_draining)
		loop_run(serve.loop);
	return EX_OK;
}
