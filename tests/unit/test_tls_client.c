/* SPDX-License-Identifier: ISC */
/*
 * test_tls_client.c - handshakes with a server of GnuTLS in a process of its own, whose
 * certificates are good and bad.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "tls/client.h"

enum { WAIT_MS = 10000 };

struct pair {
	gnutls_x509_crt_t crt;
	gnutls_x509_privkey_t key;
};

static struct {
	char ca_path[64], empty_path[64];
	struct pair ca, good, old, stranger, client_only, address;
} the;

static void
make(struct pair *out, const struct pair *issuer, const char *host, time_t until,
    const char *purpose)
{
	struct in_addr a;
	assert_int_equal(gnutls_x509_privkey_init(&out->key), 0);
	assert_int_equal(gnutls_x509_privkey_generate(out->key, GNUTLS_PK_ECDSA,
			     GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
	    0);
	assert_int_equal(gnutls_x509_crt_init(&out->crt), 0);
	gnutls_x509_crt_set_version(out->crt, 3);
	gnutls_x509_crt_set_serial(out->crt, issuer ? "\2" : "\1", 1);
	gnutls_x509_crt_set_activation_time(out->crt, 1000);
	gnutls_x509_crt_set_expiration_time(out->crt, until);
	gnutls_x509_crt_set_dn_by_oid(
	    out->crt, GNUTLS_OID_X520_COMMON_NAME, 0, host, (unsigned)strlen(host));
	gnutls_x509_crt_set_key(out->crt, out->key);
	if (purpose)
		gnutls_x509_crt_set_key_purpose_oid(out->crt, purpose, 0);
	if (inet_pton(AF_INET, host, &a) == 1)
		gnutls_x509_crt_set_subject_alt_name(
		    out->crt, GNUTLS_SAN_IPADDRESS, &a, sizeof a, GNUTLS_FSAN_SET);
	else if (issuer)
		gnutls_x509_crt_set_subject_alt_name(out->crt, GNUTLS_SAN_DNSNAME, host,
		    (unsigned)strlen(host), GNUTLS_FSAN_SET);
	if (!issuer) {
		gnutls_x509_crt_set_basic_constraints(out->crt, 1, -1);
		gnutls_x509_crt_set_key_usage(out->crt, GNUTLS_KEY_KEY_CERT_SIGN);
	}
	const struct pair *by = issuer ? issuer : out;
	assert_int_equal(
	    gnutls_x509_crt_sign2(out->crt, by->crt, by->key, GNUTLS_DIG_SHA256, 0), 0);
}

static void
write_authority(char *path, gnutls_x509_crt_t crt)
{
	gnutls_datum_t pem = {(unsigned char *)"", 0};
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	if (crt)
		assert_int_equal(
		    gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem), 0);
	assert_int_equal(write(fd, pem.data, pem.size), pem.size);
	if (crt)
		gnutls_free(pem.data);
	close(fd);
}

static int
setup(void **state)
{
	time_t later = time(NULL) + 86400;
	struct pair self;
	(void)state;
	make(&the.ca, NULL, "An Authority", later, NULL);
	make(&self, NULL, "Another Authority", later, NULL);
	make(&the.good, &the.ca, "mail.example.test", later, GNUTLS_KP_TLS_WWW_SERVER);
	make(&the.old, &the.ca, "mail.example.test", 2000, GNUTLS_KP_TLS_WWW_SERVER);
	make(&the.stranger, &self, "mail.example.test", later, NULL);
	make(&the.client_only, &the.ca, "mail.example.test", later,
	    GNUTLS_KP_TLS_WWW_CLIENT);
	make(&the.address, &the.ca, "127.0.0.1", later, NULL);
	gnutls_x509_crt_deinit(self.crt);
	gnutls_x509_privkey_deinit(self.key);
	strcpy(the.ca_path, "/tmp/test_tls_client.XXXXXX");
	write_authority(the.ca_path, the.ca.crt);
	strcpy(the.empty_path, "/tmp/test_tls_client.XXXXXX");
	write_authority(the.empty_path, NULL);
	return 0;
}

static int
teardown(void **state)
{
	struct pair *all[] = {&the.ca, &the.good, &the.old, &the.stranger,
	    &the.client_only, &the.address};
	(void)state;
	for (size_t i = 0; i < COUNT(all); i++) {
		gnutls_x509_crt_deinit(all[i]->crt);
		gnutls_x509_privkey_deinit(all[i]->key);
	}
	unlink(the.ca_path);
	unlink(the.empty_path);
	return 0;
}

/* A server that says a line, answers one by its echo, and says what name it was asked for. */
NORETURN static void
serve(int fd, struct pair *p, const char *priority)
{
	gnutls_certificate_credentials_t cred;
	gnutls_session_t s;
	char line[64], name[128] = "";
	size_t n = sizeof name;
	unsigned type;
	int err;
	gnutls_certificate_allocate_credentials(&cred);
	gnutls_certificate_set_x509_key(cred, &p->crt, 1, p->key);
	gnutls_init(&s, GNUTLS_SERVER | GNUTLS_NO_SIGNAL);
	if (gnutls_priority_set_direct(s, priority, NULL) < 0)
		_exit(3);
	gnutls_credentials_set(s, GNUTLS_CRD_CERTIFICATE, cred);
	gnutls_transport_set_int(s, fd);
	do
		err = gnutls_handshake(s);
	while (err < 0 && !gnutls_error_is_fatal(err));
	if (err < 0)
		_exit(1);
	gnutls_server_name_get(s, name, &n, &type, 0);
	ssize_t k = gnutls_record_recv(s, line, sizeof line);
	if (k <= 0)
		_exit(2);
	gnutls_record_send(s, line, (size_t)k);
	gnutls_record_send(s, name, strlen(name));
	gnutls_record_send(s, "\r\n", 2);
	gnutls_bye(s, GNUTLS_SHUT_RDWR);
	_exit(0);
}

