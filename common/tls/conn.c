/* SPDX-License-Identifier: ISC */
/* conn.c - one TLS connection: handshake, the way of its bytes, what was agreed. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "metrics/metric.h"
#include "tls/key.h"
#include "tls/records.h"
#include "tls/state.h"

/* Of a ClientHello: RFC 6066 4, RFC 8449. */
enum { EXTENSION_FRAGMENT_LENGTH = 1, EXTENSION_RECORD_LIMIT = 28 };

/* ---- bytes on the wire ---- */

/* The records of a turn are gathered: a packet each would wake the peer for half a sentence. */
static ssize_t
push(gnutls_transport_ptr_t ctx, const void *p, size_t n)
{
	struct tls_conn *c = ctx;
	int more = c->is_ending ? MSG_MORE : 0;
	if (!c->is_in_turn)
		return send(c->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL | more);
	buf_put(&c->flight, p, n);
	if (buf_done(&c->flight) == E_OK)
		return (ssize_t)n;
	errno = EMSGSIZE;
	return -1;
}

/* Where the records begin that GnuTLS gets: one of which it has a part cannot be handed on. */
static void
given(struct tls_conn *c, const unsigned char *p, size_t n)
{
	while (n) {
		size_t body = n < c->body_left ? n : c->body_left;
		c->body_left -= body;
		p += body;
		n -= body;
		for (; n && !c->body_left && c->head_bytes < sizeof c->head; n--)
			c->head[c->head_bytes++] = *p++;
		if (c->head_bytes == sizeof c->head) {
			c->body_left = (size_t)c->head[3] << 8 | c->head[4];
			c->head_bytes = 0;
		}
	}
}

static ssize_t
ahead_drop(struct tls_conn *c, ssize_t result)
{
	int err = errno;
	mem_free(&c->ahead);
	c->ahead_at = c->ahead_bytes = 0;
	errno = err; /* of a recv */
	return result;
}

/*
 * A handshake, two commands and the end were 17 recv, for GnuTLS reads a record's head and its body
 * apart and then looks whether there is more; these are 8.  Who reads until E_MORE before he waits
 * sees no difference.
 */
static ssize_t
pull(gnutls_transport_ptr_t ctx, void *p, size_t n)
{
	struct tls_conn *c = ctx;
	if (!c->ahead) {
		if (c->is_dry) {
			c->is_dry = false;
			errno = EAGAIN;
			return -1;
		}
		bool is_direct = n >= TLS_AHEAD_BYTES;
		size_t most = is_direct ? n : TLS_AHEAD_BYTES;
		if (!is_direct)
			c->ahead = mem_new(most);
		ssize_t got = recv(c->fd, is_direct ? p : c->ahead, most, MSG_DONTWAIT);
		c->is_dry = got > 0 && (size_t)got < most;
		if (is_direct && got > 0)
			given(c, p, (size_t)got);
		if (is_direct || got <= 0)
			return ahead_drop(c, got);
		c->ahead_bytes = (size_t)got;
	}
	size_t left = c->ahead_bytes - c->ahead_at;
	n = n < left ? n : left;
	memcpy(p, c->ahead + c->ahead_at, n);
	given(c, p, n);
	c->ahead_at += n;
	return c->ahead_at == c->ahead_bytes ? ahead_drop(c, (ssize_t)n) : (ssize_t)n;
}

int
tls_flight_send(struct tls_conn *c)
{
	int more = c->may_wait ? MSG_MORE : 0;
	while (c->flight.len) {
		ssize_t n = send(c->fd, c->flight.p, c->flight.len,
		    MSG_DONTWAIT | MSG_NOSIGNAL | more);
		if (n < 0 && errno != EINTR)
			return errno == EAGAIN ? E_MORE : E_IO;
		if (n > 0)
			buf_drop(&c->flight, (size_t)n);
	}
	return E_OK;
}

