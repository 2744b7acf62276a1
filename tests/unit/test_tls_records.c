/* SPDX-License-Identifier: ISC */
/*
 * test_tls_records.c - connections that go on in another process, as a client of GnuTLS sees it: it must notice
 * nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "tests/unit/tls_talk.h"

enum {
	WORDS_MOST = 512,           /* that wait in io.out */
	KEY_RECORDS_MOST = 1 << 24, /* under one key of ours */
};

/* ---- what stays as it was ---- */

static void
test_suites(void **state)
{
	(void)state;
	for (size_t i = 0; i < TALK_SUITES; i++) {
		struct talk k;
		talk_begin(&k, talk_suites[i]);
		exchange(&k);
		io_put(&k.io, SPAN(WORDS));
		assert_int_equal(hand_on(&k), E_OK);
		client_hears(&k, SPAN(WORDS));
		server_says(&k, SPAN("more"));
		client_hears(&k, SPAN("more"));
		exchange(&k);
		bulk(&k, BULK_BYTES, TLS_SEND_MAX);
		bulk(&k, BULK_BYTES / 8, 1000);
		exchange(&k);
		both_close(&k);
	}
}

/* A talk in which the kernel takes nothing more of us; returns the octets that the client can read. */
static size_t
begin_full(struct talk *k)
{
	talk_begin(k, ANY);
	narrow(k);
	unsigned most = fill(k, 10000);
	talk_end(k);
	talk_begin(k, ANY);
	narrow(k);
	assert_int_equal(fill(k, most), most); /* the next one GnuTLS could not send */
	return most * strlen("fills it");
}

/* The words of before, which could not be said, go out with a read, and with the end, too. */
static void
test_words(void **state)
{
	struct talk k;
	bool is_end;
	char got[65536];
	(void)state;
	size_t before = begin_full(&k);
	io_put(&k.io, SPAN(WORDS));
	assert_int_equal(hand_on(&k), E_OK);
	assert_int_equal(client_reads(&k, got, sizeof got, &is_end), before);
	server_hears(&k, SPAN(""));
	client_hears(&k, SPAN(WORDS));
	exchange(&k);
	talk_end(&k);
	before = begin_full(&k);
	io_put(&k.io, SPAN(WORDS));
	assert_int_equal(hand_on(&k), E_OK);
	assert_int_equal(client_reads(&k, got, sizeof got, &is_end), before);
	tls_records_close(&k.then, &k.io);
	assert_int_equal(client_reads(&k, got, sizeof got, &is_end), strlen(WORDS));
	assert_true(is_end);
	talk_end(&k);
}

/* As many as may wait, and through io's own calls. */
static void
test_io(void **state)
{
	struct talk k;
	struct span line;
	static char long_words[WORDS_MOST];
	(void)state;
	memset(long_words, 'w', sizeof long_words);
	talk_begin(&k, ANY);
	io_put(&k.io, span_make(long_words, sizeof long_words));
	assert_int_equal(hand_on(&k), E_OK);
	client_says(&k, SPAN("one\r\ntwo\r\n"));
	assert_int_equal(io_line(&k.io, 100, &line), E_OK);
	assert_true(span_eqs(line, "one"));
	client_hears(&k, span_make(long_words, sizeof long_words));
	assert_int_equal(io_line(&k.io, 100, &line), E_OK);
	assert_true(span_eqs(line, "two"));
	assert_int_equal(io_poll(&k.io), E_LIMIT);
	io_put(&k.io, SPAN("250\r\n"));
	assert_int_equal(io_flush(&k.io), E_OK);
	client_hears(&k, SPAN("250\r\n"));
	assert_int_equal(gnutls_bye(k.client, GNUTLS_SHUT_WR), 0);
	assert_int_equal(io_fill(&k.io), E_IO);
	talk_end(&k);
}

static void
test_resumed(void **state)
{
	struct talk k;
	gnutls_datum_t data;
	(void)state;
	talk_begin(&k, ANY);
	exchange(&k);
	assert_int_equal(gnutls_session_get_data2(k.client, &data), 0);
	talk_end(&k);
	k = (struct talk){.resumes = data};
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, k.fds),
	    0);
	talk_over(&k, ANY);
	assert_true(gnutls_session_is_resumed(k.client));
	assert_int_equal(hand_on(&k), E_OK);
	exchange(&k);
	both_close(&k);
	gnutls_free(data.data);
}

static void
test_by_byte(void **state)
{
	enum { BYTES = 3000 };

	(void)state;
	for (size_t i = 0; i < TALK_SUITES; i++) {
		struct talk k;
		char got[BYTES];
		size_t have = 0;
		talk_begin(&k, talk_suites[i]);
		exchange(&k);
		assert_int_equal(hand_on(&k), E_OK);
		k.is_by_byte = true;
		server_says(&k, span_make(talk_bulk, BYTES));
		client_hears(&k, span_make(talk_bulk, BYTES));
		k.is_held = true;
		for (unsigned at = 0; at < BYTES; at += BYTES / 3)
			client_says(&k, span_make(talk_bulk + at, BYTES / 3));
		while (k.said.len) {
			size_t n = 0;
			bool wants_write;
			release(&k, 1);
			while (k.io.way->read(k.io.way_ctx, got + have, BYTES - have,
				   &n, &wants_write) == E_OK) {
				have += n;
				if (have == BYTES)
					break;
			}
		}
		assert_int_equal(have, BYTES);
		assert_memory_equal(got, talk_bulk, BYTES);
		k.is_held = false;
		both_close(&k);
	}
}

/* ---- keys ---- */