struct meeting {
	const char *what;
	struct pair *pair;
	const char *host, *ca_path;
	enum tls_peer peer;
	int want;
	const char *want_why; /* stands in why; NULL: any */
	const char *want_sni;
	const char *priority; /* of the server; NULL: NORMAL */
};

static void
meet(const struct meeting *m)
{
	struct tls_client *client;
	struct tls_conn *conn;
	struct buf why = {0};
	struct span line;
	struct io io;
	int pair[2], status;
	assert_int_equal(tls_client_new(m->ca_path, &client), E_OK);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	pid_t pid = fork();
	if (pid == 0) {
		close(pair[0]);
		serve(pair[1], m->pair, m->priority ? m->priority : "NORMAL");
	}
	close(pair[1]);
	io_init(&io, pair[0], 65536, 65536);
	int err = tls_connect(
	    client, &io, m->host, m->peer, deadline_in_ms(WAIT_MS), &conn, &why);
	if (err != m->want || (m->want_why && span_search(buf_as_span(&why),
						  span_of(m->want_why)) == why.len))
		fail_msg("%s: %s, %s", m->what, err_name(err), buf_cstr(&why));
	assert_true((err == E_OK) == (conn != NULL));
	if (err == E_OK) {
		io_putf(&io, "hello\r\n");
		assert_int_equal(io_line(&io, 100, &line), E_OK);
		assert_true(span_eqs(line, "hello"));
		assert_int_equal(io_line(&io, 100, &line), E_OK);
		assert_true(span_eqs(line, m->want_sni));
		tls_conn_close(&conn, &io);
	} else {
		assert_true(why.len > 0);
	}
	io_done(&io);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WIFEXITED(status) && WEXITSTATUS(status) == 0, err == E_OK);
	buf_free(&why);
	tls_client_free(&client);
}

