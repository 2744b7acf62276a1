/* SPDX-License-Identifier: ISC */
/*
 * connect.c - to which address of a destination.  Of one host the next address is begun when one
 * failed or has not answered for a moment (as RFC 8305 5 does for web pages), and the first that
 * answers is it; a host that is less preferred is tried when all of the better one failed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "conf/route.h"
#include "proc/child.h"
#include "queue/asks.h"
#include "queue/relay/target.h"

enum { HEAD_START_MS = 250 };

static struct targets targets;
static bool is_known;       /* the addresses were looked up, or the socket tried */
static struct target *last; /* borrow: the one that answered last */

static bool
is_loopback(const struct target *t)
{
	return t->a.any.sa_family == AF_INET
	           ? (ntohl(t->a.v4.sin_addr.s_addr) >> 24) == 127
	           : IN6_IS_ADDR_LOOPBACK(&t->a.v6.sin6_addr);
}

static struct target_host *
host_of(const struct target *t)
{
	return &targets.hosts[t->host];
}

/* As text, until the next call. */
static const char *
address_of(const struct target *t)
{
	static char text[INET6_ADDRSTRLEN];
	if (t->a.any.sa_family == AF_INET)
		inet_ntop(AF_INET, &t->a.v4.sin_addr, text, sizeof text);
	else
		inet_ntop(AF_INET6, &t->a.v6.sin6_addr, text, sizeof text);
	return text;
}

/* "mail.example.org[192.0.2.1]:587", without what goes without saying. */
static void
say_who(const struct target *t, struct buf *out)
{
	bool is_v4 = t->a.any.sa_family == AF_INET;
	uint16_t port = ntohs(is_v4 ? t->a.v4.sin_port : t->a.v6.sin6_port);
	buf_reset(out);
	buf_putf(out, "%.*s[%s]", SPAN_ARG(host_of(t)->name), address_of(t));
	if (port != ROUTE_PORT_SMTP)
		buf_putf(out, ":%u", port);
}

/* ---- one attempt ---- */

static int
bind_source(const struct remote *r, int fd, int family)
{
	struct span from = family == AF_INET ? r->limits->source4 : r->limits->source6;
	char source[INET6_ADDRSTRLEN + 1] = {0};
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	if (!from.n)
		return E_OK;
	memcpy(source, from.p, from.n < sizeof source ? from.n : sizeof source - 1);
	if (family == AF_INET)
		return inet_pton(AF_INET, source, &v4.sin_addr) == 1 &&
		               bind(fd, (struct sockaddr *)&v4, sizeof v4) == 0
		           ? E_OK
		           : E_IO;
	return inet_pton(AF_INET6, source, &v6.sin6_addr) == 1 &&
	               bind(fd, (struct sockaddr *)&v6, sizeof v6) == 0
	           ? E_OK
	           : E_IO;
}

/*
 * Why it failed so far: what is only so for now goes before what is so for good, of which another
 * host might know better tomorrow.
 */
static struct buf later;

static void
note_why(const struct remote *r)
{
	if (r->why.len && r->why.p[0] == '4') {
		buf_reset(&later);
		buf_span(&later, buf_as_span(&r->why));
	}
}

/* A failure says why, and the next one is tried. */
static void
failed(struct remote *r, struct target *t, int err)
{
	say_who(t, &r->who);
	buf_reset(&r->why);
	buf_putf(
	    &r->why, "4.4.1 %.*s: %s", SPAN_ARG(buf_as_span(&r->who)), strerror(err));
	r->how = METRIC_ATTEMPT_UNCONNECTED;
	note_why(r);
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}

