/* SPDX-License-Identifier: ISC */
/* carry.c - a conversation that logged in goes on with a session of its account. */
#include "smtpd/carry.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auth/auth.h"
#include "base/log.h"
#include "login/ticket.h"
#include "proc/child.h"
#include "tls/records.h"

/* ---- what is told ---- */

void
carried_put(struct buf *b, const struct session *s, struct span tls)
{
	buf_bytes(b, tls);
	buf_bytes(b, buf_as_span(&s->helo));
	buf_bytes(b, buf_as_span(&s->mechanism));
	buf_bytes(b, span_of(s->cover.version));
	buf_bytes(b, span_of(s->cover.cipher));
	buf_u8(b, s->is_esmtp);
	for (unsigned i = 0; i < STRICT_COUNT; i++)
		buf_u8(b, s->is_noted[i]);
	buf_u64(b, s->errors);
	buf_u64(b, s->commands);
	buf_u64(b, (uint64_t)s->deadline);
	client_put(b, &s->client); /* last: its reader insists on the end */
}

static void
text_get(struct rd *r, char out[COVER_TEXT_MAX])
{
	struct span text = rd_str(r, COVER_TEXT_MAX - 1);
	memcpy(out, text.p, text.n);
	out[text.n] = '\0';
}

int
carried_get(struct span in, struct carried *out)
{
	struct rd r = rd_of(in);
	*out = (struct carried){.cover.is_tls = true};
	out->tls = rd_str(&r, TLS_STATE_MAX);
	out->helo = rd_str(&r, HELO_MAX);
	out->mechanism = rd_str(&r, AUTH_MECH_MAX);
	text_get(&r, out->cover.version);
	text_get(&r, out->cover.cipher);
	out->is_esmtp = rd_u8(&r) != 0;
	for (unsigned i = 0; i < STRICT_COUNT; i++)
		out->is_noted[i] = rd_u8(&r) != 0;
	out->errors = rd_u64(&r);
	out->commands = rd_u64(&r);
	out->deadline = (int64_t)rd_u64(&r);
	return client_get(&r, &out->client);
}

static int
redeem(struct session *s, struct span tls, int fd)
{
	struct buf about = {.is_secret = true};
	carried_put(&about, s, tls);
	struct login_client c = {.client = span_of(s->client.text),
	    .sid = span_of(s->sid),
	    .has_tls = true,
	    .is_loopback = s->client.is_loopback,
	    .input = buf_as_span(&about)};
	int err = ticket_redeem(s->login.ticket, &c, fd);
	buf_wipe(&about);
	return err;
}

/* The connection itself.  E_DENY: it cannot be, of this one */
static int
pass_on(struct session *s)
{
	struct buf tls = {.max = TLS_STATE_MAX, .is_secret = true};
	int err = tls_hand_on(s->tls, &s->io, &tls);
	if (err != E_OK) {
		buf_wipe(&tls);
		return err;
	}
	err = redeem(s, buf_as_span(&tls), s->io.fd);
	buf_wipe(&tls);
	s->login.has_gone = err == E_OK || err == E_IO;
	if (err ==
	    E_IO) { /* it may be there or not: two must not speak under its keys */
		log_event(LOG_WARNING, "not_handed_over", "client=%s why=no_answer",
		    s->client.text);
		s->must_retire = true;
	}
	if (s->login.has_gone)
		tls_conn_drop(&s->tls, &s->io);
	else if (tls_keep(s->tls, &s->io) != E_OK)
		log_event(LOG_INFO, "reply_unsent", "client=%s", s->client.text);
	return s->login.has_gone ? E_OK : err == E_DENY ? E_BAD : err;
}

/* Its bytes. */
static int
take_seat(struct session *s)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) !=
	    0)
		return E_IO;
	int err = redeem(s, SPAN(""), pair[1]);
	close(pair[1]);
	if (err == E_OK)
		s->login.seat = pair[0];
	else
		close(pair[0]);
	return err;
}

int
carry_hand_over(struct session *s)
{
	if (!s->tls || s->may_xclient || s->may_xforward)
		return E_DENY;
	int err = pass_on(s);
	return err == E_DENY ? take_seat(s) : err;
}

/* ---- the way of the bytes ---- */

struct carriage {
	struct tls_conn *tls;     /* borrow */
	int client, seat;         /* borrow */
	struct buf up, down;      /* own: to the seat, to the client */
	bool wants_write;         /* TLS cannot read before it wrote */
	bool has_left, has_ended; /* the client; the account's session */
	bool is_hung;     /* that closed; what it said last may still be unread */
	bool is_lost;     /* the client did not get what that said */
	int64_t deadline; /* once that ended: for what the client still has to read */
};

static size_t
room_of(const struct buf *b)
{
	size_t left = b->len < CARRY_BUFFER ? CARRY_BUFFER - b->len : 0;
	return left < CARRY_CHUNK ? left : CARRY_CHUNK;
}

