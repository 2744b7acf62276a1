/* SPDX-License-Identifier: ISC */
/*
 * test_tls.c - certificates and their keys: which one a client gets by name and by what it can
 * verify, in real handshakes with a client of GnuTLS in a process of its own, bound and resumed;
 * what the role "key" signs; and what the self-test says of them.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "proc/child.h"
#include "tests/unit/tls_certs.h"
#include "tls/key.h"
#include "tls/server.h"

enum { BULK_BYTES = 200000, WAIT_MS = 10000 };

/* ---- the client ---- */

struct client {
	const char *priority;
	const char *sni;
	/* one after another; from the second on with the ticket of the one before */
	unsigned connections;
	gnutls_pk_algorithm_t want_pk;
	const char *want_host;
	bool want_resumed;
};

static void
must(bool is_so, int line)
{
	if (!is_so) {
		fprintf(stderr, "client: line %d\n", line);
		_exit(1);
	}
}

#define MUST(x) must(x, __LINE__)

static void
check_certificate(gnutls_session_t s, const struct client *c)
{
	unsigned n;
	gnutls_x509_crt_t crt;
	const gnutls_datum_t *list = gnutls_certificate_get_peers(s, &n);
	MUST(list && n > 0);
	gnutls_x509_crt_init(&crt);
	MUST(gnutls_x509_crt_import(crt, list, GNUTLS_X509_FMT_DER) == 0);
	MUST(gnutls_x509_crt_get_pk_algorithm(crt, NULL) == (int)c->want_pk);
	MUST(gnutls_x509_crt_check_hostname(crt, c->want_host));
	gnutls_x509_crt_deinit(crt);
}

static void
send_all(gnutls_session_t s, const char *p, size_t n)
{
	while (n) {
		ssize_t k = gnutls_record_send(s, p, n);
		if (k == GNUTLS_E_AGAIN || k == GNUTLS_E_INTERRUPTED)
			continue;
		MUST(k > 0);
		p += k;
		n -= (size_t)k;
	}
}

static void
receive_all(gnutls_session_t s, char *p, size_t n)
{
	while (n) {
		ssize_t k = gnutls_record_recv(s, p, n);
		if (k == GNUTLS_E_AGAIN || k == GNUTLS_E_INTERRUPTED)
			continue;
		MUST(k > 0);
		p += k;
		n -= (size_t)k;
	}
}

/*
 * Sends the server a line with our channel binding and much data, expects the data back, then
 * close_notify.
 */
static void
client_talk(gnutls_session_t s)
{
	static char bulk[BULK_BYTES], back[BULK_BYTES];
	gnutls_datum_t cb;
	struct buf line = {0};
	bool is_13 = gnutls_protocol_get_version(s) == GNUTLS_TLS1_3;
	MUST(gnutls_session_channel_binding(
		 s, is_13 ? GNUTLS_CB_TLS_EXPORTER : GNUTLS_CB_TLS_UNIQUE, &cb) == 0);
	buf_hex(&line, span_make(cb.data, cb.size));
	buf_str(&line, "\r\n");
	gnutls_free(cb.data);
	for (size_t i = 0; i < sizeof bulk; i++)
		bulk[i] = (char)(i * 31 >> 3);
	send_all(s, line.p, line.len);
	send_all(s, bulk, sizeof bulk);
	receive_all(s, back, sizeof back);
	MUST(!memcmp(bulk, back, sizeof bulk));
	send_all(s, "\r\n", 2); /* all is read: there is room for a close_notify */
	MUST(gnutls_record_recv(s, back, 1) == 0);
	buf_free(&line);
}

