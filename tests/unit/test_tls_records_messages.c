/* SPDX-License-Identifier: ISC */
/*
 * test_tls_records_messages.c - a connection handed on, whose peer updates keys and sends
 * alerts as RFC 8446 forbids or barely allows, and how either side ends it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/tls_hostile.h"

/* ---- handshake messages, 4.6.3 and 5.1 ---- */

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

/* Our update, where one is asked for, goes before our next words. */
static void
answers(struct talk *k, bool is_asked)
{
	static const struct span update = UPDATE;
	assert_int_equal(write_all(k, SPAN("first")), E_OK);
	if (is_asked) {
		peer_hears(k, HANDSHAKE, update);
		sealer_next(&k->ours);
	}
	peer_hears(k, DATA, SPAN("first"));
	goes_on(k);
	talk_end(k);
}

/* 5.1: in as many records as it has octets, or fewer. */
static void
test_split(void **state)
{
	static const struct span update = UPDATE, asking = UPDATE_ASKING;
	(void)state;
	/* a bit for each place where a record ends */
	for (unsigned cuts = 1; cuts < 16; cuts++)
		for (unsigned asks = 0; asks < 2; asks++) {
			struct talk k;
			struct span rest = asks ? asking : update;
			talk_begin(&k);
			for (size_t at = 1, from = 0; at <= update.n; at++)
				if (at == update.n || cuts & 1 << (at - 1)) {
					say(&k, HANDSHAKE,
					    span_make(rest.p + from, at - from));
					from = at;
					if (at < update.n)
						hears(&k, SPAN(""));
				}
			sealer_next(&k.peer);
			say(&k, DATA, SPAN("there"));
			hears(&k, SPAN("there"));
			answers(&k, asks);
		}
}

static void
test_split_wrong(void **state)
{
	static const struct {
		struct span first;
		unsigned type;
		struct span then;
		unsigned char alert;
	} rows[] = {
	    /* 5.1: another type between the pieces, empty or not */
	    {BYTES("\30"), DATA, BYTES("x"), UNEXPECTED_MESSAGE},
	    {BYTES("\30\0\0\1"), DATA, {"", 0}, UNEXPECTED_MESSAGE},
	    {BYTES("\30\0"), ALERT, BYTES("\1\0"), UNEXPECTED_MESSAGE},
	    {BYTES("\30\0\0"), HANDSHAKE, {"", 0}, UNEXPECTED_MESSAGE},
	    /* more than is left of it */
	    {BYTES("\30\0\0"), HANDSHAKE, BYTES("\1\0\30"), UNEXPECTED_MESSAGE},
	    {BYTES("\30\0\0"), HANDSHAKE, BYTES("\2"), DECODE_ERROR},
	    {BYTES("\30"), HANDSHAKE, BYTES("\30\0\0\1\0"), DECODE_ERROR},
	    {BYTES("\30\0\0\1"), HANDSHAKE, BYTES("\2"), ILLEGAL_PARAMETER},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct talk k;
		talk_begin(&k);
		say(&k, HANDSHAKE, rows[i].first);
		hears(&k, SPAN(""));
		say(&k, rows[i].type, rows[i].then);
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
			answers(&k, true);
		}
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
	    cmocka_unit_test(test_handshakes),
	    cmocka_unit_test(test_split),
	    cmocka_unit_test(test_split_wrong),
	    cmocka_unit_test(test_old_key),
	    cmocka_unit_test(test_updates),
	    cmocka_unit_test(test_alerts_malformed),
	    cmocka_unit_test(test_alerts_fatal),
	    cmocka_unit_test(test_user_canceled),
	    cmocka_unit_test(test_close_notify),
	    cmocka_unit_test(test_close),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
