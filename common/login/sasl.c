/* SPDX-License-Identifier: ISC */
/* sasl.c - a connection's conversation with auth; the loop goes on while auth thinks. */
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "login/front.h"
#include "metrics/metric.h"
#include "proc/child.h"

enum { SPARES_MOST = 8 };

/*
 * Channels to auth on which a login came to its good end: the next ones need not ask the monitor
 * for one.
 */
static struct {
	int fds[SPARES_MOST]; /* own */
	size_t n;
} spares;

void
sasl_drop_spares(void)
{
	while (spares.n)
		close(spares.fds[--spares.n]);
}

/* ---- the channel ---- */

void
sasl_close(struct front_conn *c)
{
	loop_unwatch(&c->auth_watch);
	if (c->auth >= 0)
		close(c->auth);
	c->auth = -1;
	c->is_sasl = false;
}

static void
channel_leave(struct front_conn *c)
{
	if (!the_child.is_draining && spares.n < SPARES_MOST) {
		loop_unwatch(&c->auth_watch);
		spares.fds[spares.n++] = c->auth;
		c->auth = -1;
	}
	sasl_close(c);
}

/* ---- what auth says ---- */

static void
say_failed(void *ctx)
{
	struct front_conn *c = ctx;
	loop_timer_free(&c->delay);
	c->state = FRONT_TALK;
	the_front.dialect->failed(c, AUTH_FAIL);
	if (c->failures >= FRONT_FAILURES_MOST) {
		if (the_front.dialect->bye)
			the_front.dialect->bye(c, "too many wrong passwords");
		front_end(c);
	}
	conn_pump(c);
}

/* A wrong password costs time, more each time. */
static void
fail(struct front_conn *c, enum auth_status status, uint32_t delay_ms)
{
	c->is_sasl = false;
	metric_count(M_LOGINS + (status == AUTH_FAIL           ? METRIC_LOGIN_FAILED
				    : status == AUTH_SUSPENDED ? METRIC_LOGIN_SUSPENDED
							       : METRIC_LOGIN_ERROR));
	if (status != AUTH_FAIL) {
		c->state = FRONT_TALK;
		the_front.dialect->failed(c, status);
		front_error(c);
		return;
	}
	c->failures++;
	c->state = FRONT_WAITING;
	c->delay = loop_timer_new(the_front.loop, say_failed, c);
	int64_t own_ms = (int64_t)c->failures * FRONT_FAILURE_DELAY_MS;
	loop_timer_set(c->delay, delay_ms > own_ms ? delay_ms : own_ms);
}

static void
take_reply(struct front_conn *c, const struct auth_reply *r)
{
	switch (r->status) {
	case AUTH_OK:
		log_event(LOG_INFO, "login", "client=%s account=%s tls=%d",
		    c->peer.text, log_q(r->account), c->tls != NULL);
		struct id ticket = r->ticket;
		metric_count(M_LOGINS + METRIC_LOGIN_OK);
		if (r->challenge.n && the_front.dialect->success)
			the_front.dialect->success(c, r->challenge);
		channel_leave(c);
		relay_begin(c, ticket);
		break;
	case AUTH_CONTINUE:
		c->state = FRONT_TALK;
		c->is_sasl = true;
		the_front.dialect->challenge(c, r->challenge);
		break;
	default:
		log_event(LOG_NOTICE, "login_failed", "client=%s status=%d",
		    c->peer.text, (int)r->status);
		fail(c, r->status, r->delay_ms);
	}
}

static void
on_auth(void *ctx, int fd, unsigned events)
{
	struct front_conn *c = ctx;
	static struct buf in;
	struct auth_reply r;
	struct ask_msg m;
	(void)events;
	int err = ask_recv(fd, &in, &m, 0);
	if (err == E_LIMIT)
		return;
	if (err == E_OK && m.fd >= 0)
		close(m.fd);
	if (err == E_OK)
		err = auth_get_reply(&m.body, &r);
	log_session(c->sid);
	if (err == E_OK && c->state == FRONT_ASKING) {
		take_reply(c, &r);
	} else {
		sasl_close(c);
		fail(c, AUTH_TEMP, 0);
	}
	conn_pump(c);
}

