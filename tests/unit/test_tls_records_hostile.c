/* SPDX-License-Identifier: ISC */
/* test_tls_records_hostile.c - a connection handed on, whose peer says what RFC 8446 forbids, or barely allows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/tls_sealer.h"
#include "tls/records.h"

enum { ALERT = 21, HANDSHAKE = 22, DATA = 23, FATAL = 2 };

/* RFC 8446 6 */
enum {
	CLOSE_NOTIFY = 0,
	UNEXPECTED_MESSAGE = 10,
	BAD_RECORD_MAC = 20,
	RECORD_OVERFLOW = 22,
	ILLEGAL_PARAMETER = 47,
	DECODE_ERROR = 50,
	USER_CANCELED = 90,
};

enum { PLAIN_MAX = 1 << 14, CIPHERTEXT_MAX = PLAIN_MAX + 256 };

struct talk {
	struct sealer peer, ours; /* who speaks under it */
	int fds[2];               /* own: ours is io's */
	struct io io;
	struct tls_records *t; /* own */
	struct buf said, heard;
};

static void
talk_of(struct talk *k, unsigned suite, struct span words)
{
	struct buf state = {0};
	*k = (struct talk){.t = NULL};
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, k->fds),
	    0);
	io_init(&k->io, k->fds[0], 65536, 65536);
	sealer_init(&k->peer, suite, 'p', 7);
	sealer_init(&k->ours, suite, 'o', 1000);
	sealer_state(&k->peer, &k->ours, words, &state);
	k->t = tls_records_new(buf_as_span(&state), &k->io);
	assert_non_null(k->t);
	assert_ptr_equal(k->io.way_ctx, k->t);
	buf_free(&state);
}

static void
talk_begin(struct talk *k)
{
	talk_of(k, 0, SPAN(""));
}

static void
talk_end(struct talk *k)
{
	tls_records_close(&k->t, &k->io);
	assert_null(k->t);
	assert_null(k->io.way);
	io_done(&k->io);
	if (k->fds[1] >= 0)
		close(k->fds[1]);
	buf_free(&k->said);
	buf_free(&k->heard);
}

/* What was sealed goes out. */
static void
deliver(struct talk *k)
{
	assert_int_equal(send(k->fds[1], k->said.p, k->said.len, 0), k->said.len);
	buf_reset(&k->said);
}

static void
seal(struct talk *k, unsigned type, struct span content)
{
	sealer_seal(&k->peer, type, content, 0, &k->said);
}

static void
say(struct talk *k, unsigned type, struct span content)
{
	seal(k, type, content);
	deliver(k);
}

static int
read_some(struct talk *k, void *out, size_t n, size_t *got)
{
	bool wants_write = true;
	size_t before = k->io.way->pending(k->t);
	*got = 0;
	int err = k->io.way->read(k->t, out, n, got, &wants_write);
	assert_false(wants_write);
	assert_true(err == E_OK || *got == 0);
	if (err == E_MORE) /* nothing is left that would wake nobody */
		assert_int_equal(k->io.way->pending(k->t), 0);
	if (err == E_OK && *got < n && before) /* nor was more there than was told */
		assert_true(*got <= before);
	return err;
}

static int
write_all(struct talk *k, struct span s)
{
	bool wants_write;
	size_t put = 0;
	int err = k->io.way->write(k->t, s.p, s.n, &put, &wants_write);
	if (err == E_OK)
		assert_int_equal(put, s.n);
	return err;
}

/* Waits for nothing: what is in the socket now, and whatever comes of it. */
static void
hears(struct talk *k, struct span want)
{
	static char got[1 << 16];
	size_t have = 0, n;
	int err = E_OK;
	for (unsigned dry = 0; dry < 2;) {
		err = read_some(k, got + have, sizeof got - have, &n);
		dry = err == E_MORE ? dry + 1 : 0;
		if (err != E_MORE)
			assert_int_equal(err, E_OK);
		have += n;
	}
	assert_int_equal(have, want.n);
	assert_memory_equal(got, want.p, want.n);
}

static void
listen_now(struct talk *k)
{
	for (;;) {
		ssize_t n =
		    recv(k->fds[1], buf_room(&k->heard, 65536), 65536, MSG_DONTWAIT);
		if (n <= 0)
			return;
		buf_added(&k->heard, (size_t)n);
	}
}

/* The next record of ours. */
static void
peer_hears(struct talk *k, int type, struct span want)
{
	struct span got;
	listen_now(k);
	assert_int_equal(sealer_open(&k->ours, &k->heard, &got), type);
	assert_int_equal(got.n, want.n);
	assert_memory_equal(got.p, want.p, want.n);
}

