/* SPDX-License-Identifier: ISC */
/* conn.c - bytes of a connection before its login. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "login/front.h"
#include "proc/child.h"

enum { TLS_HANDSHAKE = 22 }; /* type of a record */

int
conn_read(struct front_conn *c, struct buf *into, size_t most)
{
	while (into->len < most) {
		size_t want = most - into->len < IO_IN_CHUNK ? most - into->len
		                                             : IO_IN_CHUNK,
		       got = 0;
		char *room = buf_room(into, want);
		int err;
		if (!room)
			return E_LIMIT;
		if (c->tls) {
			err = tls_way.read(c->tls, room, want, &got, &c->wants_write);
		} else {
			ssize_t k = recv(c->fd, room, want, MSG_DONTWAIT);
			got = k > 0 ? (size_t)k : 0;
			err = k >= 0                              ? E_OK
			      : errno == EAGAIN || errno == EINTR ? E_MORE
			                                          : E_IO;
		}
		if (err != E_OK)
			return err;
		if (got == 0)
			return E_IO;
		buf_added(into, got);
		if (!c->tls && got < want)
			return E_MORE;
	}
	return E_OK;
}

int
conn_write(struct front_conn *c, struct buf *from)
{
	int err = buf_done(from);
	while (err == E_OK && from->len) {
		size_t put = 0;
		bool wants_write = true;
		if (c->tls) {
			err = tls_way.write(
			    c->tls, from->p, from->len, &put, &wants_write);
		} else {
			ssize_t k = send(
			    c->fd, from->p, from->len, MSG_DONTWAIT | MSG_NOSIGNAL);
			put = k > 0 ? (size_t)k : 0;
			err = k >= 0                              ? E_OK
			      : errno == EAGAIN || errno == EINTR ? E_MORE
			                                          : E_IO;
		}
		if (err == E_OK)
			buf_drop(from, put);
	}
	return err == E_OK || err == E_MORE ? err : E_IO;
}

/* ---- for the dialect ---- */

bool
front_may_tls(const struct front_conn *c)
{
	return the_front.tls && !c->tls;
}

bool
front_may_show(const struct front_conn *c)
{
	return auth_may_show(the_child.conf, c->tls != NULL, c->peer.is_loopback);
}

void
front_end(struct front_conn *c)
{
	c->state = FRONT_CLOSING;
}

void
front_error(struct front_conn *c)
{
	if (++c->errors >= FRONT_ERRORS_MOST) {
		log_event(LOG_INFO, "too_many_errors", "client=%s", c->peer.text);
		if (the_front.dialect->bye)
			the_front.dialect->bye(c, "too many errors");
		front_end(c);
	}
}

/*
 * What was sent in plain ahead of TLS is read away, up to the first byte of a TLS record (RFC 8446
 * 5.1).  Who sends on and on does not hold the front: its handshake fails.
 */
static void
discard_ahead(struct front_conn *c)
{
	char ahead[FRONT_AHEAD_CHUNK];
	for (int i = 0; i < FRONT_AHEAD_CHUNKS; i++) {
		ssize_t n = recv(c->fd, ahead, sizeof ahead, MSG_DONTWAIT | MSG_PEEK);
		if (n <= 0 || ahead[0] == TLS_HANDSHAKE)
			return;
		if (recv(c->fd, ahead, (size_t)n, MSG_DONTWAIT) != n)
			return;
	}
}

void
front_octets(struct front_conn *c, size_t n)
{
	if (n > FRONT_OCTETS_MAX)
		bug("a literal past its limit");
	c->n_octets_wanted = n;
}

/* The reply goes in plain; then what the client sent ahead is forgotten, and TLS begins. */
void
front_starttls(struct front_conn *c)
{
	if (conn_write(c, &c->out) != E_OK) { /* a client that does not take one line */
		front_end(c);
		return;
	}
	buf_wipe(&c->in);
	buf_free(&c->user);
	buf_free(&c->tag);
	buf_wipe(&c->command);
	/* what was known without TLS is known no more: RFC 2595 4 */
	c->is_utf8 = false;
	discard_ahead(c);
	c->tls = tls_conn_new(the_front.tls, c->fd);
	c->state = c->tls ? FRONT_HANDSHAKE : FRONT_CLOSING;
}

/* ---- life ---- */

void
conn_free(struct front_conn *c)
{
	sasl_close(c);
	tls_conn_close(&c->tls, NULL);
	loop_unwatch(&c->watch);
	loop_unwatch(&c->back_watch);
	loop_timer_free(&c->delay);
	if (c->back >= 0)
		close(c->back);
	if (c->fd >= 0)
		close(c->fd);
	buf_wipe(&c->in);
	buf_wipe(&c->out);
	buf_wipe(&c->up);
	buf_wipe(&c->down);
	buf_free(&c->user);
	buf_free(&c->tag);
	buf_wipe(&c->command);
	front_left(c);
	mem_free(&c);
}

void
conn_begin(struct front_conn *c)
{
	c->talk_deadline = deadline_in_ms(FRONT_TALK_MS);
	c->idle_deadline = deadline_in_ms(FRONT_IDLE_MS);
	if (c->is_implicit) {
		c->tls = the_front.tls ? tls_conn_new(the_front.tls, c->fd) : NULL;
		c->state = c->tls ? FRONT_HANDSHAKE : FRONT_CLOSING;
		return;
	}
	c->state = FRONT_TALK;
	the_front.dialect->greet(c);
}