/* ---- what it is asked ---- */

static int
on_channel(struct front_conn *c, int fd, uint16_t type, struct span body)
{
	c->auth = fd;
	c->auth_watch = loop_watch(the_front.loop, fd, LOOP_READ, on_auth, c);
	return ask_send(fd, type, body, -1, 0);
}

/* On a spare one, as long as its auth lives; else on a new one. */
static int
channel_begin(struct front_conn *c, uint16_t type, struct span body)
{
	int fd;
	while (spares.n) {
		if (on_channel(c, spares.fds[--spares.n], type, body) == E_OK)
			return E_OK;
		sasl_close(c);
	}
	int err = child_channel("auth", &fd);
	return err == E_OK ? on_channel(c, fd, type, body) : err;
}

static int
ask(struct front_conn *c, uint16_t type, struct buf *body)
{
	struct span b = buf_as_span(body);
	int err =
	    c->auth < 0 ? channel_begin(c, type, b) : ask_send(c->auth, type, b, -1, 0);
	buf_wipe(body);
	if (err == E_OK)
		c->state = FRONT_ASKING;
	return err;
}

/* The connection, as auth is told of it; what it borrows is type's and data's. */
static void
conn_of(const struct front_conn *c, struct buf *type, struct buf *data,
    struct auth_conn *out)
{
	*out = (struct auth_conn){.service = the_front.dialect->service,
	    .has_tls = c->tls != NULL,
	    .is_loopback = c->peer.is_loopback,
	    .client = span_of(c->peer.text)};
	if (c->tls)
		out->certificate = tls_peer(c->tls);
	if (c->tls && tls_binding(c->tls, type, data) == E_OK) {
		out->binding_type = buf_as_span(type);
		out->binding = buf_as_span(data);
	}
}

void
front_mechanisms(const struct front_conn *c, struct buf *out)
{
	struct buf type = {0}, data = {0};
	struct auth_conn conn;
	conn_of(c, &type, &data, &conn);
	auth_mechanisms(the_child.conf, &conn, out);
	buf_free(&type);
	buf_free(&data);
}

void
front_auth(struct front_conn *c, struct span mech, const struct span *initial)
{
	struct buf body = {0}, type = {0}, data = {0};
	struct auth_conn conn;
	conn_of(c, &type, &data, &conn);
	auth_put_start(&body, &conn, mech, initial);
	buf_free(&type);
	buf_free(&data);
	if (ask(c, AUTH_START, &body) != E_OK) {
		sasl_close(c);
		fail(c, AUTH_TEMP, 0);
	}
}

void
front_auth_plain(struct front_conn *c, struct span user, struct span password)
{
	struct buf initial = {0};
	buf_ch(&initial, '\0'); /* RFC 4616: no authorization identity of its own */
	buf_span(&initial, user);
	buf_ch(&initial, '\0');
	buf_span(&initial, password);
	struct span s = buf_as_span(&initial);
	front_auth(c, SPAN("PLAIN"), &s);
	buf_wipe(&initial);
}

/* Base64, or "*" that ends it (RFC 5034 4, RFC 3501 6.2.2, RFC 5804 2.1). */
void
front_response(struct front_conn *c, const struct span *base64)
{
	struct buf raw = {.max = AUTH_DATA_MAX}, body = {0};
	c->is_sasl = false;
	bool is_cancel = base64 && span_eqs(*base64, "*");
	if (is_cancel || !base64 || base64_decode(*base64, &raw) != E_OK) {
		sasl_close(c);
		the_front.dialect->cancelled(c, is_cancel);
		front_error(c);
	} else {
		auth_put_step(&body, buf_as_span(&raw));
		if (ask(c, AUTH_STEP, &body) != E_OK) {
			sasl_close(c);
			fail(c, AUTH_TEMP, 0);
		}
	}
	buf_wipe(&raw);
}