void
tls_transport_set(struct tls_conn *c, int fd)
{
	c->fd = fd;
	c->flight.max = TLS_FLIGHT_MAX;
	gnutls_transport_set_ptr(c->session, c);
	gnutls_transport_set_push_function(c->session, push);
	gnutls_transport_set_pull_function(c->session, pull);
}

void
tls_conn_free(struct tls_conn **cp)
{
	if ((*cp)->is_server && !(*cp)->is_agreed)
		metric_count(M_TLS + METRIC_TLS_FAILED);
	gnutls_deinit((*cp)->session);
	buf_free(&(*cp)->flight);
	buf_free(&(*cp)->peer);
	mem_wipe((*cp)->secrets, sizeof(*cp)->secrets);
	mem_free(&(*cp)->ahead);
	mem_free(cp);
}

/* ---- the handshake ---- */

/* A keylog function, which keeps what records.c needs and writes no log. */
static int
take_secret(gnutls_session_t session, const char *label, const gnutls_datum_t *secret)
{
	struct tls_conn *c = gnutls_session_get_ptr(session);
	int which = strcmp(label, "CLIENT_TRAFFIC_SECRET_0") == 0   ? TLS_READ
	            : strcmp(label, "SERVER_TRAFFIC_SECRET_0") == 0 ? TLS_WRITE
	                                                            : -1;
	if (which >= 0 && secret->size <= TLS_SECRET_MAX) {
		memcpy(c->secrets[which], secret->data, secret->size);
		c->secret_bytes[which] = secret->size;
	}
	return 0;
}

static int
take_limit(void *ctx, unsigned id, const unsigned char *p, unsigned n)
{
	struct tls_conn *c = ctx;
	if (id == EXTENSION_FRAGMENT_LENGTH ||
	    (id == EXTENSION_RECORD_LIMIT && n == 2 &&
		(p[0] << 8 | p[1]) <= TLS_SEND_MAX)) /* it counts the type */
		c->wants_short_records = true;
	return 0;
}

/* Of a ClientHello: GnuTLS keeps to what it asks for, and does not tell. */
static int
see_hello(gnutls_session_t session, unsigned type, unsigned when, unsigned is_incoming,
    const gnutls_datum_t *hello)
{
	struct tls_conn *c = gnutls_session_get_ptr(session);
	(void)type, (void)when, (void)is_incoming;
	(void)gnutls_ext_raw_parse(
	    c, take_limit, hello, GNUTLS_EXT_RAW_FLAG_TLS_CLIENT_HELLO);
	return 0;
}

void
tls_server_hands_on(struct tls_server *s)
{
	s->hands_on = true;
}

static void
keep_secrets(struct tls_conn *c)
{
	gnutls_session_set_ptr(c->session, c);
	gnutls_session_set_keylog_function(c->session, take_secret);
	gnutls_handshake_set_hook_function(
	    c->session, GNUTLS_HANDSHAKE_CLIENT_HELLO, GNUTLS_HOOK_PRE, see_hello);
}

struct tls_conn *
tls_conn_new(struct tls_server *s, int fd)
{
	struct tls_conn *c = mem_new(sizeof *c);
	c->is_server = true;
	c->is_13_only = s->is_13_only;
	if (gnutls_init(&c->session, GNUTLS_SERVER | GNUTLS_NONBLOCK |
					 GNUTLS_NO_SIGNAL |
					 GNUTLS_NO_AUTO_SEND_TICKET) < 0 ||
	    gnutls_priority_set(c->session, s->priority) < 0 ||
	    gnutls_credentials_set(c->session, GNUTLS_CRD_CERTIFICATE, s->credentials) <
		0)
		bug("gnutls_init");
	gnutls_certificate_server_set_request(c->session,
	    s->wants_certificate ? GNUTLS_CERT_REQUEST : GNUTLS_CERT_IGNORE);
	c->wants_certificate = s->wants_certificate;
	c->peer.max = TLS_PEER_MAX;
	if (s->hands_on)
		keep_secrets(c);
	tls_transport_set(c, fd);
	signer_tickets(&s->signer);
	if (s->signer.tickets_bytes) {
		gnutls_datum_t key = {
		    s->signer.tickets, (unsigned)s->signer.tickets_bytes};
		if (gnutls_session_ticket_enable_server(c->session, &key) < 0)
			bug("gnutls_session_ticket_enable_server");
		c->has_tickets = true;
		gnutls_db_set_cache_expiration(c->session, KEY_TICKET_LIFE_SEC);
	}
	return c;
}

