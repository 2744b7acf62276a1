/* SPDX-License-Identifier: ISC */
/* front.c - the role: doors, limits, PROXY protocol, idle clients, drain. */
#include "login/front.h"

#include <errno.h>
#include <malloc.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "login/nets.h"
#include "login/proxy.h"
#include "login/roll.h"
#include "login/ticket.h"
#include "metrics/metric.h"
#include "proc/child.h"

struct front the_front;

static struct {
	struct loop_fd *doors[64]; /* own */
	size_t n_doors;
	bool is_listening;
	bool is_paused; /* no descriptors were left: until the next tick */
	uint32_t n_processors;
	struct nets proxies;
	struct loop_timer *tick, *returns;
} role;

/* ---- doors ---- */

static void
listen_or_not(void)
{
	bool wants = !the_child.is_draining && !role.is_paused &&
	             the_front.n_conns < the_front.most;
	if (wants == role.is_listening)
		return;
	role.is_listening = wants;
	for (size_t i = 0; i < role.n_doors; i++)
		loop_events(role.doors[i], wants ? LOOP_READ : 0);
}

void
front_left(struct front_conn *c)
{
	if (c->is_counted)
		roll_leave(c->peer.key);
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	metric_serving((uint32_t)--the_front.n_conns);
	listen_or_not();
	if (the_child.is_draining && the_front.n_conns == 0)
		loop_stop(the_front.loop);
}

static void
admit(struct front_conn *c)
{
	if (bans_refuse(the_front.bans, the_child.conf, c->peer.text)) {
		c->state = FRONT_CLOSING;
		if (!c->is_implicit)
			the_front.dialect->banned(c);
		return;
	}
	if (roll_enter(c->peer.key) == E_OK) {
		c->is_counted = true;
		conn_begin(c);
		return;
	}
	log_event(LOG_INFO, "crowded", "client=%s", c->peer.text);
	c->state = FRONT_CLOSING;
	if (!c->is_implicit)
		the_front.dialect->crowded(c);
}

static void
take_proxy(struct front_conn *c)
{
	struct proxy_header h;
	int err = proxy_take(c->fd, &c->proxy_seen, &h);
	if (err == E_MORE)
		return;
	if (err != E_OK) {
		log_event(LOG_WARNING, "proxy_header_bad", "client=%s", c->peer.text);
		c->state = FRONT_CLOSING;
		return;
	}
	if (!h.is_local)
		peer_of(&h.source, &c->peer);
	admit(c);
}

static void
on_client(void *ctx, int fd, unsigned events)
{
	struct front_conn *c = ctx;
	(void)fd, (void)events;
	if (c->state == FRONT_PROXY)
		take_proxy(c);
	conn_pump(c);
}

static struct front_conn *
conn_new(int fd, const struct sockaddr_storage *from)
{
	struct front_conn *c = mem_new(sizeof *c);
	*c = (struct front_conn){.fd = fd,
	    .auth = -1,
	    .back = -1,
	    .in = {.max = 2 * FRONT_IN_MAX},
	    .out = {.max = FRONT_OUT_MAX},
	    .up = {.max = 2 * RELAY_BUFFER},
	    .down = {.max = 2 * RELAY_BUFFER}};
	strcpy(c->sid, id_text(id_new()));
	peer_of(from, &c->peer);
	c->idle_deadline = c->talk_deadline = deadline_in_ms(FRONT_IDLE_MS);
	c->next = the_front.conns;
	c->link = &the_front.conns;
	if (c->next)
		c->next->link = &c->next;
	the_front.conns = c;
	metric_serving((uint32_t)++the_front.n_conns);
	c->watch = loop_watch(the_front.loop, fd, LOOP_READ, on_client, c);
	return c;
}

static void
take_in(int fd, const struct sockaddr_storage *from, const struct listener *l)
{
	struct front_conn *c = conn_new(fd, from);
	metric_count(M_CONNECTIONS);
	const char *implicit = the_front.dialect->implicit_tls;
	c->is_implicit = implicit && strcmp(l->kind, implicit) == 0;
	if (nets_has(&role.proxies, (const struct sockaddr *)(const void *)from))
		c->state = FRONT_PROXY;
	else
		admit(c);
	conn_pump(c);
}

