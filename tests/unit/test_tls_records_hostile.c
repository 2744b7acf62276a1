/* SPDX-License-Identifier: ISC */
/*
 * test_tls_records_hostile.c - a connection handed on, whose peer sends records that
 * RFC 8446 forbids or barely allows, too many that bring nothing, or no more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/tls_hostile.h"

enum { PLAIN_MAX = 1 << 14, CIPHERTEXT_MAX = PLAIN_MAX + 256 };

/* ---- records ---- */

static void
test_tags(void **state)
{
	(void)state;
	for (unsigned suite = 0; suite < SEALER_SUITES; suite++)
		for (size_t at = 0; at < 5 + 4 + 1 + SEALER_TAG; at++) {
			struct talk k;
			if (at == 0 || at == 3 || at == 4)
				continue; /* test_heads */
			talk_of(&k, suite, SPAN(""));
			seal(&k, DATA, SPAN("word"));
			k.said.p[at] ^= 1;
			deliver(&k);
			fails(&k, BAD_RECORD_MAC);
		}
}

/* A record again, and one that comes too early. */
static void
test_order(void **state)
{
	struct talk k;
	(void)state;
	talk_begin(&k);
	say(&k, DATA, SPAN("one"));
	hears(&k, SPAN("one"));
	k.peer.seq--;
	say(&k, DATA, SPAN("one"));
	fails(&k, BAD_RECORD_MAC);
	talk_begin(&k);
	k.peer.seq++;
	say(&k, DATA, SPAN("two"));
	fails(&k, BAD_RECORD_MAC);
}

