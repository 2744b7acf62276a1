/* SPDX-License-Identifier: ISC */
/*
 * test_tls_step.c - a handshake step by step: a client's answer in pieces, of which each has to
 * wake the server, and what is no handshake at all.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <gnutls/gnutls.h>

#include "tests/unit/tls_certs.h"
#include "tls/server.h"

enum { WAIT_MS = 10000 };

/* ---- an answer in pieces ---- */

/* A client here, beside the server: what it says is kept until the test sends it. */
struct near {
	gnutls_session_t session; /* own */
	int fds[2];               /* own: the server's, the client's */
	struct buf said;
};

static ssize_t
near_push(gnutls_transport_ptr_t ctx, const void *p, size_t n)
{
	struct near *c = ctx;
	buf_put(&c->said, p, n);
	return (ssize_t)n;
}

static ssize_t
near_pull(gnutls_transport_ptr_t ctx, void *p, size_t n)
{
	struct near *c = ctx;
	return recv(c->fds[1], p, n, MSG_DONTWAIT);
}

/* Over TCP, for only there SO_RCVLOWAT counts. */
static void
near_connect(int fds[2])
{
	struct sockaddr_in at = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof at;
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
	fds[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fds[1], (struct sockaddr *)&at, sizeof at), 0);
	fds[0] = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	assert_true(fds[0] >= 0);
	assert_int_equal(
	    setsockopt(fds[1], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one), 0);
	close(fd);
}

static bool
is_woken(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	return poll(&p, 1, WAIT_MS) == 1;
}

static void
near_send(struct near *c, size_t n)
{
	assert_int_equal(send(c->fds[1], c->said.p, n, 0), n);
	buf_drop(&c->said, n);
	assert_true(is_woken(c->fds[0]));
}

/* Until it has answered the server's flight. */
static void
near_answer(struct near *c)
{
	int err = gnutls_handshake(c->session);
	while (err == GNUTLS_E_AGAIN && c->said.len == 0) {
		assert_true(is_woken(c->fds[1]));
		err = gnutls_handshake(c->session);
	}
	assert_true(err == 0 || err == GNUTLS_E_AGAIN);
}

static void
rest_wakes(struct tls_server *server, const char *priority, size_t n_rest)
{
	struct near c = {0};
	gnutls_certificate_credentials_t cred;
	bool wants_write;
	near_connect(c.fds);
	gnutls_certificate_allocate_credentials(&cred);
	assert_int_equal(gnutls_init(&c.session, GNUTLS_CLIENT | GNUTLS_NONBLOCK), 0);
	assert_int_equal(gnutls_priority_set_direct(c.session, priority, NULL), 0);
	gnutls_credentials_set(c.session, GNUTLS_CRD_CERTIFICATE, cred);
	gnutls_transport_set_ptr(c.session, &c);
	gnutls_transport_set_push_function(c.session, near_push);
	gnutls_transport_set_pull_function(c.session, near_pull);
	struct tls_conn *conn = tls_conn_new(server, c.fds[0]);
	near_answer(&c);
	near_send(&c, c.said.len);
	assert_int_equal(tls_handshake_step(conn, &wants_write), E_MORE);
	near_answer(&c);
	near_send(&c, c.said.len - n_rest);
	assert_int_equal(tls_handshake_step(conn, &wants_write), E_MORE);
	near_send(&c, n_rest);
	assert_int_equal(tls_handshake_step(conn, &wants_write), E_OK);
	tls_conn_close(&conn, NULL);
	gnutls_deinit(c.session);
	gnutls_certificate_free_credentials(cred);
	buf_free(&c.said);
	close(c.fds[0]);
	close(c.fds[1]);
}

static void
test_rest_of_answer(void **state)
{
	struct tls_server *s;
	(void)state;
	assert_int_equal(tls_server_new(certs.conf, certs_key_channel, &s), E_OK);
	for (size_t n_rest = 1; n_rest <= 7; n_rest++) {
		rest_wakes(s, ONLY("TLS1.3"), n_rest);
		rest_wakes(s, ONLY("TLS1.2"), n_rest);
	}
	tls_server_free(&s);
	waitpid(certs.key_pid, NULL, 0);
}

/* ---- the process that signs ---- */

static void
test_can_sign(void **state)
{
	struct tls_server *s;
	(void)state;
	assert_int_equal(tls_server_new(certs.conf, certs_key_channel, &s), E_OK);
	unsigned channels = certs.key_channels;
	for (int i = 0; i < 2; i++)
		assert_true(tls_server_can_sign(s));
	assert_int_equal(certs.key_channels, channels + 1);
	assert_int_equal(kill(certs.key_pid, SIGKILL), 0);
	waitpid(certs.key_pid, NULL, 0);
	assert_true(tls_server_can_sign(s)); /* another one */
	assert_int_equal(certs.key_channels, channels + 2);
	tls_server_free(&s);
	waitpid(certs.key_pid, NULL, 0);
	assert_int_equal(tls_server_new(certs.conf, certs_no_key_channel, &s), E_OK);
	assert_false(tls_server_can_sign(s));
	tls_server_free(&s);
}

/* ---- no handshake ---- */

/* What a peer sends that is no handshake, or nothing. */
static int
accept_of(struct tls_server *s, struct span sent, bool is_closed)
{
	int pair[2];
	struct io io;
	struct tls_conn *conn;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(write(pair[1], sent.p, sent.n), (ssize_t)sent.n);
	if (is_closed)
		close(pair[1]);
	io_init(&io, pair[0], 4096, 4096);
	int err = tls_accept(s, &io, deadline_in_ms(50), &conn);
	assert_null(conn);
	assert_null(io.way);
	io_done(&io);
	if (!is_closed)
		close(pair[1]);
	return err;
}

static void
test_no_handshake(void **state)
{
	static const unsigned char ssl3[] = {0x16, 3, 0, 0, 5, 1, 0, 0, 1, 0};
	struct tls_server *s;
	(void)state;
	assert_int_equal(tls_server_new(certs.conf, certs_no_key_channel, &s), E_OK);
	assert_int_equal(accept_of(s, SPAN("EHLO there\r\n"), false), E_IO);
	assert_int_equal(accept_of(s, span_make(ssl3, sizeof ssl3), false), E_IO);
	assert_int_equal(accept_of(s, SPAN("\x16\x03"), false), E_LIMIT);
	assert_int_equal(accept_of(s, SPAN(""), true), E_IO);
	tls_server_free(&s);
	tls_server_free(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rest_of_answer),
	    cmocka_unit_test(test_can_sign),
	    cmocka_unit_test(test_no_handshake),
	};
	return cmocka_run_group_tests(tests, certs_setup, certs_teardown);
}