/* ---- connections that sessions gave back: plain ones, LOGIN_RETURN ---- */

static struct {
	int fds[FRONT_RETURNED_MOST]; /* own */
	struct buf about[FRONT_RETURNED_MOST];
	size_t n;
} returned;

/* It may come in the middle of another connection's ask. */
static void
on_returned(int fd, unsigned kind, struct span about)
{
	(void)kind;
	if (returned.n == FRONT_RETURNED_MOST || the_child.is_stopping) {
		close(fd);
		return;
	}
	returned.fds[returned.n] = fd;
	buf_span(&returned.about[returned.n++], about);
	loop_timer_set(role.returns, 0);
}

/* Who it is says the socket: a session is not asked. */
static void
take_back(int fd, struct span about)
{
	struct sockaddr_storage from = {0};
	socklen_t n = sizeof from;
	struct rd r = rd_of(about);
	struct span input = rd_str(&r, LOGIN_INPUT_MAX), sid = rd_str(&r, ID_TEXT);
	if (rd_end(&r) != E_OK || sid.n != ID_TEXT || the_child.is_draining ||
	    getpeername(fd, (struct sockaddr *)(void *)&from, &n) != 0 ||
	    (from.ss_family != AF_INET && from.ss_family != AF_INET6) ||
	    nets_has(&role.proxies, (const struct sockaddr *)(void *)&from)) {
		close(fd);
		return;
	}
	struct front_conn *c = conn_new(fd, &from);
	memcpy(c->sid, sid.p, sid.n);
	buf_span(&c->in, input);
	if (roll_enter(c->peer.key) == E_OK) {
		c->is_counted = true;
		conn_again(c);
	} else {
		the_front.dialect->crowded(c);
		c->state = FRONT_CLOSING;
	}
	conn_pump(c);
}

static void
on_returns(void *ctx)
{
	(void)ctx;
	while (returned.n) {
		struct buf about = returned.about[--returned.n];
		returned.about[returned.n] = (struct buf){0};
		take_back(returned.fds[returned.n], buf_as_span(&about));
		buf_wipe(&about);
	}
}

static size_t
count_handshakes(void)
{
	size_t n = 0;
	for (const struct front_conn *c = the_front.conns; c; c = c->next)
		n += c->state == FRONT_HANDSHAKE;
	return n;
}

/*
 * Nearly full: another front takes what comes.  Or many handshakes: they are work, and each
 * processor can do some; asked for once, as who was asked then stays.
 */
static void
call_for_help(void)
{
	static bool has_called, has_shared;
	bool is_near = the_front.n_conns * 2 >= the_front.most;
	if (is_near && !has_called && child_spawn("front", 0) == E_LIMIT)
		log_event(
		    LOG_NOTICE, "fronts_at_most", "connections=%zu", the_front.n_conns);
	has_called = is_near;
	if (has_shared || count_handshakes() < FRONT_HANDSHAKES_MANY)
		return;
	has_shared = true;
	if (child_spawn("front", role.n_processors) == E_OK)
		log_event(LOG_DEBUG, "handshakes_shared", "%s", "");
}

