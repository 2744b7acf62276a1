/* SPDX-License-Identifier: ISC */
/* tls_talk.c - a server's connection and a client of GnuTLS in one process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <gnutls/x509.h>

#include "tests/unit/tls_talk.h"

enum { TICKET_KEY_BYTES = 64 };

struct tls_server talk_server;
char talk_bulk[BULK_BYTES];
const char *const talk_suites[TALK_SUITES] = {
    ONLY("AES-128-GCM"), ONLY("AES-256-GCM"), ONLY("CHACHA20-POLY1305")};
static gnutls_certificate_credentials_t trust; /* of clients: they ask nobody */

static int
no_key_channel(int *out)
{
	*out = -1;
	return E_IO;
}

int
talk_setup(void **state)
{
	struct tls_server *s = &talk_server;
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t crt;
	gnutls_datum_t tickets;
	(void)state;
	tls_server_hands_on(s);
	assert_int_equal(gnutls_x509_privkey_init(&key), 0);
	assert_int_equal(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
			     GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
	    0);
	assert_int_equal(gnutls_x509_crt_init(&crt), 0);
	gnutls_x509_crt_set_version(crt, 3);
	gnutls_x509_crt_set_serial(crt, "\1", 1);
	gnutls_x509_crt_set_activation_time(crt, 1000);
	gnutls_x509_crt_set_expiration_time(crt, time(NULL) + 86400);
	gnutls_x509_crt_set_key(crt, key);
	assert_int_equal(gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0), 0);
	gnutls_certificate_allocate_credentials(&s->credentials);
	assert_int_equal(
	    gnutls_certificate_set_x509_key(s->credentials, &crt, 1, key), 0);
	assert_int_equal(gnutls_priority_init(&s->priority, "NORMAL", NULL), 0);
	assert_int_equal(gnutls_session_ticket_key_generate(&tickets), 0);
	assert_int_equal(tickets.size, TICKET_KEY_BYTES);
	s->signer = (struct signer){.key_channel = no_key_channel,
	    .chan = -1,
	    .tickets_bytes = TICKET_KEY_BYTES,
	    .tickets_until_ms = INT64_MAX};
	memcpy(s->signer.tickets, tickets.data, TICKET_KEY_BYTES);
	gnutls_free(tickets.data);
	gnutls_certificate_allocate_credentials(&trust);
	for (size_t i = 0; i < sizeof talk_bulk; i++)
		talk_bulk[i] = (char)(i * 2654435761u >> 13);
	gnutls_x509_crt_deinit(crt);
	gnutls_x509_privkey_deinit(key);
	return 0;
}

int
talk_teardown(void **state)
{
	(void)state;
	gnutls_certificate_free_credentials(talk_server.credentials);
	gnutls_certificate_free_credentials(trust);
	gnutls_priority_deinit(talk_server.priority);
	return 0;
}

/* ---- a client and a server in one process ---- */

