/* SPDX-License-Identifier: ISC */
/* test_tls_hand_on.c - connections of TLS that are not handed on, or that nobody takes; states that are none. */
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/tls_sealer.h"
#include "tests/unit/tls_talk.h"

enum { WORDS_MOST = 512 }; /* that wait in io.out */

/* ---- nobody takes it ---- */

static void
test_keep(void **state)
{
	(void)state;
	for (size_t i = 0; i < TALK_SUITES; i++) {
		struct talk k;
		struct buf text = {.max = TLS_STATE_MAX};
		talk_begin(&k, talk_suites[i]);
		exchange(&k);
		for (unsigned times = 0; times < 3; times++) {
			io_put(&k.io, SPAN(WORDS));
			assert_int_equal(tls_hand_on(k.conn, &k.io, &text), E_OK);
			client_hears(&k, SPAN(WORDS));
			assert_int_equal(tls_keep(k.conn, &k.io), E_OK);
			client_hears(&k, SPAN(""));
			exchange(&k);
			buf_wipe(&text);
		}
		bulk(&k, 50000, TLS_SEND_MAX); /* longer than what is read ahead */
		assert_int_equal(hand_on(&k), E_OK);
		exchange(&k);
		both_close(&k);
	}
}

/* Over TCP: the words wait for nothing else. */
static void
test_keep_now(void **state)
{
	struct talk k = {.conn = NULL};
	struct sockaddr_in at = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct buf text = {.max = TLS_STATE_MAX};
	socklen_t n = sizeof at;
	int one = 1, unsent = -1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)state;
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
	k.fds[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(k.fds[1], (struct sockaddr *)&at, sizeof at), 0);
	k.fds[0] = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	assert_true(k.fds[0] >= 0);
	close(fd);
	assert_int_equal(
	    setsockopt(k.fds[0], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one), 0);
	talk_over(&k, ANY);
	exchange(&k);
	io_put(&k.io, SPAN(WORDS));
	assert_int_equal(tls_hand_on(k.conn, &k.io, &text), E_OK);
	assert_int_equal(tls_keep(k.conn, &k.io), E_OK);
	assert_int_equal(ioctl(k.fds[0], SIOCOUTQNSD, &unsent), 0);
	assert_int_equal(unsent, 0);
	client_hears(&k, SPAN(WORDS));
	buf_wipe(&text);
	talk_end(&k);
}

/* A client that does not read: io knows it, and nothing is said past a gap. */
static void
test_keep_late(void **state)
{
	struct talk k;
	struct buf text = {.max = TLS_STATE_MAX};
	char got[65536];
	bool is_end;
	(void)state;
	talk_begin(&k, ANY);
	narrow(&k);
	unsigned most = fill(&k, 10000);
	talk_end(&k);
	talk_begin(&k, ANY);
	narrow(&k);
	assert_int_equal(fill(&k, most), most);
	io_put(&k.io, SPAN(WORDS));
	assert_int_equal(tls_hand_on(k.conn, &k.io, &text), E_OK);
	k.io.deadline = 0;
	assert_int_equal(tls_keep(k.conn, &k.io), E_LIMIT);
	assert_int_equal(
	    client_reads(&k, got, sizeof got, &is_end), most * strlen("fills it"));
	io_put(&k.io, SPAN("more"));
	assert_int_equal(io_flush(&k.io), E_LIMIT);
	tls_conn_close(&k.conn, &k.io);
	assert_int_equal(recv(k.fds[1], got, sizeof got, MSG_DONTWAIT), -1);
	buf_wipe(&text);
	talk_end(&k);
}

/* ---- what cannot be handed on ---- */

/* And nothing has happened: what waited goes out, the conversation goes on. */
static void
is_denied(struct talk *k)
{
	io_put(&k->io, SPAN(WORDS));
	assert_int_equal(hand_on(k), E_DENY);
	assert_true(span_eqs(buf_as_span(&k->io.out), WORDS));
	assert_int_equal(io_flush(&k->io), E_OK);
	client_hears(k, SPAN(WORDS));
}