static void
peer_hears_no_more(struct talk *k)
{
	listen_now(k);
	assert_int_equal(k->heard.len, 0);
}

static void
breaks(struct talk *k)
{
	char octet[64];
	size_t n;
	int err;
	while ((err = read_some(k, octet, sizeof octet, &n)) == E_MORE)
		;
	assert_int_equal(err, E_IO);
}

/* Nothing comes in or goes out, whatever is tried. */
static void
stays_broken(struct talk *k)
{
	char octet;
	size_t n;
	if (k->fds[1] >= 0 && send(k->fds[1], "\x17\x03\x03", 3, MSG_NOSIGNAL) != 3)
		fail();
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(read_some(k, &octet, 1, &n), E_IO);
		assert_int_equal(write_all(k, SPAN("x")), E_IO);
	}
	assert_int_equal(k->io.way->pending(k->t), 0);
	tls_records_ends(k->t);
	tls_records_close(&k->t, &k->io);
	peer_hears_no_more(k);
	talk_end(k);
}

/* What was said breaks it: told by this alert, and that is all. */
static void
fails(struct talk *k, unsigned char alert)
{
	const unsigned char told[2] = {FATAL, alert};
	breaks(k);
	peer_hears(k, ALERT, span_make(told, sizeof told));
	stays_broken(k);
}

static void
goes_on(struct talk *k)
{
	say(k, DATA, SPAN("and more"));
	hears(k, SPAN("and more"));
	assert_int_equal(write_all(k, SPAN("well")), E_OK);
	peer_hears(k, DATA, SPAN("well"));
	peer_hears_no_more(k);
}

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

/* ---- handshake messages, 4.6.3 and 5.1 ---- */

#define BYTES(literal)                                                                 \
	{                                                                              \
		(literal), sizeof(literal) - 1                                         \
	}
#define UPDATE BYTES("\30\0\0\1\0")
#define UPDATE_ASKING BYTES("\30\0\0\1\1")

static void
test_handshakes(void **state)
{
	static const struct {
		struct span said;
		unsigned char alert;
	} rows[] = {
	    {BYTES("\30\0\0\1\2"), ILLEGAL_PARAMETER},
	    {BYTES("\30\0\0\1\377"), ILLEGAL_PARAMETER},
	    {BYTES("\30\0\0\0"), DECODE_ERROR}, {BYTES("\30\0\0\2\0\0"), DECODE_ERROR},
	    {BYTES("\30\1\0\1\0"), DECODE_ERROR},
	    /* 5.1: no message behind it before the key changes */
	    {BYTES("\30\0\0\1\0\0"), UNEXPECTED_MESSAGE},
	    {BYTES("\30\0\0\1\0\30\0\0\1\0"), UNEXPECTED_MESSAGE},
	    {{"", 0}, UNEXPECTED_MESSAGE},
	    {BYTES("\1\0\0\0"), UNEXPECTED_MESSAGE},          /* client_hello */
	    {BYTES("\1\0\0\1\0"), UNEXPECTED_MESSAGE},        /* as long as an update */
	    {BYTES("\4\0\0\2\0\0"), UNEXPECTED_MESSAGE},      /* new_session_ticket */
	    {BYTES("\5\0\0\0"), UNEXPECTED_MESSAGE},          /* end_of_early_data */
	    {BYTES("\13\0\0\4\0\0\0\0"), UNEXPECTED_MESSAGE}, /* certificate */
	    {BYTES("\0\0\0\0"), UNEXPECTED_MESSAGE},          /* hello_request */
	    {BYTES("\24\0\0\1\0"), UNEXPECTED_MESSAGE},       /* finished */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct talk k;
		talk_begin(&k);
		say(&k, HANDSHAKE, rows[i].said);
		fails(&k, rows[i].alert);
	}
}

/* After an update the key of before is no key. */
static void
test_old_key(void **state)
{
	static const struct span update = UPDATE;
	struct talk k;
	(void)state;
	talk_begin(&k);
	say(&k, HANDSHAKE, update);
	say(&k, DATA, SPAN("of before"));
	fails(&k, BAD_RECORD_MAC);
}