static ssize_t
client_push(gnutls_transport_ptr_t ctx, const void *p, size_t n)
{
	struct talk *k = ctx;
	if (!k->is_held)
		return send(k->fds[1], p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	buf_put(&k->said, p, n);
	return (ssize_t)n;
}

static ssize_t
client_pull(gnutls_transport_ptr_t ctx, void *p, size_t n)
{
	struct talk *k = ctx;
	return recv(k->fds[1], p, k->is_by_byte ? 1 : n, MSG_DONTWAIT);
}

/* What was held goes out, at most so many octets of it. */
void
release(struct talk *k, size_t n)
{
	n = n < k->said.len ? n : k->said.len;
	assert_int_equal(send(k->fds[1], k->said.p, n, MSG_DONTWAIT), n);
	buf_drop(&k->said, n);
}

void
handshake(struct talk *k)
{
	bool wants_write;
	int ours = E_MORE, theirs = GNUTLS_E_AGAIN;
	while (ours != E_OK || theirs != 0) {
		if (theirs != 0)
			theirs = gnutls_handshake(k->client);
		assert_true(theirs == 0 || theirs == GNUTLS_E_AGAIN);
		if (ours != E_OK)
			ours = tls_handshake_step(k->conn, &wants_write);
		assert_true(ours == E_OK || ours == E_MORE);
	}
	k->io.way = &tls_way;
	k->io.way_ctx = k->conn;
}

void
client_new(struct talk *k, const char *priority)
{
	assert_int_equal(gnutls_init(&k->client, GNUTLS_CLIENT | GNUTLS_NONBLOCK), 0);
	assert_int_equal(gnutls_priority_set_direct(k->client, priority, NULL), 0);
	gnutls_credentials_set(k->client, GNUTLS_CRD_CERTIFICATE, trust);
	gnutls_transport_set_ptr(k->client, k);
	gnutls_transport_set_push_function(k->client, client_push);
	gnutls_transport_set_pull_function(k->client, client_pull);
	if (k->resumes.size)
		assert_int_equal(gnutls_session_set_data(
				     k->client, k->resumes.data, k->resumes.size),
		    0);
}

void
talk_over(struct talk *k, const char *priority)
{
	client_new(k, priority);
	io_init(&k->io, k->fds[0], 65536, 65536);
	k->conn = tls_conn_new(&talk_server, k->fds[0]);
	handshake(k);
}

void
talk_begin(struct talk *k, const char *priority)
{
	*k = (struct talk){.conn = NULL};
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, k->fds),
	    0);
	talk_over(k, priority);
}

void
talk_end(struct talk *k)
{
	tls_conn_close(&k->conn, &k->io);
	tls_records_close(&k->then, &k->io);
	io_done(&k->io);
	close(k->fds[1]);
	gnutls_deinit(k->client);
	buf_free(&k->said);
}

void
take_on(struct talk *k, struct span state)
{
	tls_conn_drop(&k->conn, &k->io);
	assert_null(k->io.way);
	k->then = tls_records_new(state, &k->io);
	assert_non_null(k->then);
}

int
hand_on(struct talk *k)
{
	struct buf state = {.max = TLS_STATE_MAX};
	int err = tls_hand_on(k->conn, &k->io, &state);
	if (err == E_OK)
		take_on(k, buf_as_span(&state));
	else
		assert_int_equal(state.len, 0);
	buf_wipe(&state);
	return err;
}

void
client_says(struct talk *k, struct span s)
{
	assert_int_equal(gnutls_record_send(k->client, s.p, s.n), s.n);
}

/* What there is now; tickets and key updates are no data.  *is_end: close_notify */
size_t
client_reads(struct talk *k, char *out, size_t n, bool *is_end)
{
	size_t have = 0;
	*is_end = false;
	for (unsigned dry = 0; dry < 2 && have < n && !*is_end;) {
		ssize_t got = gnutls_record_recv(k->client, out + have, n - have);
		dry = got == GNUTLS_E_AGAIN ? dry + 1 : 0;
		if (got < 0 && got != GNUTLS_E_AGAIN)
			fail_msg("client: %s", gnutls_strerror((int)got));
		*is_end = got == 0;
		have += got > 0 ? (size_t)got : 0;
	}
	return have;
}

void
client_hears(struct talk *k, struct span want)
{
	static char got[BULK_BYTES];
	bool is_end;
	assert_int_equal(client_reads(k, got, sizeof got, &is_end), want.n);
	assert_memory_equal(got, want.p, want.n);
	assert_false(is_end);
}

size_t
server_reads(struct talk *k, char *out, size_t n)
{
	size_t have = 0;
	for (unsigned dry = 0; dry < 2 && have < n;) {
		size_t got = 0;
		bool wants_write;
		int err = k->io.way->read(
		    k->io.way_ctx, out + have, n - have, &got, &wants_write);
		dry = err == E_MORE ? dry + 1 : 0;
		if (err != E_MORE)
			assert_int_equal(err, E_OK);
		have += got;
	}
	return have;
}