static void
on_door(void *ctx, int fd, unsigned events)
{
	const struct listener *l = ctx;
	(void)events;
	for (int i = 0; i < FRONT_ACCEPT_BURST && role.is_listening; i++) {
		struct sockaddr_storage from;
		socklen_t n = sizeof from;
		int client = accept4(fd, (struct sockaddr *)(void *)&from, &n,
		    SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (client < 0) {
			role.is_paused = errno == EMFILE || errno == ENFILE ||
			                 errno == ENOMEM || errno == ENOBUFS;
			if (role.is_paused)
				log_event(LOG_ERR, "accept_failed", "err=%s",
				    log_errno(errno));
			listen_or_not();
			break;
		}
		take_in(client, &from, l);
		listen_or_not();
	}
	call_for_help();
}

/* ---- time ---- */

static bool
is_late(const struct front_conn *c, int64_t now)
{
	if (c->state == FRONT_RELAY)
		return c->back_has_ended && c->idle_deadline <= now;
	if (c->state == FRONT_WAITING)
		return false;
	return c->idle_deadline <= now || c->talk_deadline <= now;
}

static void
say_idle(struct front_conn *c)
{
	if (c->state != FRONT_TALK || !the_front.dialect->bye)
		return;
	the_front.dialect->bye(c, "idle for too long");
	if (conn_write(c, &c->out) != E_OK)
		log_event(LOG_DEBUG, "reply_unsent", "%s", "");
}

/*
 * Who has not logged in is sent away at a stop; at a reload the new fronts take over and these go
 * on.
 */
static void
drain(void)
{
	listen_or_not();
	sasl_drop_spares();
	for (struct front_conn *c = the_front.conns, *next; c && the_child.is_stopping;
	     c = next) {
		next = c->next;
		if (c->state != FRONT_TALK)
			continue;
		the_front.dialect->stopping(c);
		front_end(c);
		conn_pump(c);
	}
	if (the_front.n_conns == 0)
		loop_stop(the_front.loop);
}

/* What handshakes and logins took goes back once, when no new ones come for a moment. */
static void
give_memory_back(void)
{
	static uint64_t trimmed, seen;
	if (the_front.n_handed != trimmed && the_front.n_handed == seen) {
		trimmed = seen;
		malloc_trim(0);
	}
	seen = the_front.n_handed;
}

static void
on_tick(void *ctx)
{
	int64_t now = clock_mono_ms();
	(void)ctx;
	for (struct front_conn *c = the_front.conns, *next; c; c = next) {
		next = c->next;
		if (!is_late(c, now))
			continue;
		log_event(LOG_INFO, "idle_before_login", "client=%s", c->peer.text);
		say_idle(c);
		conn_free(c);
	}
	role.is_paused = false;
	give_memory_back();
	listen_or_not();
	loop_timer_set(role.tick, FRONT_TICK_MS);
	if (the_child.is_draining)
		drain(); /* each time: who was asking auth has its turn again later */
}

/*
 * May come in the middle of a connection that asks the monitor: done in the next turn of the loop.
 */
static void
on_drain(void)
{
	loop_timer_set(role.tick, 0);
}

/* ---- the role ---- */

static int
key_channel(int *out)
{
	return child_channel("key", out);
}

int
front_prepare(void)
{
	/* a file says it: later there is none */
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	role.n_processors = n > 0 ? (uint32_t)n : 1;
	if (roll_sign() != E_OK)
		return EX_TEMPFAIL; /* its place is not free yet: the monitor tries again */
	the_front.bans = bans_open(the_child.conf, false);
	return tls_server_new(the_child.conf, key_channel, &the_front.tls) == E_OK
	           ? EX_OK
	           : EX_CONFIG;
}

void
front_jail(struct jail *j)
{
	j->calls = JAIL_ACCEPT; /* no file, no socket of its own */
}

int
front_run(const struct dialect *d)
{
	const struct conf *c = the_child.conf;
	const char *section = the_child.daemon;
	the_front.dialect = d;
	the_front.most = (size_t)conf_int(c, section, "front_connections");
	the_front.loop = loop_new();
	nets_load(&role.proxies, c, "common", "proxy_networks");
	the_child.on_drain = on_drain;
	role.returns = loop_timer_new(the_front.loop, on_returns, NULL);
	the_child.on_client = on_returned;
	for (size_t i = 0; i < the_child.n_listeners && i < COUNT(role.doors); i++)
		role.doors[role.n_doors++] = loop_watch(the_front.loop,
		    the_child.listeners[i].fd, 0, on_door, &the_child.listeners[i]);
	role.tick = loop_timer_new(the_front.loop, on_tick, NULL);
	loop_timer_set(role.tick, FRONT_TICK_MS);
	listen_or_not();
	if (!the_child.is_draining)
		loop_run(the_front.loop);
	return EX_OK;
}