/* What the peer asked for and what was agreed, taken down once. */
static void
handshake_done(struct tls_conn *c)
{
	unsigned type;
	size_t n = sizeof c->sni;
	if (gnutls_server_name_get(c->session, c->sni, &n, &type, 0) == 0 &&
	    type == GNUTLS_NAME_DNS)
		c->sni_bytes = strnlen(c->sni, n);
	for (size_t i = 0; i < c->sni_bytes; i++)
		c->sni[i] = ch_lower(c->sni[i]);
	switch (gnutls_protocol_get_version(c->session)) {
	case GNUTLS_TLS1_3:
		snprintf(c->version, sizeof c->version, "TLS1.3");
		break;
	default:
		snprintf(c->version, sizeof c->version, "TLS1.2");
	}
	if (c->wants_certificate)
		peer_take(c);
	if (c->is_server)
		metric_count(
		    M_TLS + (gnutls_protocol_get_version(c->session) == GNUTLS_TLS1_3
				    ? METRIC_TLS_13
				    : METRIC_TLS_12));
}

/*
 * GnuTLS goes on with a client of TLS 1.2 until no cipher suite is left; RFC 8446 D.2 wants it told
 * why.
 */
static bool
is_too_old(const struct tls_conn *c, int err)
{
	return c->is_13_only && err == GNUTLS_E_NO_CIPHER_SUITES &&
	       gnutls_protocol_get_version(c->session) != GNUTLS_TLS1_3;
}

static void
handshake_failed(struct tls_conn *c, int err)
{
	if (is_too_old(c, err))
		err = GNUTLS_E_UNSUPPORTED_VERSION_PACKET;
	bool is_alert = err == GNUTLS_E_FATAL_ALERT_RECEIVED;
	if (tls_flight_send(c) == E_OK)
		gnutls_alert_send_appropriate(c->session, err);
	c->failure = is_alert ? gnutls_alert_get_name(gnutls_alert_get(c->session))
	                      : gnutls_strerror(err);
	log_event(LOG_INFO, "tls_failed", "%s=%s", is_alert ? "alert" : "why",
	    log_qs(c->failure));
}

/* A warning alert, of which a stranger could send an endless stream that nothing else gets past. */
static bool
is_let_pass(struct tls_conn *c, ssize_t err)
{
	return err == GNUTLS_E_WARNING_ALERT_RECEIVED &&
	       ++c->warnings <= TLS_WARNINGS_MOST;
}

/*
 * TLS 1.3, RFC 8446 4.6.1: after the handshake; the server says nothing else in that turn.  So they
 * may wait for its first words (the kernel keeps them 200 ms at most).  Without one the next
 * handshake is a whole one.
 */
static void
give_tickets(struct tls_conn *c)
{
	if (!c->is_server || !c->has_tickets ||
	    gnutls_protocol_get_version(c->session) != GNUTLS_TLS1_3)
		return;
	c->may_wait = true;
	if (gnutls_session_ticket_send(c->session, TLS_TICKETS_EACH, 0) < 0)
		log_event(LOG_DEBUG, "no_ticket", "%s", "");
}

/*
 * GnuTLS says that it would block after a message that is not the caller's, as a ticket: what was
 * read ahead would wake nobody.
 */
static bool
has_more(const struct tls_conn *c, ssize_t err)
{
	return err == GNUTLS_E_AGAIN && c->ahead_at < c->ahead_bytes &&
	       gnutls_record_get_direction(c->session) == 0;
}