static void
test_client_updates(void **state)
{
	static const unsigned flags[] = {
	    0, GNUTLS_KU_PEER, GNUTLS_KU_PEER, 0, 0, GNUTLS_KU_PEER};
	(void)state;
	for (size_t i = 0; i < TALK_SUITES; i++)
		for (size_t n = 1; n <= COUNT(flags); n++) {
			struct talk k;
			talk_begin(&k, talk_suites[i]);
			exchange(&k);
			io_put(&k.io, SPAN(WORDS));
			assert_int_equal(hand_on(&k), E_OK);
			for (size_t at = 0; at < n; at++)
				assert_int_equal(
				    gnutls_session_key_update(k.client, flags[at]), 0);
			client_says(&k, SPAN("NOOP\r\n"));
			server_hears(&k, SPAN("NOOP\r\n"));
			server_says(&k, SPAN("250 ok\r\n"));
			client_hears(&k, SPAN(WORDS "250 ok\r\n"));
			exchange(&k);
			bulk(&k, 20000, 5000);
			both_close(&k);
		}
}

/* Of the state: the number of our next record. */
static void
set_ours(struct buf *state, size_t secret_bytes, uint64_t seq)
{
	size_t at = 1 + secret_bytes + 8 + secret_bytes;
	buf_set_u32(state, at, (uint32_t)seq);
	buf_set_u32(state, at + 4, (uint32_t)(seq >> 32));
}

static uint64_t
client_read_seq(struct talk *k)
{
	unsigned char seq[8];
	uint64_t n = 0;
	assert_int_equal(
	    gnutls_record_get_state(k->client, 1, NULL, NULL, NULL, seq), 0);
	for (unsigned i = 0; i < sizeof seq; i++)
		n = n << 8 | seq[i];
	return n;
}

/* A key of ours is good for so many records and no more (5.5). */
static void
test_our_update(void **state)
{
	static const size_t secret_bytes[] = {32, 48, 32};
	(void)state;
	for (size_t i = 0; i < TALK_SUITES; i++) {
		struct talk k;
		struct buf text = {.max = TLS_STATE_MAX};
		const uint64_t from = KEY_RECORDS_MOST - 2;
		unsigned char seq[8];
		talk_begin(&k, talk_suites[i]);
		exchange(&k);
		assert_int_equal(tls_hand_on(k.conn, &k.io, &text), E_OK);
		set_ours(&text, secret_bytes[i], from);
		for (unsigned at = 0; at < 8; at++)
			seq[at] = (unsigned char)(from >> (56 - 8 * at));
		assert_int_equal(gnutls_record_set_state(k.client, 1, seq), 0);
		take_on(&k, buf_as_span(&text));
		for (unsigned said = 1; said <= 5; said++) {
			exchange(&k);
			assert_int_equal(
			    client_read_seq(&k), said <= 2 ? from + said : said - 2);
		}
		buf_wipe(&text);
		both_close(&k);
	}
}

/* ---- a socket that is full ---- */

static void
test_full(void **state)
{
	struct talk k;
	(void)state;
	talk_begin(&k, ANY);
	narrow(&k);
	assert_int_equal(hand_on(&k), E_OK);
	size_t put = 0;
	struct span chunk = span_make(talk_bulk, TLS_SEND_MAX);
	while (server_writes(&k, chunk, &put) == E_OK)
		client_hears(&k, chunk);
	for (unsigned i = 0; i < 5; i++) /* nobody reads */
		assert_int_equal(server_writes(&k, chunk, &put), E_MORE);
	static char got[TLS_SEND_MAX];
	size_t have = 0;
	while (have < sizeof got) {
		bool is_end;
		size_t n = client_reads(&k, got + have, 1000, &is_end);
		have += n;
		if (n == 0)
			(void)server_writes(&k, chunk, &put);
	}
	assert_memory_equal(got, chunk.p, chunk.n);
	client_hears(&k, SPAN(""));
	bulk(&k, BULK_BYTES, TLS_SEND_MAX);
	both_close(&k);
}

/* The words of before wait, and what is said behind them. */
static void
test_full_before(void **state)
{
	struct talk k;
	char got[65536];
	bool is_end;
	(void)state;
	talk_begin(&k, ANY);
	narrow(&k);
	fill(&k, 10000);
	assert_int_equal(hand_on(&k), E_DENY); /* a record that GnuTLS could not send */
	talk_end(&k);
	size_t before = begin_full(&k);
	io_put(&k.io, SPAN(WORDS));
	assert_int_equal(hand_on(&k), E_OK);
	for (unsigned i = 0; i < 4; i++) {
		size_t n = 0;
		bool wants_write = false;
		assert_int_equal(
		    k.io.way->read(k.io.way_ctx, got, 1, &n, &wants_write), E_MORE);
		assert_true(wants_write);
		assert_int_equal(server_writes(&k, SPAN("behind"), &n), E_MORE);
	}
	size_t n = client_reads(&k, got, sizeof got, &is_end);
	assert_int_equal(n, before);
	server_says(&k, SPAN("behind"));
	client_hears(&k, SPAN(WORDS "behind"));
	exchange(&k);
	both_close(&k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_suites),
	    cmocka_unit_test(test_words),
	    cmocka_unit_test(test_io),
	    cmocka_unit_test(test_resumed),
	    cmocka_unit_test(test_by_byte),
	    cmocka_unit_test(test_client_updates),
	    cmocka_unit_test(test_our_update),
	    cmocka_unit_test(test_full),
	    cmocka_unit_test(test_full_before),
	};
	return cmocka_run_group_tests(tests, talk_setup, talk_teardown);
}