/* Judged before a body is waited for. */
static void
test_heads(void **state)
{
	static const struct {
		unsigned char head[5], alert;
	} rows[] = {
	    {{20, 3, 3, 0, 1}, UNEXPECTED_MESSAGE},
	    {{21, 3, 3, 0, 2}, UNEXPECTED_MESSAGE},
	    {{22, 3, 3, 0, 40}, UNEXPECTED_MESSAGE},
	    {{24, 3, 3, 0, 40}, UNEXPECTED_MESSAGE},
	    {{0, 3, 3, 0, 40}, UNEXPECTED_MESSAGE},
	    {{23, 3, 3, (CIPHERTEXT_MAX + 1) >> 8, (CIPHERTEXT_MAX + 1) & 255},
		RECORD_OVERFLOW},
	    {{23, 3, 3, 255, 255}, RECORD_OVERFLOW},
	    {{23, 3, 3, 0, SEALER_TAG}, DECODE_ERROR},
	    {{23, 3, 3, 0, 0}, DECODE_ERROR},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		for (unsigned is_second = 0; is_second < 2; is_second++) {
			struct talk k;
			char got[8];
			size_t n;
			talk_begin(&k);
			if (is_second)
				seal(&k, DATA, SPAN("word"));
			buf_put(&k.said, rows[i].head, sizeof rows[i].head);
			deliver(&k);
			if (is_second) {
				assert_int_equal(
				    read_some(&k, got, sizeof got, &n), E_OK);
				assert_int_equal(n, 4);
			}
			fails(&k, rows[i].alert);
		}
}

static void
raw(struct talk *k, size_t content, unsigned type, size_t pad)
{
	struct buf inner = {0};
	for (size_t i = 0; i < content; i++)
		buf_ch(&inner, 'c');
	if (type)
		buf_u8(&inner, (uint8_t)type);
	for (size_t i = 0; i < pad; i++)
		buf_u8(&inner, 0);
	sealer_raw(&k->peer, buf_as_span(&inner), &k->said);
	buf_free(&inner);
	deliver(k);
}

/* 5.2, 5.4 */
static void
test_lengths(void **state)
{
	static const struct {
		size_t content;
		unsigned type;
		size_t pad;
		int alert; /* -1: none, it is heard */
	} rows[] = {
	    {PLAIN_MAX, DATA, 0, -1},
	    {PLAIN_MAX - 1, DATA, 1, -1},
	    {1, DATA, PLAIN_MAX - 1, -1},
	    {0, DATA, PLAIN_MAX, -1},
	    {100, DATA, 100, -1},
	    {PLAIN_MAX + 1, DATA, 0, RECORD_OVERFLOW},
	    {CIPHERTEXT_MAX - SEALER_TAG - 1, DATA, 0, RECORD_OVERFLOW},
	    {PLAIN_MAX, DATA, 1, RECORD_OVERFLOW},
	    {1, DATA, PLAIN_MAX, RECORD_OVERFLOW},
	    {0, 0, 1, UNEXPECTED_MESSAGE},
	    {0, 0, 100, UNEXPECTED_MESSAGE},
	    {0, 0, PLAIN_MAX + 1, UNEXPECTED_MESSAGE},
	    {4, 1, 0, UNEXPECTED_MESSAGE},
	    {1, 20, 0, UNEXPECTED_MESSAGE},
	    {4, 24, 0, UNEXPECTED_MESSAGE},
	    {4, 255, 3, UNEXPECTED_MESSAGE},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct talk k;
		static char text[PLAIN_MAX];
		memset(text, 'c', sizeof text);
		talk_begin(&k);
		raw(&k, rows[i].content, rows[i].type, rows[i].pad);
		if (rows[i].alert >= 0) {
			fails(&k, (unsigned char)rows[i].alert);
			continue;
		}
		hears(&k, span_make(text, rows[i].content));
		goes_on(&k);
		talk_end(&k);
	}
}

/* Each record of a row comes one octet after the other, and in one piece with the others. */
static void
test_pieces(void **state)
{
	struct talk k;
	char got[64];
	size_t have = 0, n;
	(void)state;
	talk_begin(&k);
	for (unsigned i = 0; i < 5; i++)
		sealer_seal(&k.peer, DATA, SPAN("abc"), i, &k.said);
	for (size_t at = 0; at < k.said.len; at++) {
		assert_int_equal(send(k.fds[1], k.said.p + at, 1, 0), 1);
		while (read_some(&k, got + have, 1, &n) == E_OK)
			have += n;
	}
	buf_reset(&k.said);
	assert_int_equal(have, 15);
	assert_memory_equal(got, "abcabcabcabcabc", 15);
	for (unsigned i = 0; i < 5; i++)
		sealer_seal(&k.peer, DATA, SPAN("def"), i, &k.said);
	deliver(&k);
	hears(&k, SPAN("defdefdefdefdef"));
	talk_end(&k);
}

/* ---- records without data ---- */

/* So many records that bring nothing. */
static void
idle(struct talk *k, unsigned kind, unsigned n)
{
	static const struct span update = UPDATE_ASKING, canceled = BYTES("\1\132");
	for (unsigned i = 0; i < n; i++) {
		if (kind == HANDSHAKE) {
			say(k, HANDSHAKE, update);
			sealer_next(&k->peer);
		} else {
			say(k, kind, kind == ALERT ? canceled : SPAN(""));
		}
	}
}

static void
test_idle(void **state)
{
	static const unsigned kinds[] = {DATA, HANDSHAKE, ALERT};
	(void)state;
	for (size_t i = 0; i < COUNT(kinds); i++) {
		struct talk k;
		talk_begin(&k);
		for (unsigned times = 0; times < 3; times++) {
			idle(&k, kinds[i], TLS_IDLE_RECORDS_MOST);
			say(&k, DATA, SPAN("."));
			hears(&k, SPAN("."));
		}
		idle(&k, kinds[i], TLS_IDLE_RECORDS_MOST + 1);
		say(&k, DATA, SPAN("."));
		fails(&k, UNEXPECTED_MESSAGE);
	}
}

/* An end is one, whatever came before. */
static void
test_idle_end(void **state)
{
	static const struct span end = BYTES("\1\0");
	struct talk k;
	(void)state;
	talk_begin(&k);
	idle(&k, DATA, TLS_IDLE_RECORDS_MOST);
	say(&k, ALERT, end);
	char octet;
	size_t n;
	assert_int_equal(read_some(&k, &octet, 1, &n), E_OK);
	assert_int_equal(n, 0);
	talk_end(&k);
}

/* ---- the end ---- */

/* Without close_notify, after whole records or in the midst of one. */
static void
test_end_of_stream(void **state)
{
	(void)state;
	size_t first = 0, all = 0;
	for (size_t left = 0; first + left <= all; left++) {
		struct talk k;
		char got[8];
		size_t n;
		talk_begin(&k);
		seal(&k, DATA, SPAN("word"));
		first = k.said.len;
		seal(&k, DATA, SPAN("again"));
		all = k.said.len;
		assert_int_equal(
		    send(k.fds[1], k.said.p, first + left, 0), first + left);
		assert_int_equal(shutdown(k.fds[1], SHUT_WR), 0);
		assert_int_equal(read_some(&k, got, sizeof got, &n), E_OK);
		assert_int_equal(n, 4);
		if (first + left == all) {
			assert_int_equal(read_some(&k, got, sizeof got, &n), E_OK);
			assert_int_equal(n, 5);
		}
		breaks(&k);
		for (unsigned i = 0; i < 3; i++)
			assert_int_equal(read_some(&k, got, sizeof got, &n), E_IO);
		assert_int_equal(write_all(&k, SPAN("x")), E_IO);
		tls_records_close(&k.t, &k.io);
		peer_hears_no_more(&k);
		talk_end(&k);
	}
}

static void
test_gone(void **state)
{
	struct talk k;
	char octet;
	size_t n;
	(void)state;
	talk_begin(&k);
	close(k.fds[1]);
	k.fds[1] = -1;
	assert_int_equal(write_all(&k, SPAN("x")), E_IO);
	assert_int_equal(read_some(&k, &octet, 1, &n), E_IO);
	talk_end(&k);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_tags),
	    cmocka_unit_test(test_order),
	    cmocka_unit_test(test_heads),
	    cmocka_unit_test(test_lengths),
	    cmocka_unit_test(test_pieces),
	    cmocka_unit_test(test_idle),
	    cmocka_unit_test(test_idle_end),
	    cmocka_unit_test(test_end_of_stream),
	    cmocka_unit_test(test_gone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
