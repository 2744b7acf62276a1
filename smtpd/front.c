/* SPDX-License-Identifier: ISC */
/* front.c - connections before a session has them: 2,000 silent ones cost no process. */
#include "smtpd/front.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "auth/bans.h"
#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "login/nets.h"
#include "login/peer.h"
#include "login/proxy.h"
#include "login/roll.h"
#include "metrics/metric.h"
#include "proc/child.h"
#include "proc/jail.h"
#include "smtpd/rates.h"
#include "smtpd/reply.h"

struct conn_list {
	struct conn *first, **end;
	size_t n;
};

struct door {
	struct loop_fd *watch;           /* own */
	const struct listener *listener; /* borrow: the_child's */
	enum listen_kind kind;
};

static struct {
	struct loop *loop; /* own */
	struct loop_timer *tick;
	struct door *doors; /* own */
	size_t n_doors;
	bool is_paused; /* no descriptors were left */
	struct nets proxies, relay, lmtp;
	struct bans *bans; /* own; NULL: nobody is banned */
	struct conn_list
	    waiting; /* PROXY, PAUSE, SILENT: in the order of their coming */
	struct conn_list ready;
	size_t n_conns; /* all, the served too */
	int64_t idle_ms, pause_ms;
	uint64_t patient
	    [FRONT_PATIENT_MAX]; /* keys of those that waited, each at its place */
	struct buf greeting, greeting_lmtp;
} front;

static void
list_add(struct conn_list *l, struct conn *c)
{
	if (!l->first)
		l->end = &l->first;
	c->next = NULL;
	c->link = l->end;
	*l->end = c;
	l->end = &c->next;
	l->n++;
}

static void
list_remove(struct conn_list *l, struct conn *c)
{
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	else
		l->end = c->link;
	c->link = NULL;
	l->n--;
}

static void
leave_list(struct conn *c)
{
	if (c->state == CONN_READY)
		list_remove(&front.ready, c);
	else if (c->state != CONN_SERVED)
		list_remove(&front.waiting, c);
}

void
front_stop_if_done(void)
{
	if (the_child.is_draining && front.n_conns == 0 && pool_is_empty())
		loop_stop(front.loop);
}

static void
conn_free(struct conn *c)
{
	leave_list(c);
	loop_unwatch(&c->watch);
	if (c->fd >= 0)
		close(c->fd);
	if (c->is_counted)
		roll_leave(c->key);
	metric_serving((uint32_t)--front.n_conns);
	mem_free(&c);
}

void
front_conn_end(struct conn **cp)
{
	conn_free(*cp);
	*cp = NULL;
}

void
front_conn_served(struct conn *c)
{
	leave_list(c);
	c->state = CONN_SERVED;
	loop_unwatch(&c->watch);
	close(c->fd);
	c->fd = -1;
}

struct conn *
front_next_ready(void)
{
	return front.ready.first;
}

bool
front_has_silent(void)
{
	return front.waiting.n + front.ready.n > 0;
}

static void
log_refused(const struct conn *c, enum reply why)
{
	log_event(LOG_INFO, "refused", "client=%s code=%u status=%s",
	    log_qs(c->client.text), reply_code(why), reply_enhanced(why));
}

/*
 * Says why, where plain text can be said, and ends it.  A client that does not read loses the word.
 */