void
conn_again(struct front_conn *c)
{
	c->state = FRONT_TALK;
	c->is_returned = c->is_all_returned = c->back_has_ended = c->is_sasl =
	    c->is_utf8 = false;
	c->errors = c->failures = 0;
	buf_reset(&c->tag);
	c->talk_deadline = deadline_in_ms(FRONT_TALK_MS);
	c->idle_deadline = deadline_in_ms(FRONT_IDLE_MS);
	log_event(LOG_INFO, "unauthenticated", "client=%s", c->peer.text);
}

void
conn_events(struct front_conn *c)
{
	unsigned events = 0;
	if (c->state == FRONT_HANDSHAKE || c->state == FRONT_PROXY)
		events = c->wants_write ? LOOP_WRITE : LOOP_READ;
	else if (c->state == FRONT_TALK)
		events = c->in.len < FRONT_IN_MAX ? LOOP_READ : 0;
	if (c->out.len)
		events |= LOOP_WRITE;
	if (c->watch)
		loop_events(c->watch, events);
}

static void
do_long_line(struct front_conn *c)
{
	c->is_skipping = false;
	sasl_close(c);
	the_front.dialect->line_too_long(c);
}

static void
do_line(struct front_conn *c, size_t end)
{
	struct buf line = {.max = FRONT_LINE_MAX};
	c->idle_deadline = deadline_in_ms(FRONT_IDLE_MS);
	if (end > FRONT_LINE_MAX || c->is_skipping) {
		buf_drop(&c->in, end);
		do_long_line(c);
		return;
	}
	buf_put(&line, c->in.p, end);
	buf_drop(&c->in, end);
	line.len--; /* LF */
	if (line.len && line.p[line.len - 1] == '\r')
		line.len--;
	struct span text = buf_as_span(&line);
	if (!c->is_sasl)
		the_front.dialect->line(c, text);
	else if (the_front.dialect->response)
		the_front.dialect->response(c, text);
	else
		front_response(c, &text);
	buf_wipe(&line);
}

/* False: not all of them are here yet. */
static bool
do_octets(struct front_conn *c)
{
	struct buf octets = {0};
	size_t n = c->n_octets_wanted;
	if (c->in.len < n)
		return false;
	c->idle_deadline = deadline_in_ms(FRONT_IDLE_MS);
	c->n_octets_wanted = 0;
	buf_put(&octets, c->in.p, n);
	buf_drop(&c->in, n);
	the_front.dialect->octets(c, buf_as_span(&octets));
	buf_wipe(&octets);
	return true;
}

/* Lines that are here, while it is the client's turn. */
static void
do_lines(struct front_conn *c)
{
	while (c->state == FRONT_TALK) {
		if (c->n_octets_wanted) {
			if (!do_octets(c))
				return;
			continue;
		}
		size_t lf = span_find(buf_as_span(&c->in), '\n');
		if (lf < c->in.len) {
			do_line(c, lf + 1);
			continue;
		}
		if (c->in.len > FRONT_LINE_MAX || c->is_skipping) {
			c->is_skipping = true; /* the deadlines see to its end */
			buf_wipe(&c->in);
		}
		return;
	}
}

static void
do_handshake(struct front_conn *c)
{
	int err = tls_handshake_step(c->tls, &c->wants_write);
	if (err == E_MORE)
		return;
	c->wants_write = false;
	if (err != E_OK) {
		log_event(LOG_INFO, "tls_failed", "client=%s", c->peer.text);
		c->state = FRONT_CLOSING;
		return;
	}
	c->state = FRONT_TALK;
	c->idle_deadline = deadline_in_ms(FRONT_IDLE_MS);
	if (c->is_implicit || the_front.dialect->greets_in_tls)
		the_front.dialect->greet(c);
}

void
conn_pump(struct front_conn *c)
{
	int err = E_OK;
	log_session(c->sid);
	if (c->state == FRONT_RELAY) {
		relay_pump(c);
		log_session(NULL);
		return;
	}
	if (c->state == FRONT_HANDSHAKE)
		do_handshake(c);
	if (c->state == FRONT_TALK) {
		do {
			err = conn_read(c, &c->in, FRONT_IN_MAX);
			do_lines(c); /* what came before its end still counts */
		} while (
		    err == E_OK && c->state == FRONT_TALK && c->in.len < FRONT_IN_MAX);
		if (c->state == FRONT_RELAY) {
			relay_pump(c);
			log_session(NULL);
			return;
		}
		if (c->state == FRONT_HANDSHAKE) {
			do_handshake(c);
			err = E_OK;
		}
	}
	int sent = conn_write(c, &c->out);
	bool is_over =
	    sent == E_IO || err == E_IO || (c->state == FRONT_CLOSING && sent == E_OK);
	if (is_over &&
	    !(err == E_IO && (c->state == FRONT_ASKING || c->state == FRONT_WAITING)))
		conn_free(c);
	else
		conn_events(c);
	log_session(NULL);
}