static void
client_one(int fd, const struct client *c, gnutls_certificate_credentials_t cred,
    gnutls_datum_t *ticket)
{
	gnutls_session_t s;
	MUST(gnutls_init(&s, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL) == 0);
	MUST(gnutls_priority_set_direct(s, c->priority, NULL) == 0);
	gnutls_credentials_set(s, GNUTLS_CRD_CERTIFICATE, cred);
	if (c->sni)
		gnutls_server_name_set(s, GNUTLS_NAME_DNS, c->sni, strlen(c->sni));
	if (ticket->data)
		MUST(gnutls_session_set_data(s, ticket->data, ticket->size) == 0);
	gnutls_transport_set_int(s, fd);
	int err;
	do
		err = gnutls_handshake(s);
	while (err < 0 && !gnutls_error_is_fatal(err));
	if (err < 0)
		fprintf(stderr, "client: %s\n", gnutls_strerror(err));
	MUST(err == 0);
	if (ticket->data)
		MUST(gnutls_session_is_resumed(s) == c->want_resumed);
	else
		check_certificate(s, c);
	client_talk(s);
	gnutls_free(ticket->data);
	MUST(gnutls_session_get_data2(s, ticket) == 0);
	gnutls_deinit(s);
	close(fd);
}

static pid_t
client_start(const struct client *c, const int *fds)
{
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	gnutls_certificate_credentials_t cred;
	gnutls_datum_t ticket = {NULL, 0};
	gnutls_certificate_allocate_credentials(&cred);
	for (unsigned i = 0; i < c->connections; i++)
		client_one(fds[i], c, cred, &ticket);
	_exit(0);
}