/* Until it waits for the peer, or is over. */
static int
handshake_turn(struct tls_conn *c)
{
	int err;
	c->is_in_turn = true;
	do
		err = gnutls_handshake(c->session);
	while (err == GNUTLS_E_INTERRUPTED || is_let_pass(c, err) || has_more(c, err));
	if (err == 0)
		give_tickets(c);
	c->is_in_turn = false;
	return err;
}

/*
 * A client's answer to our flight often comes as two packets, change_cipher_spec (6 octets, of no
 * meaning in TLS 1.3) and Finished: the first one alone need not wake us.  Nothing that means
 * something is shorter, an alert has 7.  Only for the first wake: once a part of the answer was
 * read, its rest may be any number of octets.
 */
static void
wake_late(struct tls_conn *c, bool is_late)
{
	int bytes = is_late ? TLS_ANSWER_LEAST : 1;
	if (c->is_woken_late == is_late)
		return;
	c->is_woken_late = is_late;
	(void)setsockopt(c->fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof bytes);
}

static int
send_turn(struct tls_conn *c, bool *wants_write)
{
	bool has_said = c->flight.len > 0;
	int err = tls_flight_send(c);
	*wants_write = err == E_MORE;
	if (c->is_server)
		wake_late(c, err == E_OK && has_said && !c->is_agreed);
	return err;
}

int
tls_handshake_step(struct tls_conn *c, bool *wants_write)
{
	int err = c->is_agreed ? 0 : handshake_turn(c);
	if (err < 0 && err != GNUTLS_E_AGAIN) {
		handshake_failed(c, err);
		return E_IO;
	}
	if (err >= 0 && !c->is_agreed) {
		handshake_done(c);
		c->is_agreed = true;
	}
	int sent = send_turn(c, wants_write);
	if (sent != E_OK)
		return sent;
	if (c->is_agreed)
		buf_free(&c->flight);
	return c->is_agreed ? E_OK : E_MORE;
}

int
tls_handshake(struct tls_conn *c, struct io *io, int64_t deadline)
{
	bool wants_write = false;
	int err;
	if (deadline > io->deadline)
		deadline = io->deadline;
	while ((err = tls_handshake_step(c, &wants_write)) == E_MORE) {
		int64_t idle = deadline_in_ms(io->idle_ms);
		err = io_wait(io->fd, wants_write ? POLLOUT : POLLIN,
		    idle < deadline ? idle : deadline, IO_STAYS);
		if (err != E_OK)
			return err;
	}
	if (err != E_OK)
		return err;
	io->way = &tls_way;
	io->way_ctx = c;
	io->is_dry =
	    false; /* the first words may have come with the handshake's last */
	return E_OK;
}

int
tls_accept(struct tls_server *s, struct io *io, int64_t deadline, struct tls_conn **out)
{
	*out = NULL;
	int err = io_flush(io);
	if (err != E_OK)
		return err;
	io_discard(io);
	struct tls_conn *c = tls_conn_new(s, io->fd);
	err = tls_handshake(c, io, deadline);
	if (err == E_OK) {
		*out = c;
		return E_OK;
	}
	tls_conn_free(&c);
	return err;
}

int
tls_keep(struct tls_conn *c, struct io *io)
{
	int err;
	c->may_wait = false; /* these are the words that a ticket waits for */
	while ((err = tls_flight_send(c)) == E_MORE) {
		int64_t idle = deadline_in_ms(io->idle_ms);
		err = io_wait(io->fd, POLLOUT,
		    idle < io->deadline ? idle : io->deadline, IO_STAYS);
		if (err != E_OK)
			break;
	}
	if (err == E_OK)
		buf_free(&c->flight);
	else
		io->out.err = err;
	return err;
}