static void
read_client(struct carriage *c)
{
	while (!c->has_left && c->up.len < CARRY_BUFFER) {
		size_t most = room_of(&c->up), got = 0;
		int err = tls_way.read(
		    c->tls, buf_room(&c->up, most), most, &got, &c->wants_write);
		if (err == E_MORE)
			return;
		if (err == E_OK)
			buf_added(&c->up, got);
		c->has_left = err != E_OK || got == 0;
	}
}

static void
write_seat(struct carriage *c)
{
	while (c->up.len) {
		ssize_t k =
		    send(c->seat, c->up.p, c->up.len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (k < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (k < 0)
			buf_reset(&c->up); /* nobody reads it any more */
		else
			buf_drop(&c->up, (size_t)k);
	}
	if (c->has_left)
		shutdown(c->seat, SHUT_WR);
}

/* Nobody hears the client any more: it has so long to read what was said to it. */
static void
hang_up(struct carriage *c, int64_t idle_ms)
{
	if (!c->is_hung)
		c->deadline = deadline_in_ms(idle_ms);
	c->is_hung = true;
}

static void
read_seat(struct carriage *c, int64_t idle_ms)
{
	size_t most = room_of(&c->down);
	ssize_t k = recv(c->seat, buf_room(&c->down, most), most, MSG_DONTWAIT);
	if (k > 0)
		buf_added(&c->down, (size_t)k);
	else if (k == 0 || (errno != EAGAIN && errno != EINTR)) {
		c->has_ended = true;
		tls_conn_ends(c->tls);
		hang_up(c, idle_ms);
	}
}

/* Its last words and its end in one turn: the client hears both at once. */
static void
hear_seat(struct carriage *c, int64_t idle_ms)
{
	do
		read_seat(c, idle_ms);
	while (c->is_hung && !c->has_ended && c->down.len < CARRY_BUFFER);
}

static void
write_client(struct carriage *c)
{
	bool wants_write;
	while (c->down.len) {
		size_t put = 0;
		int err =
		    tls_way.write(c->tls, c->down.p, c->down.len, &put, &wants_write);
		if (err == E_MORE)
			return;
		if (err != E_OK) {
			c->has_left = c->is_lost = true;
			buf_reset(&c->down);
			shutdown(c->seat, SHUT_WR);
		} else {
			buf_drop(&c->down, put);
		}
	}
}

static bool
may_read(const struct carriage *c)
{
	return !c->has_left && !c->is_hung && c->up.len < CARRY_BUFFER;
}

static bool
has_unread(const struct carriage *c)
{
	return may_read(c) && tls_way.pending(c->tls) > 0;
}

/* Until something can go on; false: the deadline is past. */
static bool
carriage_wait(struct carriage *c, struct pollfd p[2])
{
	short in = may_read(c) ? (c->wants_write ? POLLOUT : POLLIN) : 0;
	short back = !c->has_ended && c->down.len < CARRY_BUFFER ? POLLIN : 0;
	struct pollfd all[3] = {
	    {.fd = in || c->down.len ? c->client : -1,
		.events = (short)(in | (c->down.len ? POLLOUT : 0))},
	    /* one that is closed wakes each poll: it is asked when there is room for what it said */
	    {.fd = c->has_ended || (c->is_hung && !back) ? -1 : c->seat,
		.events = (short)(back | (c->up.len ? POLLOUT : 0))},
	    {.fd = the_child.control, .events = POLLIN}};
	int n = poll(all, 3, has_unread(c) ? 0 : deadline_left_ms(c->deadline));
	if (n > 0 && all[2].revents)
		child_control();
	p[0] = all[0];
	p[1] = all[1];
	return n != 0 || has_unread(c);
}

bool
carry(struct session *s)
{
	struct carriage c = {.tls = s->tls,
	    .client = s->io.fd,
	    .seat = s->login.seat,
	    .deadline = DEADLINE_NONE};
	struct pollfd p[2];
	buf_span(&c.up, io_unread(&s->io)); /* came with the last of AUTH */
	io_discard(&s->io);
	read_client(&c); /* what TLS has decrypted already wakes nobody */
	write_seat(&c);
	while ((!c.has_ended || c.down.len) && carriage_wait(&c, p)) {
		if (p[1].revents & POLLHUP)
			hang_up(&c, s->io.idle_ms);
		if (p[1].revents && !c.has_ended && c.down.len < CARRY_BUFFER)
			hear_seat(&c, s->io.idle_ms);
		write_client(&c);
		if (may_read(&c) && (p[0].revents || has_unread(&c)))
			read_client(&c);
		write_seat(&c);
	}
	bool is_good = c.has_ended && !c.is_lost && c.down.len == 0;
	buf_wipe(&c.up);
	buf_wipe(&c.down);
	close(s->login.seat);
	s->login.seat = -1;
	return is_good;
}