static void
test_kinds(void **state)
{
	static const char *const rows[] = {
	    "NORMAL:-VERS-ALL:+VERS-TLS1.2",
	    "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+CHACHA20-POLY1305",
	    ONLY("AES-128-CCM"),
	    ONLY("AES-128-CCM-8"),
	};

	gnutls_priority_t usual = talk_server.priority;
	(void)state;
	assert_int_equal(gnutls_priority_init(&talk_server.priority,
			     "NORMAL:+AES-128-CCM:+AES-128-CCM-8", NULL),
	    0);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct talk k;
		talk_begin(&k, rows[i]);
		exchange(&k);
		is_denied(&k);
		exchange(&k);
		talk_end(&k);
	}
	gnutls_priority_deinit(talk_server.priority);
	talk_server.priority = usual;
}

/* A client that takes short records only is GnuTLS's to serve. */
static void
test_short_records(void **state)
{
	(void)state;
	for (unsigned is_limit = 0; is_limit < 2; is_limit++) {
		struct talk k = {.conn = NULL};
		assert_int_equal(
		    socketpair(
			AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, k.fds),
		    0);
		client_new(&k, ANY);
		/* RFC 8449, RFC 6066 4 */
		assert_int_equal(is_limit
				     ? gnutls_record_set_max_recv_size(k.client, 600)
				     : (int)gnutls_record_set_max_size(k.client, 1024),
		    0);
		io_init(&k.io, k.fds[0], 65536, 65536);
		k.conn = tls_conn_new(&talk_server, k.fds[0]);
		handshake(&k);
		exchange(&k);
		is_denied(&k);
		bulk(&k, 20000, 5000);
		talk_end(&k);
	}
}

static void
test_too_many_words(void **state)
{
	static char long_words[WORDS_MOST + 1];
	struct talk k;
	(void)state;
	memset(long_words, 'w', sizeof long_words);
	talk_begin(&k, ANY);
	io_put(&k.io, span_make(long_words, sizeof long_words));
	assert_int_equal(hand_on(&k), E_DENY);
	assert_int_equal(io_flush(&k.io), E_OK);
	client_hears(&k, span_make(long_words, sizeof long_words));
	talk_end(&k);
}

/* It was read and not asked for: by io, by GnuTLS, by what reads for GnuTLS. */
static void
test_ahead(void **state)
{
	struct talk k;
	struct span line;
	(void)state;
	talk_begin(&k, ANY);
	client_says(&k, SPAN("AUTH\r\nNOOP\r\n"));
	assert_int_equal(io_line(&k.io, 100, &line), E_OK);
	is_denied(&k);
	assert_int_equal(io_line(&k.io, 100, &line), E_OK);
	assert_true(span_eqs(line, "NOOP"));
	assert_int_equal(hand_on(&k), E_OK);
	talk_end(&k);
	talk_begin(&k, ANY);
	client_says(&k, SPAN("AUTHNOOP"));
	server_hears_some(&k, SPAN("AUTH"));
	is_denied(&k);
	server_hears_some(&k, SPAN("NOOP"));
	assert_int_equal(hand_on(&k), E_OK);
	talk_end(&k);
	talk_begin(&k, ANY);
	client_says(&k, SPAN("AUTH"));
	client_says(&k, SPAN("NOOP"));
	server_hears_some(&k, SPAN("AUTH"));
	is_denied(&k);
	server_hears(&k, SPAN("NOOP"));
	assert_int_equal(hand_on(&k), E_OK);
	exchange(&k);
	both_close(&k);
}

/* Behind a word come so many octets of the next record, and then its rest. */
static void
ahead_by(size_t n, bool is_looked_at)
{
	struct talk k;
	talk_begin(&k, ANY);
	k.is_held = true;
	client_says(&k, SPAN("AUTH"));
	size_t first = k.said.len;
	client_says(&k, SPAN("NOOP"));
	release(&k, first + n);
	server_hears_some(&k, SPAN("AUTH"));
	if (is_looked_at)
		server_hears(&k, SPAN(""));
	is_denied(&k);
	release(&k, k.said.len);
	server_hears(&k, SPAN("NOOP"));
	k.is_held = false;
	assert_int_equal(hand_on(&k), E_OK);
	exchange(&k);
	both_close(&k);
}

static void
test_part_ahead(void **state)
{
	enum { RECORD = 5 + 4 + 1 + 16 };

	(void)state;
	for (size_t n = 1; n < RECORD; n++) {
		ahead_by(n, false);
		ahead_by(n, true);
	}
}

