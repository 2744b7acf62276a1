/* SPDX-License-Identifier: ISC */
/*
 * relay.c - after the login.  A plain connection goes to the session whole, with what the client
 * sent behind its login; one in TLS stays here, and its plaintext goes over a socketpair, bounded
 * both ways.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "login/front.h"
#include "login/ticket.h"

static void
on_back(void *ctx, int fd, unsigned events)
{
	(void)fd, (void)events;
	conn_pump(ctx);
}

static int
redeem(struct front_conn *c, struct id ticket, int fd)
{
	struct buf mechanisms = {0};
	front_mechanisms(c, &mechanisms);
	const struct login_client client = {.client = span_of(c->peer.text),
	    .has_tls = c->tls != NULL,
	    .is_loopback = c->peer.is_loopback,
	    .mechanisms = buf_as_span(&mechanisms),
	    .sid = span_of(c->sid),
	    .is_utf8 = c->is_utf8,
	    .tag = buf_as_span(&c->tag),
	    .input = c->tls ? SPAN("") : buf_as_span(&c->in)};
	int err = ticket_redeem(ticket, &client, fd);
	buf_free(&mechanisms);
	return err;
}

static void
refuse(struct front_conn *c, int err)
{
	c->state = FRONT_TALK;
	if (err == E_DENY) {
		log_event(LOG_INFO, "login_delay", "client=%s", c->peer.text);
		the_front.dialect->too_soon(c);
	} else if (err == E_LIMIT) {
		the_front.dialect->too_many(c); /* the monitor has logged it */
	} else {
		log_event(LOG_ERR, "no_session", "client=%s why=%s", c->peer.text,
		    err_name(err));
		if (err != E_IO || c->tls) /* else a session may speak here, too */
			the_front.dialect->failed(c, AUTH_TEMP);
	}
	front_end(c);
}

/* The session has the connection now; here nothing of it stays. */
static void
hand_over(struct front_conn *c, struct id ticket)
{
	int err = conn_write(c, &c->out) == E_OK ? redeem(c, ticket, c->fd) : E_IO;
	if (err != E_OK) {
		refuse(c, err);
		return;
	}
	buf_wipe(&c->in);
	loop_unwatch(&c->watch);
	close(c->fd);
	c->fd = -1;
	c->state = FRONT_CLOSING;
}

void
relay_begin(struct front_conn *c, struct id ticket)
{
	int pair[2];
	the_front.n_handed++;
	if (!c->tls) {
		hand_over(c, ticket);
		return;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) !=
	    0) {
		refuse(c, E_IO);
		return;
	}
	int err = redeem(c, ticket, pair[1]);
	close(pair[1]);
	if (err != E_OK) {
		close(pair[0]);
		refuse(c, err);
		return;
	}
	c->back = pair[0];
	c->state = FRONT_RELAY;
	buf_span(&c->up, buf_as_span(&c->in));
	buf_span(&c->down, buf_as_span(&c->out));
	buf_wipe(&c->in);
	buf_wipe(&c->out);
	buf_free(&c->user);
	buf_free(&c->tag);
	buf_wipe(&c->command);
	c->back_watch = loop_watch(the_front.loop, c->back, LOOP_READ, on_back, c);
}

static int
to_back(struct front_conn *c)
{
	while (c->up.len) {
		ssize_t k =
		    send(c->back, c->up.p, c->up.len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (k < 0)
			return errno == EAGAIN || errno == EINTR ? E_MORE : E_IO;
		buf_drop(&c->up, (size_t)k);
	}
	return E_OK;
}

/*
 * As recv; *is_marked: a descriptor came with the last octet (serve.c), which is then no data.  The
 * kernel ends a read there.
 */
static ssize_t
recv_marked(int fd, char *p, size_t n, bool *is_marked)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {p, n};
	struct msghdr m = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control.bytes,
	    .msg_controllen = sizeof control.bytes};
	ssize_t k = recvmsg(fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *h = k > 0 ? CMSG_FIRSTHDR(&m) : NULL;
	*is_marked = h && h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS;
	if (*is_marked) {
		int passed;
		memcpy(&passed, CMSG_DATA(h), sizeof passed);
		close(passed);
	}
	return k;
}