static void
test_meetings(void **state)
{
	(void)state;
	const struct meeting all[] = {
	    {"its name", &the.good, "mail.example.test", the.ca_path, TLS_PEER_NAMED,
		E_OK, NULL, "mail.example.test", NULL},
	    {"TLS 1.2", &the.good, "mail.example.test", the.ca_path, TLS_PEER_NAMED,
		E_OK, NULL, "mail.example.test", "NORMAL:-VERS-ALL:+VERS-TLS1.2"},
	    {"another name", &the.good, "mx.example.test", the.ca_path, TLS_PEER_NAMED,
		E_DENY, "name", NULL, NULL},
	    {"an address it has not", &the.good, "127.0.0.1", the.ca_path,
		TLS_PEER_NAMED, E_DENY, "name", NULL, NULL},
	    {"an address it has", &the.address, "127.0.0.1", the.ca_path,
		TLS_PEER_NAMED, E_OK, NULL, "", NULL},
	    {"expired", &the.old, "mail.example.test", the.ca_path, TLS_PEER_NAMED,
		E_DENY, "expired", NULL, NULL},
	    {"another authority", &the.stranger, "mail.example.test", the.ca_path,
		TLS_PEER_NAMED, E_DENY, "issuer", NULL, NULL},
	    {"no authority", &the.good, "mail.example.test", "", TLS_PEER_NAMED, E_DENY,
		NULL, NULL, NULL},
	    {"for clients", &the.client_only, "mail.example.test", the.ca_path,
		TLS_PEER_NAMED, E_DENY, "purpose", NULL, NULL},
	    {"anybody", &the.stranger, "mx.example.test", "", TLS_PEER_ANY, E_OK, NULL,
		"mx.example.test", NULL},
	    {"anybody, expired", &the.old, "mx.example.test", "", TLS_PEER_ANY, E_OK,
		NULL, "mx.example.test", NULL},
	    {"too old a protocol", &the.good, "mail.example.test", the.ca_path,
		TLS_PEER_NAMED, E_IO, NULL, NULL,
		"NORMAL:-VERS-ALL:+VERS-TLS1.1:+SIGN-RSA-SHA1:+SIGN-ECDSA-SHA1"},
	};
	for (size_t i = 0; i < COUNT(all); i++)
		meet(&all[i]);
}

static void
test_authorities(void **state)
{
	struct tls_client *client;
	(void)state;
	assert_int_equal(tls_client_new("/nonexistent/ca.pem", &client), E_IO);
	assert_null(client);
	assert_int_equal(tls_client_new(the.empty_path, &client), E_IO);
	assert_null(client);
	tls_client_free(&client);
}

/* What came in plain before the handshake is not read as what came in TLS (RFC 9051 6.2.1). */
static void
test_injection(void **state)
{
	struct tls_client *client;
	struct tls_conn *conn;
	struct span line;
	struct io io;
	int pair[2], status;
	(void)state;
	assert_int_equal(tls_client_new(the.ca_path, &client), E_OK);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	pid_t pid = fork();
	if (pid == 0) {
		close(pair[0]);
		if (write(pair[1], "OK\r\nOK injected\r\n", 17) != 17)
			_exit(4);
		serve(pair[1], &the.good, "NORMAL");
	}
	close(pair[1]);
	io_init(&io, pair[0], 65536, 65536);
	assert_int_equal(io_line(&io, 100, &line), E_OK);
	while (!io_has_line(&io))
		assert_int_equal(io_fill(&io), E_OK);
	assert_int_equal(tls_connect(client, &io, "mail.example.test", TLS_PEER_NAMED,
			     deadline_in_ms(WAIT_MS), &conn, NULL),
	    E_OK);
	io_putf(&io, "hello\r\n");
	assert_int_equal(io_line(&io, 100, &line), E_OK);
	assert_true(span_eqs(line, "hello"));
	tls_conn_close(&conn, &io);
	io_done(&io);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	tls_client_free(&client);
}

/* A peer that says nothing, and one that speaks no TLS. */
static void
test_no_tls(void **state)
{
	struct tls_client *client;
	struct tls_conn *conn;
	struct buf why = {0};
	struct io io;
	int pair[2];
	(void)state;
	assert_int_equal(tls_client_new("", &client), E_OK);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	io_init(&io, pair[0], 65536, 65536);
	assert_int_equal(tls_connect(client, &io, "mail.example.test", TLS_PEER_ANY,
			     deadline_in_ms(50), &conn, &why),
	    E_LIMIT);
	assert_null(conn);
	assert_true(why.len > 0);
	assert_int_equal(write(pair[1], "* OK this is no TLS\r\n", 21), 21);
	buf_reset(&why);
	assert_int_equal(tls_connect(client, &io, "mail.example.test", TLS_PEER_ANY,
			     deadline_in_ms(WAIT_MS), &conn, &why),
	    E_IO);
	assert_null(conn);
	assert_true(why.len > 0);
	io_done(&io);
	close(pair[1]);
	buf_free(&why);
	tls_client_free(&client);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_meetings),
	    cmocka_unit_test(test_authorities),
	    cmocka_unit_test(test_injection),
	    cmocka_unit_test(test_no_tls),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