/* However often it was asked for, ours is said once, before the next words. */
static void
test_updates(void **state)
{
	static const struct span asking = UPDATE_ASKING, update = UPDATE;
	(void)state;
	for (unsigned suite = 0; suite < SEALER_SUITES; suite++)
		for (unsigned times = 1; times <= 4; times++) {
			struct talk k;
			talk_of(&k, suite, SPAN(""));
			for (unsigned i = 0; i < times; i++) {
				seal(&k, HANDSHAKE, i % 2 ? update : asking);
				sealer_next(&k.peer);
			}
			seal(&k, DATA, SPAN("there"));
			deliver(&k);
			hears(&k, SPAN("there"));
			peer_hears_no_more(&k);
			assert_int_equal(write_all(&k, SPAN("first")), E_OK);
			peer_hears(&k, HANDSHAKE, update);
			sealer_next(&k.ours);
			peer_hears(&k, DATA, SPAN("first"));
			goes_on(&k);
			talk_end(&k);
		}
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

/* ---- alerts, 6 ---- */

static void
test_alerts_malformed(void **state)
{
	static const struct {
		struct span said;
		unsigned char alert;
	} rows[] = {
	    {{"", 0}, UNEXPECTED_MESSAGE}, /* 5.4 */
	    {BYTES("\1"), DECODE_ERROR},
	    {BYTES("\1\0\0"), DECODE_ERROR},
	    {BYTES("\1\0\1\0"), DECODE_ERROR},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct talk k;
		talk_begin(&k);
		say(&k, ALERT, rows[i].said);
		fails(&k, rows[i].alert);
	}
}

/* Each ends it, of whatever level and whether we know it. */
static void
test_alerts_fatal(void **state)
{
	(void)state;
	for (unsigned alert = 0; alert < 256; alert++)
		for (unsigned char level = 0; level < 4; level++) {
			const unsigned char said[2] = {level, (unsigned char)alert};
			struct talk k;
			if (alert == CLOSE_NOTIFY || alert == USER_CANCELED)
				continue;
			talk_begin(&k);
			seal(&k, ALERT, span_make(said, sizeof said));
			seal(&k, DATA, SPAN("behind it"));
			deliver(&k);
			breaks(&k);
			stays_broken(&k);
		}
}

static void
test_user_canceled(void **state)
{
	static const struct span said = BYTES("\1\132");
	struct talk k;
	(void)state;
	talk_begin(&k);
	say(&k, ALERT, said);
	goes_on(&k);
	talk_end(&k);
}

static void
test_close_notify(void **state)
{
	static const struct span end = BYTES("\1\0");
	struct talk k;
	char octet;
	size_t n;
	(void)state;
	talk_begin(&k);
	seal(&k, DATA, SPAN("!"));
	seal(&k, ALERT, end);
	seal(&k, DATA, SPAN("behind it"));
	deliver(&k);
	assert_int_equal(read_some(&k, &octet, 1, &n), E_OK);
	assert_int_equal(n, 1);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(read_some(&k, &octet, 1, &n), E_OK);
		assert_int_equal(n, 0);
	}
	/* 6.1: the other direction stays */
	assert_int_equal(write_all(&k, SPAN("bye")), E_OK);
	peer_hears(&k, DATA, SPAN("bye"));
	tls_records_close(&k.t, &k.io);
	peer_hears(&k, ALERT, end);
	peer_hears_no_more(&k);
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

/* Its last words, those that came with it too, are said before the end is. */
static void
test_close(void **state)
{
	static const struct span end = BYTES("\1\0");
	(void)state;
	for (unsigned has_words = 0; has_words < 2; has_words++)
		for (unsigned says_more = 0; says_more < 2; says_more++) {
			struct talk k;
			struct buf words = {0};
			struct sealer before;
			sealer_init(&before, 0, 'o', 999);
			if (has_words)
				sealer_seal(&before, DATA, SPAN("235"), 0, &words);
			talk_of(&k, 0, buf_as_span(&words));
			k.ours.seq -= has_words;
			tls_records_ends(k.t);
			if (says_more)
				assert_int_equal(write_all(&k, SPAN("221")), E_OK);
			tls_records_close(&k.t, &k.io);
			if (has_words)
				peer_hears(&k, DATA, SPAN("235"));
			if (says_more)
				peer_hears(&k, DATA, SPAN("221"));
			peer_hears(&k, ALERT, end);
			peer_hears_no_more(&k);
			buf_free(&words);
			talk_end(&k);
		}
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
	    cmocka_unit_test(test_handshakes),
	    cmocka_unit_test(test_old_key),
	    cmocka_unit_test(test_updates),
	    cmocka_unit_test(test_idle),
	    cmocka_unit_test(test_idle_end),
	    cmocka_unit_test(test_alerts_malformed),
	    cmocka_unit_test(test_alerts_fatal),
	    cmocka_unit_test(test_user_canceled),
	    cmocka_unit_test(test_close_notify),
	    cmocka_unit_test(test_end_of_stream),
	    cmocka_unit_test(test_gone),
	    cmocka_unit_test(test_close),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