void
tls_conn_drop(struct tls_conn **cp, struct io *io)
{
	if (io && io->way_ctx == *cp) {
		io->way = NULL;
		io->way_ctx = NULL;
	}
	tls_conn_free(cp);
}

void
tls_conn_ends(struct tls_conn *c)
{
	c->is_ending = true;
}

void
tls_conn_close(struct tls_conn **cp, struct io *io)
{
	struct tls_conn *c = *cp;
	if (!c)
		return;
	c->is_ending = false;
	/* it is no record behind a part of one */
	if ((!io || io->fd >= 0) && c->flight.len == 0)
		gnutls_bye(c->session,
		    GNUTLS_SHUT_WR); /* once: who does not read does not hear it */
	if (io && io->way_ctx == c) {
		io->way = NULL;
		io->way_ctx = NULL;
	}
	tls_conn_free(cp);
}

/* ---- the way of its bytes ---- */

static int
way_read(void *ctx, char *p, size_t n, size_t *got, bool *wants_write)
{
	struct tls_conn *c = ctx;
	ssize_t k;
	do
		k = gnutls_record_recv(c->session, p, n);
	while (k == GNUTLS_E_INTERRUPTED || is_let_pass(c, k) || has_more(c, k));
	*wants_write = gnutls_record_get_direction(c->session) == 1;
	if (k == GNUTLS_E_AGAIN)
		return E_MORE;
	if (k < 0) /* GNUTLS_E_REHANDSHAKE too: we do not renegotiate */
		return E_IO;
	c->n_data += k > 0 && gnutls_record_check_pending(c->session) == 0;
	*got = (size_t)k;
	return E_OK;
}

/*
 * What GnuTLS took but could not send stays with it, and the caller comes again with the same
 * bytes.
 */
static int
way_write(void *ctx, const char *p, size_t n, size_t *put, bool *wants_write)
{
	struct tls_conn *c = ctx;
	ssize_t k;
	if (n > TLS_SEND_MAX)
		n = TLS_SEND_MAX;
	do
		k = c->unsent ? gnutls_record_send(c->session, NULL, 0)
		              : gnutls_record_send(c->session, p, n);
	while (k == GNUTLS_E_INTERRUPTED);
	*wants_write = gnutls_record_get_direction(c->session) == 1;
	if (k == GNUTLS_E_AGAIN) {
		if (!c->unsent)
			c->unsent = n;
		return E_MORE;
	}
	if (k < 0)
		return E_IO;
	*put = c->unsent ? c->unsent : (size_t)k;
	c->unsent = 0;
	return E_OK;
}

static size_t
way_pending(void *ctx)
{
	struct tls_conn *c = ctx;
	return gnutls_record_check_pending(c->session) + (c->ahead_bytes - c->ahead_at);
}

const struct io_way tls_way = {
    .read = way_read, .write = way_write, .pending = way_pending};

const char *
tls_version_text(const struct tls_conn *c)
{
	return c->version;
}

const char *
tls_cipher_text(const struct tls_conn *c)
{
	const char *name = gnutls_ciphersuite_get(c->session);
	return name ? name : "";
}

struct span
tls_sni(const struct tls_conn *c)
{
	return span_make(c->sni, c->sni_bytes);
}

int
tls_binding(const struct tls_conn *c, struct buf *type, struct buf *data)
{
	bool is_13 = gnutls_protocol_get_version(c->session) == GNUTLS_TLS1_3;
	gnutls_datum_t cb;
	/* without it two connections may have the same (RFC 7627 1) */
	if (!is_13 && !gnutls_session_ext_master_secret_status(c->session))
		return E_BAD;
	if (gnutls_session_channel_binding(c->session,
		is_13 ? GNUTLS_CB_TLS_EXPORTER : GNUTLS_CB_TLS_UNIQUE, &cb) < 0)
		return E_BAD;
	buf_str(type, is_13 ? "tls-exporter" : "tls-unique");
	buf_put(data, cb.data, cb.size);
	gnutls_free(cb.data);
	return E_OK;
}