/* What nobody read is the successor's to read: whole records, and a part of one. */
static void
test_unread(void **state)
{
	struct talk k;
	(void)state;
	talk_begin(&k, ANY);
	exchange(&k);
	k.is_held = true;
	client_says(&k, SPAN("one"));
	client_says(&k, SPAN("two"));
	client_says(&k, SPAN("three"));
	release(&k, k.said.len - 10);
	assert_int_equal(hand_on(&k), E_OK);
	server_hears(&k, SPAN("onetwo"));
	release(&k, k.said.len);
	server_hears(&k, SPAN("three"));
	k.is_held = false;
	both_close(&k);
}

static void
test_updated_before(void **state)
{
	(void)state;
	for (unsigned flags = 0; flags <= GNUTLS_KU_PEER; flags += GNUTLS_KU_PEER) {
		struct talk k;
		talk_begin(&k, ANY);
		exchange(&k);
		assert_int_equal(gnutls_session_key_update(k.client, flags), 0);
		client_says(&k, SPAN("x"));
		server_hears(&k, SPAN("x"));
		is_denied(&k);
		exchange(&k);
		is_denied(&k);
		talk_end(&k);
	}
}

/* The first octets of a KeyUpdate, RFC 8446 4.6.3: a successor would take the rest for a whole one. */
static void
test_updated_partly(void **state)
{
	struct talk k;
	struct sealer r;
	struct buf record = {0};
	(void)state;
	talk_begin(&k, talk_suites[0]);
	client_says(&k, SPAN("x"));
	server_hears(&k, SPAN("x"));
	sealer_init_as(&r, 0, k.conn->secrets[TLS_READ], 1);
	sealer_seal(&r, 22, span_make("\30\0\0", 3), 0, &record);
	assert_int_equal(send(k.fds[1], record.p, record.len, 0), record.len);
	server_hears(&k, SPAN(""));
	is_denied(&k);
	buf_free(&record);
	talk_end(&k);
}

/* ---- what is handed on and is none ---- */

static bool
is_state(struct span state)
{
	int fds[2];
	struct io io;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	io_init(&io, fds[0], 4096, 4096);
	struct tls_records *t = tls_records_new(state, &io);
	bool is_one = t != NULL;
	assert_true(is_one == (io.way != NULL));
	tls_records_close(&t, &io);
	io_done(&io);
	close(fds[1]);
	return is_one;
}

static void
test_malformed(void **state)
{
	(void)state;
	for (unsigned suite = 0; suite < SEALER_SUITES; suite++) {
		struct sealer r, w;
		struct buf text = {0};
		sealer_init(&r, suite, 'r', 0);
		sealer_init(&w, suite, 'w', UINT64_MAX);
		sealer_state(&r, &w, SPAN("words"), &text);
		for (size_t n = 0; n < text.len; n++) {
			char *exact = malloc(n ? n : 1); /* so that ASan sees past it */
			assert_non_null(exact);
			memcpy(exact, text.p, n);
			assert_false(is_state(span_make(exact, n)));
			free(exact);
		}
		assert_true(is_state(buf_as_span(&text)));
		for (unsigned which = 0; which < 256; which++) {
			text.p[0] = (char)which;
			/* those of the same lengths are taken for one another */
			bool is_alike =
			    which < SEALER_SUITES &&
			    sealer_secret_bytes(which) == sealer_secret_bytes(suite);
			assert_true(is_state(buf_as_span(&text)) == is_alike);
		}
		text.p[0] = (char)suite;
		buf_ch(&text, 'x');
		assert_false(is_state(buf_as_span(&text)));
		buf_reset(&text);
		static const char long_words[TLS_STATE_MAX + 1];
		sealer_state(&r, &w, span_make(long_words, sizeof long_words), &text);
		assert_false(is_state(buf_as_span(&text)));
		buf_free(&text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_keep),
	    cmocka_unit_test(test_keep_now),
	    cmocka_unit_test(test_keep_late),
	    cmocka_unit_test(test_kinds),
	    cmocka_unit_test(test_short_records),
	    cmocka_unit_test(test_too_many_words),
	    cmocka_unit_test(test_ahead),
	    cmocka_unit_test(test_part_ahead),
	    cmocka_unit_test(test_unread),
	    cmocka_unit_test(test_updated_before),
	    cmocka_unit_test(test_updated_partly),
	    cmocka_unit_test(test_malformed),
	};
	return cmocka_run_group_tests(tests, talk_setup, talk_teardown);
}