static void
send_away(struct conn *c, enum reply why)
{
	struct buf text = {0};
	reply_put(&text, why, NULL);
	if (c->client.kind != KIND_SUBMISSIONS) {
		metric_smtp_reply(reply_code(why));
		if (send(c->fd, text.p, text.len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			log_event(LOG_DEBUG, "refusal_unsent", "client=%s",
			    log_qs(c->client.text));
	}
	buf_free(&text);
	conn_free(c);
}

static void
refuse(struct conn *c, enum reply why)
{
	log_refused(c, why);
	send_away(c, why);
}

void
front_refuse_ready(void)
{
	while (front.ready.first)
		refuse(front.ready.first, the_child.is_stopping ? R_STOPPING : R_CROWD);
}

/* > 0: there is something to read; 0 nothing yet, < 0 it has ended. */
static ssize_t
peek(int fd)
{
	char byte;
	ssize_t k = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	if (k > 0)
		return k;
	return k < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

static void
on_first_byte(struct conn *c)
{
	ssize_t k = peek(c->fd);
	if (k < 0)
		conn_free(c);
	if (k <= 0)
		return;
	if (c->client.kind == KIND_SMTP && !pool_takes_strangers()) {
		refuse(c, R_CROWD);
		return;
	}
	leave_list(c);
	c->state = CONN_READY;
	list_add(&front.ready, c);
	loop_events(c->watch, 0);
	if (pool_give(c) != E_OK)
		log_event(LOG_DEBUG, "waits_for_session", "ready=%zu", front.ready.n);
	pool_want(front.ready.n);
}

/* Greets it, and lets it be silent. */
static void
greet(struct conn *c)
{
	c->state = CONN_SILENT;
	c->deadline_ms = deadline_in_ms(front.idle_ms);
	c->client.is_greeted = c->client.kind != KIND_SUBMISSIONS;
	if (c->client.is_greeted)
		metric_smtp_reply(reply_code(R_GREETING));
	const struct buf *say =
	    c->client.kind == KIND_LMTP ? &front.greeting_lmtp : &front.greeting;
	if (c->client.is_greeted &&
	    send(c->fd, say->p, say->len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		conn_free(c);
}

/* Where a network that waited once stands; another one may stand there instead. */
static uint64_t *
patient_place(uint64_t key)
{
	return &front.patient[(key * 0x9e3779b97f4a7c15u) >> 32 &
			      (FRONT_PATIENT_MAX - 1)];
}

/* Mail servers wait for a greeting; many of those that only send spam do not. */
static bool
must_wait(const struct conn *c)
{
	return front.pause_ms && c->client.kind == KIND_SMTP &&
	       !nets_has_text(&front.relay, c->client.text);
}

/* Counts it; it is greeted now, or after a pause. */
static void
admit(struct conn *c)
{
	if (bans_refuse(front.bans, the_child.conf, c->client.text)) {
		send_away(c, R_BANNED);
		return;
	}
	if (c->client.kind == KIND_SMTP &&
	    !nets_has_text(&front.relay, c->client.text) &&
	    !rates_connect(c->client.text)) {
		refuse(c, R_RATE_CONNECTIONS);
		return;
	}
	int err = roll_enter(c->key);
	if (err != E_OK) {
		refuse(c, err == E_LIMIT ? R_CROWD : R_CROWD_EACH);
		return;
	}
	c->is_counted = true;
	c->client.has_waited = must_wait(c);
	if (c->client.kind == KIND_LMTP && c->key != FRONT_KEY_UNIX &&
	    !nets_has_text(&front.lmtp, c->client.text)) {
		refuse(c, R_NOT_YOURS);
	} else if (c->client.kind == KIND_SMTP && peek(c->fd) > 0) {
		refuse(c, R_PREGREET);
	} else if (c->client.has_waited && *patient_place(c->key) != c->key) {
		c->state = CONN_PAUSE;
		c->deadline_ms = deadline_in_ms(front.pause_ms);
	} else {
		greet(c);
	}
}

static void
on_pause_broken(struct conn *c)
{
	ssize_t k = peek(c->fd);
	if (k > 0)
		refuse(c, R_PREGREET);
	else if (k < 0)
		conn_free(c);
}

static void
on_pause_over(struct conn *c)
{
	*patient_place(c->key) = c->key;
	greet(c);
}

static void
set_address(struct conn *c, const struct sockaddr_storage *ss)
{
	struct peer peer;
	if (ss->ss_family == AF_UNIX) { /* who may open the socket is one of ours */
		c->key = FRONT_KEY_UNIX;
		c->client.is_loopback = true;
		strcpy(c->client.text, CLIENT_UNIX);
		return;
	}
	peer_of(ss, &peer);
	c->key = peer.key;
	c->client.is_loopback = peer.is_loopback;
	memcpy(c->client.text, peer.text, sizeof c->client.text);
}

static void
on_proxy_header(struct conn *c)
{
	struct proxy_header h;
	int err = proxy_take(c->fd, &c->proxy_seen, &h);
	if (err == E_MORE)
		return;
	if (err != E_OK) {
		log_event(LOG_WARNING, "proxy_header_bad", "client=%s",
		    log_qs(c->client.text));
		conn_free(c);
		return;
	}
	if (!h.is_local)
		set_address(c, &h.source);
	admit(c);
}

static void
on_readable(void *ctx, int fd, unsigned events)
{
	struct conn *c = ctx;
	(void)fd, (void)events;
	if (c->state == CONN_PROXY)
		on_proxy_header(c);
	else if (c->state == CONN_PAUSE)
		on_pause_broken(c);
	else
		on_first_byte(c);
	front_stop_if_done();
}

static void
take_in(int fd, const struct sockaddr_storage *from, enum listen_kind kind)
{
	struct conn *c = mem_new(sizeof *c);
	*c = (struct conn){.fd = fd, .client.kind = kind};
	set_address(c, from);
	metric_serving((uint32_t)++front.n_conns);
	metric_count(M_SMTP_CONNECTIONS + kind);
	bool is_proxy =
	    nets_has(&front.proxies, (const struct sockaddr *)(const void *)from);
	c->state = is_proxy ? CONN_PROXY : CONN_SILENT;
	c->deadline_ms = deadline_in_ms(FRONT_PROXY_WAIT_MS);
	c->watch = loop_watch(front.loop, fd, LOOP_READ, on_readable, c);
	list_add(&front.waiting, c);
	if (!is_proxy)
		admit(c);
}

static void
doors_listen(bool do_listen)
{
	for (size_t i = 0; i < front.n_doors; i++)
		loop_events(front.doors[i].watch, do_listen ? LOOP_READ : 0);
}

static void
on_connection(void *ctx, int listener, unsigned events)
{
	const struct door *door = ctx;
	(void)events;
	for (unsigned i = 0; i < FRONT_ACCEPT_BURST && !the_child.is_draining; i++) {
		struct sockaddr_storage from;
		socklen_t n = sizeof from;
		int fd = accept4(listener, (struct sockaddr *)(void *)&from, &n,
		    SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0) {
			take_in(fd, &from, door->kind);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
		    errno == ENOBUFS) {
			log_event(LOG_ERR, "accept_failed", "err=%s", log_errno(errno));
			doors_listen(false);
			front.is_paused = true;
		}
		return;
	}
}

/* Those that were silent for too long, or as long as they should. */
static void
end_the_idle(void)
{
	int64_t now = clock_mono_ms();
	for (struct conn *c = front.waiting.first, *next; c; c = next) {
		next = c->next;
		if (c->deadline_ms > now)
			continue;
		if (c->state == CONN_PAUSE)
			on_pause_over(c);
		else
			refuse(c, R_IDLE);
	}
}

static void
drain(void)
{
	for (size_t i = 0; i < front.n_doors; i++)
		loop_unwatch(&front.doors[i].watch);
	front.n_doors = 0;
	while (the_child.is_stopping && front.waiting.first)
		refuse(front.waiting.first, R_STOPPING);
	if (the_child.is_stopping)
		front_refuse_ready();
	pool_drain();
	front_stop_if_done();
}

static void
on_tick(void *ctx)
{
	(void)ctx;
	end_the_idle();
	pool_tick();
	if (front.ready.n)
		pool_want(front.ready.n);
	if (front.is_paused && !the_child.is_draining) {
		front.is_paused = false;
		doors_listen(true);
	}
	loop_timer_set(front.tick, FRONT_TICK_MS);
	if (the_child.is_draining)
		drain();
}

/* May come in the middle of anything that asks the monitor: done in the next turn of the loop. */
static void
on_drain(void)
{
	loop_timer_set(front.tick, 0);
}

static void
on_session(int fd, unsigned kind, struct span about)
{
	(void)kind, (void)about; /* none but sessions may have a channel to us */
	pool_add(fd);
}

static const struct {
	const char *setting;
	enum listen_kind kind;
} kinds[] = {
    {"listen_smtp", KIND_SMTP},
    {"listen_submission", KIND_SUBMISSION},
    {"listen_submissions", KIND_SUBMISSIONS},
    {"listen_lmtp", KIND_LMTP},
};

static void
open_doors(void)
{
	int on = 1;
	front.doors = mem_grow(NULL, the_child.n_listeners + 1, sizeof *front.doors);
	for (size_t i = 0; i < the_child.n_listeners; i++) {
		const struct listener *l = &the_child.listeners[i];
		struct door *d = &front.doors[front.n_doors];
		*d = (struct door){.listener = l, .kind = KIND_COUNT};
		for (size_t k = 0; k < COUNT(kinds); k++)
			if (!strcmp(l->kind, kinds[k].setting))
				d->kind = kinds[k].kind;
		if (d->kind == KIND_COUNT)
			continue;
		/* replies go out as they are written; an accepted socket inherits it */
		setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		front.n_doors++;
		d->watch = loop_watch(front.loop, l->fd, LOOP_READ, on_connection, d);
	}
}

int
front_prepare(void)
{
	if (roll_sign() != E_OK)
		return EX_TEMPFAIL; /* its place is not free yet: the monitor tries again */
	front.bans = bans_open(the_child.conf, false);
	return EX_OK;
}

void
front_jail(struct jail *j)
{
	j->calls = JAIL_ACCEPT;
}

/* Mail from other hosts leaves a quarter of the sessions to who submits. */
static unsigned
strangers_most(const struct conf *conf)
{
	unsigned all = (unsigned)conf_int(conf, "smtpd", "sessions_most"),
		 fronts = (unsigned)conf_int(conf, "smtpd", "front_count");
	bool has_others = false;
	for (size_t i = 0; i < front.n_doors; i++)
		has_others |= front.doors[i].kind != KIND_SMTP;
	unsigned most = has_others ? all - all / 4 : all;
	return (most + fronts - 1) / fronts;
}

int
front_run(void)
{
	const struct conf *conf = the_child.conf;
	front.loop = loop_new();
	front.tick = loop_timer_new(front.loop, on_tick, NULL);
	front.idle_ms = conf_int(conf, "smtpd", "idle_time") * 1000;
	reply_put(&front.greeting, R_GREETING, conf_str(conf, "common", "hostname"));
	reply_put(&front.greeting_lmtp, R_GREETING_LMTP,
	    conf_str(conf, "common", "hostname"));
	front.pause_ms = conf_int(conf, "smtpd", "greet_pause") * 1000;
	nets_load(&front.proxies, conf, "common", "proxy_networks");
	nets_load(&front.lmtp, conf, "smtpd", "lmtp_networks");
	nets_load(&front.relay, conf, "smtpd", "relay_networks");
	the_child.on_client = on_session;
	the_child.on_drain = on_drain;
	open_doors();
	pool_init(front.loop, (unsigned)conf_int(conf, "smtpd", "sessions_spare"),
	    strangers_most(conf));
	loop_timer_set(front.tick, FRONT_TICK_MS);
	if (the_child.is_draining)
		on_drain();
	loop_run(front.loop);
	return EX_OK;
}