static int
from_back(struct front_conn *c)
{
	struct buf *to = c->is_returned ? &c->in : &c->down;
	/* of what is given back one more: the mark, or it is too much */
	size_t most = c->is_returned ? FRONT_IN_MAX + 1 : RELAY_BUFFER;
	while (to->len < most) {
		bool is_marked;
		char *room = buf_room(to, most - to->len);
		ssize_t k = recv_marked(c->back, room, most - to->len, &is_marked);
		if (k == 0)
			return E_IO;
		if (k < 0)
			return errno == EAGAIN || errno == EINTR ? E_MORE : E_IO;
		buf_added(to, (size_t)(k - is_marked));
		if (is_marked && c->is_returned) {
			c->is_all_returned = true;
		} else if (is_marked) {
			c->is_returned = true;
			shutdown(c->back, SHUT_WR); /* the session waits for it */
			return E_OK;
		}
	}
	return c->is_returned ? E_DENY
	                      : E_OK; /* a client sends no more than that ahead */
}

/* One turn of both directions; true: something moved that may let more move. */
static bool
turn(struct front_conn *c, bool *is_over)
{
	size_t up = c->up.len, down = c->down.len;
	bool was_full = down >= RELAY_BUFFER || up >= RELAY_BUFFER;
	if (!c->has_ended && conn_read(c, &c->up, RELAY_BUFFER) == E_IO)
		c->has_ended = true;
	int sent = c->is_returned ? E_MORE : to_back(c);
	if (c->has_ended && sent == E_OK && !c->is_returned)
		shutdown(c->back, SHUT_WR);
	if (sent == E_IO)
		buf_reset(&c->up); /* nobody reads it any more */
	int got = c->back_has_ended ? E_MORE : from_back(c);
	if (got == E_DENY)
		c->is_returned = c->is_all_returned =
		    false; /* too much: then it ends */
	if (got == E_IO || got == E_DENY) {
		c->back_has_ended = true;
		/* for what is still to be read by the client */
		c->idle_deadline = deadline_in_ms(FRONT_IDLE_MS);
	}
	int told = conn_write(c, &c->down);
	*is_over = told == E_IO || (c->back_has_ended && c->down.len == 0) ||
	           (sent == E_IO && c->down.len == 0);
	return was_full && (c->up.len < RELAY_BUFFER && c->down.len < RELAY_BUFFER);
}

/* The session gave its client back: what it had not read comes before what it was not sent. */
static void
talk_again(struct front_conn *c)
{
	loop_unwatch(&c->back_watch);
	close(c->back);
	c->back = -1;
	buf_span(&c->in, buf_as_span(&c->up));
	buf_wipe(&c->up);
	buf_wipe(&c->down);
	conn_again(c);
	if (buf_done(&c->in) != E_OK)
		front_end(c);
	conn_pump(c);
}

/* Most of its life it waits: what a turn needs is not kept meanwhile. */
static void
give_back(struct buf *b)
{
	if (b->len == 0)
		buf_free(b);
}

void
relay_pump(struct front_conn *c)
{
	bool is_over = false;
	for (int i = 0; i < 8 && turn(c, &is_over) && !is_over; i++)
		continue;
	if (is_over && c->is_all_returned && c->back_has_ended && !c->has_ended) {
		talk_again(c);
		return;
	}
	if (is_over) {
		conn_free(c);
		return;
	}
	give_back(&c->up);
	give_back(&c->down);
	unsigned client = 0, back = 0;
	if (!c->has_ended && c->up.len < RELAY_BUFFER)
		client |= c->wants_write ? LOOP_WRITE : LOOP_READ;
	if (c->down.len)
		client |= LOOP_WRITE;
	if (!c->back_has_ended && c->down.len < RELAY_BUFFER)
		back |= LOOP_READ;
	/* what TLS has decrypted already does not wake the client's descriptor */
	bool has_more =
	    !c->has_ended && c->up.len < RELAY_BUFFER && tls_way.pending(c->tls) > 0;
	if ((c->up.len || has_more) && !c->back_has_ended && !c->is_returned)
		back |= LOOP_WRITE;
	loop_events(c->watch, client);
	loop_events(c->back_watch, back);
}
