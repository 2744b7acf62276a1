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

static int
from_back(struct front_conn *c)
{
	while (c->down.len < RELAY_BUFFER) {
		char *room = buf_room(&c->down, RELAY_BUFFER - c->down.len);
		ssize_t k =
		    recv(c->back, room, RELAY_BUFFER - c->down.len, MSG_DONTWAIT);
		if (k == 0)
			return E_IO;
		if (k < 0)
			return errno == EAGAIN || errno == EINTR ? E_MORE : E_IO;
		buf_added(&c->down, (size_t)k);
	}
	return E_OK;
}

/* One turn of both directions; true: something moved that may let more move. */
static bool
turn(struct front_conn *c, bool *is_over)
{
	size_t up = c->up.len, down = c->down.len;
	bool was_full = down >= RELAY_BUFFER || up >= RELAY_BUFFER;
	if (!c->has_ended && conn_read(c, &c->up, RELAY_BUFFER) == E_IO)
		c->has_ended = true;
	int sent = to_back(c);
	if (c->has_ended && sent == E_OK)
		shutdown(c->back, SHUT_WR);
	if (sent == E_IO)
		buf_reset(&c->up); /* nobody reads it any more */
	if (!c->back_has_ended && from_back(c) == E_IO) {
		c->back_has_ended = true;
		/* for what is still to be read by the client */
		c->idle_deadline = deadline_in_ms(FRONT_IDLE_MS);
	}
	int told = conn_write(c, &c->down);
	*is_over = told == E_IO || (c->back_has_ended && c->down.len == 0) ||
	           (sent == E_IO && c->down.len == 0);
	return was_full && (c->up.len < RELAY_BUFFER && c->down.len < RELAY_BUFFER);
}

void
relay_pump(struct front_conn *c)
{
	bool is_over = false;
	for (int i = 0; i < 8 && turn(c, &is_over) && !is_over; i++)
		continue;
	if (is_over) {
		conn_free(c);
		return;
	}
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
	if ((c->up.len || has_more) && !c->back_has_ended)
		back |= LOOP_WRITE;
	loop_events(c->watch, client);
	loop_events(c->back_watch, back);
}