static void
attempt(struct remote *r, struct target *t)
{
	int one = 1;
	t->is_tried = true;
	t->until = deadline_in_ms(r->limits->connect_ms);
	t->fd =
	    socket(t->a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (t->fd < 0 || bind_source(r, t->fd, t->a.any.sa_family) != E_OK) {
		failed(r, t, errno);
		return;
	}
	setsockopt(t->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (connect(t->fd, &t->a.any, t->bytes) != 0 && errno != EINPROGRESS)
		failed(r, t, errno);
}

/* ---- the race ---- */

static bool
is_under_way(void)
{
	for (size_t i = 0; i < targets.n; i++)
		if (targets.all[i].fd >= 0)
			return true;
	return false;
}

/*
 * What is asked of its TLS is known before the first of its addresses is tried, or none of them is.
 */
static bool
may_try(struct remote *r, struct target *t)
{
	struct target_host *h = host_of(t);
	if (!h->is_decided)
		h->is_denied = policy_decide(r, h, targets.domain) != E_OK;
	if (h->is_denied) {
		r->how = METRIC_ATTEMPT_TLS;
		note_why(r);
	}
	h->is_decided = true;
	t->is_tried = h->is_denied;
	return !h->is_denied;
}

/* In order; one of another host only when nothing is under way any more. */
static struct target *
next_untried(struct remote *r, unsigned host)
{
	for (size_t i = 0; i < targets.n; i++) {
		struct target *t = &targets.all[i];
		if (t->is_tried)
			continue;
		if (t->host != host && is_under_way())
			return NULL;
		if (may_try(r, t))
			return t;
	}
	return NULL;
}

/* Those under way; until when there is nothing to do but wait for them. */
static size_t
under_way(struct pollfd *p, struct target **which, int64_t *until)
{
	size_t n = 0;
	for (size_t i = 0; i < targets.n; i++) {
		struct target *t = &targets.all[i];
		if (t->fd < 0)
			continue;
		p[n] = (struct pollfd){.fd = t->fd, .events = POLLOUT};
		which[n++] = t;
		if (t->until < *until)
			*until = t->until;
	}
	return n;
}

static struct target *
answered(struct remote *r, struct pollfd *p, struct target **which, size_t n)
{
	int64_t now = clock_mono_ms();
	for (size_t i = 0; i < n; i++) {
		int err = 0;
		socklen_t bytes = sizeof err;
		if (p[i].revents &&
		    getsockopt(p[i].fd, SOL_SOCKET, SO_ERROR, &err, &bytes) == 0 &&
		    err == 0)
			return which[i];
		if (p[i].revents)
			failed(r, which[i], err);
		else if (which[i]->until <= now)
			failed(r, which[i], ETIMEDOUT);
	}
	return NULL;
}

static struct target *
race(struct remote *r)
{
	struct pollfd p[TARGETS_MAX];
	struct target *which[TARGETS_MAX], *next;
	unsigned host = 0;
	for (;;) {
		if ((next = next_untried(r, host))) {
			host = next->host;
			attempt(r, next);
		}
		int64_t until = next_untried(r, host) ? deadline_in_ms(HEAD_START_MS)
		                                      : DEADLINE_NONE;
		size_t n = under_way(p, which, &until);
		if (n == 0 && !next)
			return NULL;
		if (n == 0)
			continue;
		if (poll(p, n, deadline_left_ms(until)) < 0 && errno != EINTR)
			return NULL;
		struct target *won = answered(r, p, which, n);
		if (won)
			return won;
	}
}

/* The others go on as untried: should this one not greet us, they are next. */
static void
end_race(const struct target *won)
{
	for (size_t i = 0; i < targets.n; i++) {
		struct target *t = &targets.all[i];
		if (t == won || t->fd < 0)
			continue;
		close(t->fd);
		t->fd = -1;
		t->is_tried = false;
	}
}

/* The last one that was tried said why. */
static int
no_more(struct remote *r)
{
	if (!r->why.len)
		remote_lost(r, "4.4.4", "there is no address to connect to");
	if (later.len && r->why.p[0] != '4') {
		buf_reset(&r->why);
		buf_span(&r->why, buf_as_span(&later));
	}
	r->is_lost = true;
	return E_IO;
}

/* Its path is not in our jail: the monitor, which has read the route, connects. */
static int
connect_unix(struct remote *r)
{
	struct buf body = {0}, in = {0};
	struct ask_msg reply;
	static const struct policy no_tls = {.is_off = true};
	r->policy = &no_tls;
	buf_reset(&r->who);
	buf_span(&r->who, r->hop->host);
	buf_u16(&body, r->hop->route);
	if (is_known)
		return no_more(r);
	is_known = true;
	int err = child_call(QUEUE_UNIX, buf_as_span(&body), -1, &in, &reply);
	if (err == E_OK && reply.fd < 0)
		err = E_IO;
	if (err == E_OK) {
		io_init(&r->io, reply.fd, REMOTE_IN_MAX, REMOTE_OUT_MAX);
		metric_count(M_RELAY_CONNECTIONS + hop_class(r->hop));
	} else {
		remote_lost(r, "4.4.1", "cannot be connected to");
	}
	r->is_loopback = true;
	buf_free(&body);
	buf_free(&in);
	return err == E_OK ? E_OK : E_IO;
}

int
remote_connect(struct remote *r)
{
	if (r->hop->kind == ROUTE_UNIX)
		return connect_unix(r);
	note_why(r); /* of the connection before */
	if (!is_known && targets_find(r, &targets) != E_OK)
		return E_IO;
	is_known = true;
	struct target *won = race(r);
	if (!won)
		return no_more(r);
	end_race(won);
	say_who(won, &r->who);
	r->is_loopback = is_loopback(won);
	r->name = host_of(won)->name.n ? host_of(won)->name : r->hop->host;
	r->address = span_of(address_of(won));
	r->policy = &host_of(won)->policy;
	r->is_mute = r->is_mute && won == last;
	io_init(&r->io, won->fd, REMOTE_IN_MAX, REMOTE_OUT_MAX);
	won->fd = -1;
	last = won;
	metric_count(M_RELAY_CONNECTIONS + hop_class(r->hop));
	return E_OK;
}

void
remote_connect_again(void)
{
	if (last)
		last->is_tried = false;
}