void
server_hears(struct talk *k, struct span want)
{
	static char got[BULK_BYTES];
	assert_int_equal(server_reads(k, got, sizeof got), want.n);
	assert_memory_equal(got, want.p, want.n);
}

/* Past what GnuTLS has of it: E_MORE is gone once. */
void
server_hears_some(struct talk *k, struct span want)
{
	char got[64];
	assert_true(want.n <= sizeof got);
	assert_int_equal(server_reads(k, got, want.n), want.n);
	assert_memory_equal(got, want.p, want.n);
}

int
server_writes(struct talk *k, struct span s, size_t *put)
{
	bool wants_write;
	int err = k->io.way->write(k->io.way_ctx, s.p, s.n, put, &wants_write);
	assert_true(err == E_OK || err == E_MORE);
	return err;
}

void
server_says(struct talk *k, struct span s)
{
	size_t put = 0;
	assert_int_equal(server_writes(k, s, &put), E_OK);
	assert_int_equal(put, s.n);
}

/* A word each way. */
void
exchange(struct talk *k)
{
	client_says(k, SPAN("NOOP\r\n"));
	server_hears(k, SPAN("NOOP\r\n"));
	server_says(k, SPAN("250 ok\r\n"));
	client_hears(k, SPAN("250 ok\r\n"));
}

/* Both ways at once, in writes and reads of such sizes. */
void
bulk(struct talk *k, size_t bytes, size_t chunk)
{
	static char to_us[BULK_BYTES], to_client[BULK_BYTES];
	size_t said[2] = {0, 0}, heard[2] = {0, 0};
	bool is_end;
	while (heard[0] < bytes || heard[1] < bytes) {
		size_t put = 0, n = bytes - said[0];
		if (said[0] < bytes) {
			ssize_t sent = gnutls_record_send(
			    k->client, talk_bulk + said[0], n < chunk ? n : chunk);
			if (sent > 0)
				said[0] += (size_t)sent;
			else
				assert_int_equal(sent, GNUTLS_E_AGAIN);
		}
		n = bytes - said[1];
		if (said[1] < bytes &&
		    server_writes(k,
			span_make(talk_bulk + said[1], n < chunk ? n : chunk),
			&put) == E_OK)
			said[1] += put;
		if (heard[0] < bytes)
			heard[0] += server_reads(k, to_us + heard[0], bytes - heard[0]);
		if (heard[1] < bytes)
			heard[1] += client_reads(
			    k, to_client + heard[1], bytes - heard[1], &is_end);
	}
	assert_memory_equal(to_us, talk_bulk, bytes);
	assert_memory_equal(to_client, talk_bulk, bytes);
}

/* The client ends it, and hears our end. */
void
both_close(struct talk *k)
{
	char octet;
	bool is_end, wants_write;
	size_t got = 1;
	assert_int_equal(gnutls_bye(k->client, GNUTLS_SHUT_WR), 0);
	int err = k->io.way->read(k->io.way_ctx, &octet, 1, &got, &wants_write);
	if (err == E_MORE) /* of the read before */
		err = k->io.way->read(k->io.way_ctx, &octet, 1, &got, &wants_write);
	assert_int_equal(err, E_OK);
	assert_int_equal(got, 0);
	tls_records_close(&k->then, &k->io);
	assert_int_equal(client_reads(k, &octet, 1, &is_end), 0);
	assert_true(is_end);
	talk_end(k);
}

/* ---- a socket that is full ---- */

void
narrow(struct talk *k)
{
	int least = 1;
	assert_int_equal(
	    setsockopt(k->fds[0], SOL_SOCKET, SO_SNDBUF, &least, sizeof least), 0);
}

/* Until the socket takes no record more; says how many it took. */
unsigned
fill(struct talk *k, unsigned most)
{
	size_t put;
	unsigned n = 0;
	while (n < most && server_writes(k, SPAN("fills it"), &put) == E_OK)
		n++;
	return n;
}