static void
client_end(pid_t pid)
{
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* ---- the server ---- */

static void
serve_bulk(struct io *io, const struct tls_conn *conn)
{
	struct buf type = {0}, data = {0}, hex = {0};
	struct span line;
	struct buf bulk = {0};
	assert_int_equal(io_line(io, 1000, &line), E_OK);
	assert_int_equal(tls_binding(conn, &type, &data), E_OK);
	buf_hex(&hex, buf_as_span(&data));
	assert_true(span_eq(line, buf_as_span(&hex)));
	while (bulk.len < BULK_BYTES) {
		if (io_unread(io).n == 0)
			assert_int_equal(io_fill(io), E_OK);
		buf_span(&bulk, io_unread(io));
		io_discard(io);
	}
	for (size_t at = 0; at < bulk.len; at += 5000)
		io_put(io, span_head(span_from(buf_as_span(&bulk), at), 5000));
	assert_int_equal(io_line(io, 2, &line), E_OK);
	buf_free(&bulk);
	buf_free(&type);
	buf_free(&data);
	buf_free(&hex);
}

static void
serve_one(struct tls_server *s, int fd, const char *version, const char *sni)
{
	struct io io;
	struct tls_conn *conn;
	int small = 4096; /* so that writes have to wait */
	assert_int_equal(
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
	io_init(&io, fd, 65536, 65536);
	assert_int_equal(tls_accept(s, &io, deadline_in_ms(WAIT_MS), &conn), E_OK);
	assert_string_equal(tls_version_text(conn), version);
	assert_true(span_starts(span_of(tls_cipher_text(conn)), SPAN("TLS_")));
	assert_true(span_eqs(tls_sni(conn), sni));
	serve_bulk(&io, conn);
	tls_conn_close(&conn, &io);
	assert_null(conn);
	assert_null(io.way);
	io_done(&io);
}

static void
run(const struct client *c, const char *version, const char *sni)
{
	struct tls_server *s;
	int pairs[4][2], client_fds[4];
	assert_int_equal(tls_server_new(certs.conf, certs_key_channel, &s), E_OK);
	for (unsigned i = 0; i < c->connections; i++) {
		assert_int_equal(
		    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pairs[i]), 0);
		client_fds[i] = pairs[i][1];
	}
	pid_t pid = client_start(c, client_fds);
	for (unsigned i = 0; i < c->connections; i++) {
		close(pairs[i][1]);
		serve_one(s, pairs[i][0], version, sni);
	}
	client_end(pid);
	tls_server_free(&s);
	waitpid(certs.key_pid, NULL, 0);
}

#define NO_ECDSA ":-SIGN-ALL:+SIGN-RSA-SHA256:+SIGN-RSA-PSS-RSAE-SHA256:-ECDHE-ECDSA"

static void
test_handshakes(void **state)
{
	static const struct {
		struct client c;
		const char *version, *sni;
	} rows[] = {
	    {{ONLY("TLS1.3"), "A.example.TEST", 1, GNUTLS_PK_ECDSA, "a.example.test",
		 false},
		"TLS1.3", "a.example.test"},
	    {{ONLY("TLS1.2"), NULL, 1, GNUTLS_PK_ECDSA, "a.example.test", false},
		"TLS1.2", ""},
	    {{ONLY("TLS1.3") NO_ECDSA, NULL, 1, GNUTLS_PK_RSA, "a.example.test", false},
		"TLS1.3", ""},
	    {{ONLY("TLS1.2") NO_ECDSA, NULL, 1, GNUTLS_PK_RSA, "a.example.test", false},
		"TLS1.2", ""},
	    {{ONLY("TLS1.3"), "b.example.test", 1, GNUTLS_PK_ECDSA, "b.example.test",
		 false},
		"TLS1.3", "b.example.test"},
	    {{ONLY("TLS1.2"), "b.example.test", 1, GNUTLS_PK_ECDSA, "b.example.test",
		 false},
		"TLS1.2", "b.example.test"},
	    {{"NORMAL", "c.example.test", 1, GNUTLS_PK_ECDSA, "a.example.test", false},
		"TLS1.3", "c.example.test"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		run(&rows[i].c, rows[i].version, rows[i].sni);
}

static void
test_resumption(void **state)
{
	static const struct client of_13 = {
	    ONLY("TLS1.3"), NULL, 3, GNUTLS_PK_ECDSA, "a.example.test", true};
	static const struct client of_12 = {
	    ONLY("TLS1.2"), NULL, 3, GNUTLS_PK_ECDSA, "a.example.test", true};
	(void)state;
	run(&of_13, "TLS1.3", "");
	run(&of_12, "TLS1.2", "");
}

/* The key process dies between two connections: a new one is asked for, once. */
static void
test_key_restart(void **state)
{
	static const struct client c = {
	    "NORMAL", NULL, 1, GNUTLS_PK_ECDSA, "a.example.test", false};
	struct tls_server *s;
	(void)state;
	assert_int_equal(tls_server_new(certs.conf, certs_key_channel, &s), E_OK);
	certs.key_channels = 0;
	for (unsigned i = 0; i < 2; i++) {
		int pair[2];
		assert_int_equal(
		    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
		pid_t pid = client_start(&c, &pair[1]);
		close(pair[1]);
		serve_one(s, pair[0], "TLS1.3", "");
		client_end(pid);
		kill(certs.key_pid, SIGKILL);
		waitpid(certs.key_pid, NULL, 0);
	}
	assert_int_equal(certs.key_channels, 2);
	tls_server_free(&s);
}

/* ---- the configuration ---- */

static void
test_not_configured(void **state)
{
	struct conf *none = certs_conf("", "");
	struct buf errors = {0};
	struct tls_server *s;
	(void)state;
	assert_int_equal(tls_server_new(none, certs_no_key_channel, &s), E_OK);
	assert_null(s);
	assert_int_equal(tls_self_test(none, &errors), E_OK);
	conf_free(&none);
}

static void
test_self_test(void **state)
{
	static const struct {
		const char *certificates, *keys;
		int want;
		const char *text;
	} rows[] = {
	    {"ec rsa b", "ec rsa b", E_OK, NULL},
	    {"ec rsa", "rsa ec", E_BAD, "another one"},
	    {"old", "old", E_OK, "warning: "},
	    {"nowhere", "ec", E_BAD, "nowhere.pem"},
	    {"ec", "nowhere", E_BAD, "nowhere.key"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct conf *conf = certs_conf(rows[i].certificates, rows[i].keys);
		struct buf errors = {0};
		assert_int_equal(tls_self_test(conf, &errors), rows[i].want);
		if (rows[i].text)
			assert_true(span_search(buf_as_span(&errors),
					span_of(rows[i].text)) < errors.len);
		else
			assert_int_equal(errors.len, 0);
		buf_free(&errors);
		conf_free(&conf);
	}
}

/* ---- the asks of the role ---- */

static int
ask_sign(uint16_t index, uint32_t algorithm, size_t digest_bytes, uint8_t *result)
{
	static const char digest[80];
	struct buf body = {0}, in = {0};
	struct ask_msg m;
	int pair[2];
	const struct ask_table *t = key_table(0);
	ask_pair(pair);
	struct asker *a = asker_new(pair[1], t->rows, t->n_rows, t->who, NULL);
	buf_u16(&body, index);
	buf_u32(&body, algorithm);
	buf_bytes(&body, span_make(digest, digest_bytes));
	assert_int_equal(ask_send(pair[0], KEY_SIGN, buf_as_span(&body), -1, 0), E_OK);
	int err = asker_serve(a, &in, 1);
	*result = 0xee;
	if (err == E_OK) {
		assert_int_equal(ask_recv(pair[0], &in, &m, 0), E_OK);
		*result = rd_u8(&m.body);
		assert_true(rd_str(&m.body, KEY_SIGNATURE_MAX).n > 60);
		assert_int_equal(rd_end(&m.body), E_OK);
	}
	asker_free(&a);
	close(pair[0]);
	buf_free(&body);
	buf_free(&in);
	return err;
}

static void
test_key_asks(void **state)
{
	static const struct {
		uint16_t index;
		uint32_t algorithm;
		size_t digest_bytes;
		int want;
	} rows[] = {
	    {0, GNUTLS_SIGN_ECDSA_SHA256, 32, E_OK},
	    {0, GNUTLS_SIGN_ECDSA_SECP256R1_SHA256, 32, E_OK},
	    {1, GNUTLS_SIGN_RSA_SHA256, 32, E_OK},
	    {1, GNUTLS_SIGN_RSA_PSS_RSAE_SHA256, 32, E_OK},
	    {1, GNUTLS_SIGN_RSA_PSS_RSAE_SHA512, 64, E_OK},
	    {2, GNUTLS_SIGN_ECDSA_SECP384R1_SHA384, 48, E_OK},
	    {1, GNUTLS_SIGN_RSA_SHA1, 20, E_DENY},
	    {1, GNUTLS_SIGN_RSA_RAW, 36, E_DENY},
	    {0, GNUTLS_SIGN_ECDSA_SHA256, 31, E_DENY},
	    {0, GNUTLS_SIGN_ECDSA_SHA256, 48, E_DENY},
	    {0, GNUTLS_SIGN_ECDSA_SHA256, 65, E_LIMIT},
	    {0, GNUTLS_SIGN_RSA_SHA256, 32, E_DENY},
	    {3, GNUTLS_SIGN_RSA_SHA256, 32, E_DENY},
	    {0, 0, 32, E_DENY},
	    {0, 30000, 32, E_DENY},
	    {0, 0xffffffff, 32, E_BAD},
	};

	uint8_t result;
	(void)state;
	assert_int_equal(key_load(certs.conf), E_OK);
	for (size_t i = 0; i < COUNT(rows); i++) {
		int err = ask_sign(
		    rows[i].index, rows[i].algorithm, rows[i].digest_bytes, &result);
		if (err != rows[i].want)
			print_error("row %zu\n", i);
		assert_int_equal(err, rows[i].want);
		assert_int_equal(result, err == E_OK ? 0 : 0xee);
	}
	key_unload();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_handshakes),
	    cmocka_unit_test(test_resumption),
	    cmocka_unit_test(test_key_restart),
	    cmocka_unit_test(test_not_configured),
	    cmocka_unit_test(test_self_test),
	    cmocka_unit_test(test_key_asks),
	};
	return cmocka_run_group_tests(tests, certs_setup, certs_teardown);
}
