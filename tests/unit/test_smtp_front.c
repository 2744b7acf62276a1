/* SPDX-License-Identifier: ISC */
/*
 * test_smtp_front.c - networks, counts by address, what the front tells a session, the table of
 * replies.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "login/nets.h"
#include "login/peer.h"
#include "smtpd/asks.h"
#include "smtpd/reply.h"

static const struct {
	const char *net, *address;
	bool is_in;
} rows[] = {
    {"127.0.0.0/8", "127.255.0.1", true},
    {"127.0.0.0/8", "128.0.0.1", false},
    {"127.0.0.0/8", "::ffff:127.0.0.1", true},
    {"192.0.2.128/25", "192.0.2.127", false},
    {"192.0.2.128/25", "192.0.2.200", true},
    {"192.0.2.7", "192.0.2.7", true},
    {"192.0.2.7", "192.0.2.6", false},
    {"0.0.0.0/0", "1.2.3.4", true},
    {"0.0.0.0/0", "::1", false},
    {"::/0", "::1", true},
    {"2001:db8::/33", "2001:db8:7fff::1", true},
    {"2001:db8::/33", "2001:db8:8000::1", false},
    {"::1/128", "::1", true},
};

static void
test_nets(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct net net;
		struct nets nets = {&net, 1};
		print_message("%s has %s\n", rows[i].net, rows[i].address);
		assert_int_equal(net_parse(span_of(rows[i].net), &net), E_OK);
		assert_int_equal(nets_has_text(&nets, rows[i].address), rows[i].is_in);
	}
}

static void
test_bad_nets(void **state)
{
	static const char *const bad[] = {"", "x", "127.0.0.1/33", "::1/129",
	    "127.0.0/8", "127.0.0.1/x", "1.2.3.4.5"};
	struct net net;
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(net_parse(span_of(bad[i]), &net), E_BAD);
}

static uint64_t
key_of(const char *text)
{
	struct sockaddr_storage ss = {0};
	struct sockaddr_in *four = (void *)&ss;
	struct sockaddr_in6 *six = (void *)&ss;
	struct peer peer;
	ss.ss_family = strchr(text, ':') ? AF_INET6 : AF_INET;
	void *address =
	    ss.ss_family == AF_INET ? (void *)&four->sin_addr : (void *)&six->sin6_addr;
	assert_int_equal(inet_pton(ss.ss_family, text, address), 1);
	peer_of(&ss, &peer);
	return peer.key;
}

/* Where peers are counted. */
static void
test_keys(void **state)
{
	(void)state;
	assert_true(key_of("192.0.2.1") == key_of("::ffff:192.0.2.1"));
	assert_true(key_of("192.0.2.1") != key_of("192.0.2.2"));
	assert_true(key_of("2001:db8::1") == key_of("2001:db8::ffff:1"));
	assert_true(key_of("2001:db8::1") != key_of("2001:db8:0:1::1"));
	assert_true(key_of("0.0.0.0") != key_of("::1"));
}

static void
test_client(void **state)
{
	struct client c = {.kind = KIND_SUBMISSION,
			  .is_loopback = true,
			  .has_waited = true,
			  .text = "2001:db8::1"},
		      back;
	struct buf b = {0};
	(void)state;
	client_put(&b, &c);
	struct rd rd = rd_of(buf_as_span(&b));
	assert_int_equal(client_get(&rd, &back), E_OK);
	assert_int_equal(back.kind, c.kind);
	assert_true(back.is_loopback && !back.is_greeted && back.has_waited);
	assert_string_equal(back.text, c.text);
	for (size_t n = 0; n < b.len; n++) {
		rd = rd_of(span_head(buf_as_span(&b), n));
		assert_int_equal(client_get(&rd, &back), E_BAD);
	}
	buf_free(&b);
}

#define NAME(name, code, enhanced, text) name,

static void
test_replies(void **state)
{
	static const enum reply all[] = {REPLIES(NAME)};

	(void)state;
	for (size_t i = 0; i < COUNT(all); i++) {
		struct buf line = {0};
		reply_put(&line, all[i], "argument");
		unsigned code = reply_code(all[i]);
		const char *enhanced = reply_enhanced(all[i]);
		assert_true(line.len <= REPLY_LINE_MAX && code >= 211 && code <= 555);
		assert_true(span_ends(buf_as_span(&line), SPAN("\r\n")));
		assert_true(
		    enhanced[0] == '\0' || enhanced[0] == (char)('0' + code / 100));
		assert_true(code < 400 || enhanced[0]); /* RFC 2034 4 */
		assert_int_equal(reply_ends(all[i]),
		    code == 421 || code == 221 || all[i] == R_PIPELINING);
		buf_free(&line);
	}
}

static const struct {
	unsigned code;
	const char *enhanced, *text, *line;
} own[] = {
    {550, "5.7.23", "SPF says no", "550 5.7.23 SPF says no\r\n"},
    {451, "", "later", "451 later\r\n"},
    {550, "4.7.1", "another class", "550 5.7.1 another class\r\n"},
    {450, "4.7", "too short", "450 4.7.1 too short\r\n"},
    {550, "5.7.1234567890", "too long", "550 5.7.1 too long\r\n"},
    {250, "2.0.0", "no refusal", "451 4.7.1 no refusal\r\n"},
    {554, "5.7.1", "one\ntwo", "554-5.7.1 one\r\n554 5.7.1 two\r\n"},
    {554, "5.7.1", "a\r\nb\xc3\tc", "554-5.7.1 a?\r\n554 5.7.1 b??c\r\n"},
};

static void
test_own(void **state)
{
	struct buf line = {0}, text = {0};
	(void)state;
	for (size_t i = 0; i < COUNT(own); i++) {
		buf_reset(&line);
		assert_int_equal(reply_own(own[i].code, span_of(own[i].enhanced),
				     span_of(own[i].text)),
		    R_OWN);
		reply_put(&line, R_OWN, "argument");
		assert_string_equal(buf_cstr(&line), own[i].line);
	}
	assert_false(reply_ends(R_OWN));
	assert_true(reply_ends(reply_own(421, SPAN("4.7.0"), SPAN("go"))));
	for (int i = 0; i < 1000; i++)
		buf_str(&text, i % 20 ? "text " : "\n");
	reply_own(554, SPAN("5.7.1"), buf_as_span(&text));
	buf_reset(&line);
	reply_put(&line, R_OWN, NULL);
	assert_true(line.len <= REPLY_OWN_LINES_MAX * REPLY_LINE_MAX);
	buf_free(&line);
	buf_free(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_nets),
	    cmocka_unit_test(test_bad_nets),
	    cmocka_unit_test(test_keys),
	    cmocka_unit_test(test_client),
	    cmocka_unit_test(test_replies),
	    cmocka_unit_test(test_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
