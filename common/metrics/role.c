/* SPDX-License-Identifier: ISC */
/*
 * role.c - the event loop of the role metrics: few clients, each for a short while, one request
 * each.
 */
#include "metrics/role.h"

#include <errno.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "metrics/http.h"
#include "metrics/table.h"
#include "proc/monitor.h"

struct client {
	struct client *next, **link; /* of its door; the newest first */
	struct door *door;           /* borrow */
	int fd;                      /* own */
	struct loop_fd *watch;       /* own */
	struct loop_timer *deadline; /* own */
	struct buf in, out;
	size_t sent;
	bool is_answered, is_sent;
};

struct door {
	struct loop_fd *watch; /* own; NULL: closed, we drain */
	struct client *clients;
	unsigned n;
};

static struct {
	struct loop *loop;
	struct door doors[LISTENERS_MAX];
	size_t n_doors;
	struct loop_timer *pause;
	const char *names[METRIC_ROLES]; /* of all roles */
} role;

static void
stop_if_done(void)
{
	for (size_t i = 0; i < role.n_doors; i++)
		if (role.doors[i].clients)
			return;
	if (the_child.is_draining)
		loop_stop(role.loop);
}

static void
client_end(struct client *c)
{
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	c->door->n--;
	loop_unwatch(&c->watch);
	loop_timer_free(&c->deadline);
	close(c->fd);
	buf_free(&c->in);
	buf_free(&c->out);
	mem_free(&c);
	stop_if_done();
}

static void
answer(struct client *c, unsigned status, bool is_head)
{
	struct buf text = {.max = METRICS_TEXT_MAX};
	if (status == HTTP_OK) {
		const struct metrics_about about = {.daemon = the_child.daemon,
		    .roles = role.names,
		    .n_roles = the_monitor.daemon->n_roles,
		    .now_wall_sec = clock_wall_sec()};
		metrics_put(metric_rows, metric_n_rows, the_metrics, &about, &text);
	}
	http_answer(status, is_head, buf_as_span(&text), &c->out);
	buf_free(&text);
	c->is_answered = true;
}

/* E_OK: all of it is sent; E_MORE, E_IO */
static int
send_some(struct client *c)
{
	while (c->sent < c->out.len) {
		ssize_t n = send(c->fd, c->out.p + c->sent, c->out.len - c->sent,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? E_MORE : E_IO;
		c->sent += (size_t)n;
	}
	return E_OK;
}

/* E_OK: something came; E_MORE, E_IO (the end, too) */
static int
receive_some(struct client *c)
{
	char bytes[4096];
	ssize_t n = recv(c->fd, bytes, sizeof bytes, MSG_DONTWAIT);
	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR) ? E_MORE : E_IO;
	if (!c->is_answered)
		buf_put(&c->in, bytes, (size_t)n);
	return E_OK;
}

/*
 * What comes behind the request is read and forgotten until the client closes: unread bytes would
 * reset the connection.
 */
static int
turn(struct client *c)
{
	unsigned status;
	bool is_head;
	int err = receive_some(c);
	if (err == E_IO && !c->is_answered)
		return E_IO;
	if (!c->is_answered &&
	    http_request(buf_as_span(&c->in), &status, &is_head) == E_OK)
		answer(c, status, is_head);
	if (c->is_answered && !c->is_sent) {
		int sent = send_some(c);
		if (sent != E_OK)
			return sent;
		c->is_sent = true;
		shutdown(c->fd, SHUT_WR);
	}
	return c->is_sent && err == E_IO ? E_IO : E_MORE;
}

static void
on_client(void *ctx, int fd, unsigned events)
{
	struct client *c = ctx;
	(void)fd, (void)events;
	if (turn(c) == E_IO) {
		client_end(c);
		return;
	}
	loop_events(c->watch, c->is_answered && !c->is_sent ? LOOP_WRITE : LOOP_READ);
}

static void
on_deadline(void *ctx)
{
	client_end(ctx);
}

static void
drop_oldest(struct door *d)
{
	struct client *c = d->clients;
	while (c->next)
		c = c->next;
	client_end(c);
}

static void
client_begin(struct door *d, int fd)
{
	if (d->n == METRICS_CLIENTS_MOST)
		drop_oldest(d);
	struct client *c = mem_new(sizeof *c);
	*c = (struct client){.next = d->clients,
	    .link = &d->clients,
	    .door = d,
	    .fd = fd,
	    .in = {.max = HTTP_REQUEST_MAX + 4096},
	    .out = {.max = METRICS_TEXT_MAX + 1024}};
	if (c->next)
		c->next->link = &c->next;
	d->clients = c;
	d->n++;
	c->watch = loop_watch(role.loop, fd, LOOP_READ, on_client, c);
	c->deadline = loop_timer_new(role.loop, on_deadline, c);
	loop_timer_set(c->deadline, METRICS_CLIENT_MS);
}

static void
doors_listen(bool is_open)
{
	for (size_t i = 0; i < role.n_doors; i++)
		if (role.doors[i].watch)
			loop_events(role.doors[i].watch, is_open ? LOOP_READ : 0);
}

static void
on_pause_over(void *ctx)
{
	(void)ctx;
	doors_listen(true);
}

static void
on_connection(void *ctx, int listener, unsigned events)
{
	(void)events;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0) {
		client_begin(ctx, fd);
	} else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
		   errno == ENOBUFS) {
		log_event(LOG_ERR, "accept_failed", "err=%s", log_errno(errno));
		doors_listen(false);
		loop_timer_set(role.pause, METRICS_PAUSE_MS);
	}
}

static void
on_drain(void)
{
	for (size_t i = 0; i < role.n_doors; i++)
		loop_unwatch(&role.doors[i].watch);
	stop_if_done();
}

void
metrics_jail(struct jail *j)
{
	j->calls = JAIL_ACCEPT;
}

int
metrics_run(void)
{
	const struct daemon *d = the_monitor.daemon; /* as it was at the fork */
	role.loop = loop_new();
	role.pause = loop_timer_new(role.loop, on_pause_over, NULL);
	for (size_t i = 0; i < d->n_roles; i++)
		role.names[i] = d->roles[i].name;
	for (size_t i = 0; i < the_child.n_listeners; i++) {
		struct door *door = &role.doors[role.n_doors++];
		door->watch = loop_watch(role.loop, the_child.listeners[i].fd,
		    LOOP_READ, on_connection, door);
	}
	the_child.on_drain = on_drain;
	if (the_child.is_draining)
		return EX_OK;
	loop_run(role.loop);
	return EX_OK;
}
