/* SPDX-License-Identifier: ISC */
/* test_relay_reply.c - replies of a server, its EHLO, and the form of a route. */
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conf/route.h"
#include "conf/source.h"
#include "queue/relay/remote.h"

static const struct {
	const char *lines[4];
	int result; /* of the last line */
	uint16_t code;
	const char *status, *text;
} replies[] = {
    {{"250 ok"}, E_OK, 250, "", "ok"},
    {{"250"}, E_OK, 250, "", ""},
    {{"250 "}, E_OK, 250, "", ""},
    {{"250-2.1.0 one", "250 2.1.0 two"}, E_OK, 250, "2.1.0", "2.1.0 one\n2.1.0 two"},
    {{"550 5.1.1 no such user"}, E_OK, 550, "5.1.1", "5.1.1 no such user"},
    {{"550 5.1.1"}, E_OK, 550, "5.1.1", "5.1.1"},
    {{"550 5.7.100 x"}, E_OK, 550, "5.7.100", "5.7.100 x"},
    {{"550 4.1.1 another class"}, E_OK, 550, "", "4.1.1 another class"},
    {{"550 5.1 x"}, E_OK, 550, "", "5.1 x"},
    {{"550 5.1.1.1 x"}, E_OK, 550, "", "5.1.1.1 x"},
    {{"550 5.1.1000 x"}, E_OK, 550, "", "5.1.1000 x"},
    {{"550 5.1. x"}, E_OK, 550, "", "5.1. x"},
    {{"354 go"}, E_OK, 354, "", "go"},
    {{"250-more"}, E_MORE, 250, "", "more"},
    {{"250-ok", "550 no"}, E_BAD, 250, "", "ok"},
    {{"25 ok"}, E_BAD, 0, "", ""},
    {{"2500 ok"}, E_BAD, 0, "", ""},
    {{"150 ok"}, E_BAD, 0, "", ""},
    {{"650 ok"}, E_BAD, 0, "", ""},
    {{"hello"}, E_BAD, 0, "", ""},
    {{""}, E_BAD, 0, "", ""},
    {{"2x0 ok"}, E_BAD, 0, "", ""},
};

static void
test_replies(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(replies); i++) {
		struct reply r = {0};
		int err = E_MORE;
		reply_reset(&r);
		for (size_t k = 0; k < 4 && replies[i].lines[k]; k++)
			err = reply_add(&r, span_of(replies[i].lines[k]));
		assert_int_equal(err, replies[i].result);
		assert_int_equal(r.code, replies[i].code);
		assert_true(span_eqs(r.status, replies[i].status));
		assert_true(span_eqs(buf_as_span(&r.text), replies[i].text));
		reply_free(&r);
	}
}

static void
test_limits(void **state)
{
	char line[1000] = "250-";
	struct reply r = {0};
	int err = E_MORE;
	unsigned n = 0;
	(void)state;
	reply_reset(&r);
	while ((err = reply_add(&r, SPAN("250-x"))) == E_MORE)
		n++;
	assert_int_equal(err, E_LIMIT);
	assert_int_equal(n, REPLY_LINES_MAX);
	reply_reset(&r);
	memset(line + 4, 'y', sizeof line - 4);
	for (n = 0; (err = reply_add(&r, span_make(line, sizeof line))) == E_MORE;)
		n++;
	assert_int_equal(err, E_LIMIT);
	assert_true(n * sizeof line < REPLY_BYTES_MAX + sizeof line);
	reply_free(&r);
}

static void
test_reasons(void **state)
{
	struct reply r = {0};
	struct buf out = {0};
	(void)state;
	reply_reset(&r);
	assert_int_equal(reply_add(&r, SPAN("450-4.2.1 not\tnow")), E_MORE);
	assert_int_equal(reply_add(&r, SPAN("450 4.2.1 no")), E_OK);
	reply_reason(&r, SPAN("mx.test[192.0.2.1]"), "0.0", &out);
	assert_string_equal(buf_cstr(&out),
	    "4.2.1 mx.test[192.0.2.1] said: 450 4.2.1 not now 4.2.1 no");
	reply_reset(&r);
	buf_reset(&out);
	assert_int_equal(reply_add(&r, SPAN("550 no")), E_OK);
	reply_reason(&r, SPAN("mx.test"), "1.0", &out);
	assert_string_equal(buf_cstr(&out), "5.1.0 mx.test said: 550 no");
	reply_free(&r);
	buf_free(&out);
}

static const struct {
	const char *text;
	unsigned can, mechs;
	uint64_t size;
	const char *name;
} hellos[] = {
    {"mx.test", 0, 0, 0, "mx.test"},
    {"mx.test at your service\nPIPELINING\n8bitmime\nSIZE 1000",
	EHLO_PIPELINING | EHLO_8BITMIME | EHLO_SIZE, 0, 1000, "mx.test"},
    {"m\nSIZE\nCHUNKING\nDSN\nSMTPUTF8\nSTARTTLS",
	EHLO_SIZE | EHLO_CHUNKING | EHLO_DSN | EHLO_SMTPUTF8 | EHLO_STARTTLS, 0, 0,
	"m"},
    {"m\nREQUIRETLS\nREQUIRETLSX", EHLO_REQUIRETLS, 0, 0, "m"},
    {"m\nSIZE lots", EHLO_SIZE, 0, 0, "m"},
    {"m\nSIZE 99999999999999999999999", EHLO_SIZE, 0, 0, "m"},
    {"m\nAUTH PLAIN LOGIN X SCRAM-SHA-256", 0,
	MECH_PLAIN | MECH_LOGIN | MECH_SCRAM_SHA_256, 0, "m"},
    {"m\nAUTH=PLAIN LOGIN", 0, MECH_PLAIN | MECH_LOGIN, 0, "m"},
    {"m\nAUTH", 0, 0, 0, "m"},
    {"PIPELINING\nPIPELININGX\nX PIPELINING", 0, 0, 0, "PIPELINING"},
    {"", 0, 0, 0, ""},
    {"\n\n \n", 0, 0, 0, ""},
};

static void
test_hellos(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(hellos); i++) {
		struct ehlo e;
		ehlo_parse(span_of(hellos[i].text), &e);
		assert_int_equal(e.can, hellos[i].can);
		assert_int_equal(e.mechs, hellos[i].mechs);
		assert_int_equal(e.size_bytes, hellos[i].size);
		assert_true(span_eqs(e.name, hellos[i].name));
	}
}

static const struct {
	const char *text;
	int result;
	const char *pattern, *host, *user;
	uint8_t kind, tls;
	bool is_lmtp;
	uint16_t port;
} routes[] = {
    {"*=mx", E_OK, "*", "", "", ROUTE_MX, ROUTE_TLS_MAY, false, 25},
    {"a.test=smtp://mail.test", E_OK, "a.test", "mail.test", "", ROUTE_HOST,
	ROUTE_TLS_MAY, false, 25},
    {"a.test=smtp://[127.0.0.1]:2600", E_OK, "a.test", "127.0.0.1", "", ROUTE_HOST,
	ROUTE_TLS_MAY, false, 2600},
    {"a.test=smtp://[2001:db8::1]", E_OK, "a.test", "2001:db8::1", "", ROUTE_HOST,
	ROUTE_TLS_MAY, false, 25},
    {"a.test=lmtp://h:24  tls=none", E_OK, "a.test", "h", "", ROUTE_HOST,
	ROUTE_TLS_NONE, true, 24},
    {"*=smtp://h:587 tls=verify user=me@x", E_OK, "*", "h", "me@x", ROUTE_HOST,
	ROUTE_TLS_VERIFY, false, 587},
    {"*=smtp://h user=a=b tls=encrypt", E_OK, "*", "h", "a=b", ROUTE_HOST,
	ROUTE_TLS_ENCRYPT, false, 25},
    {"u@a.test=lmtp+unix:/run/x", E_OK, "u@a.test", "/run/x", "", ROUTE_UNIX,
	ROUTE_TLS_MAY, true, 0},
    {"a.test=unix:/x", E_OK, "a.test", "/x", "", ROUTE_UNIX, ROUTE_TLS_MAY, false, 0},
    {"*=mx tls=dane", E_OK, "*", "", "", ROUTE_MX, ROUTE_TLS_DANE, false, 25},
    {"*=mx policies=no tls=encrypt", E_OK, "*", "", "", ROUTE_MX, ROUTE_TLS_ENCRYPT,
	false, 25},
    {"*=smtp://h from=.a.test user=me", E_OK, "*", "h", "me", ROUTE_HOST, ROUTE_TLS_MAY,
	false, 25},
    {"*=mx from=", E_BAD, "", "", "", 0, 0, false, 0},
    {"*=mx policies=yes", E_BAD, "", "", "", 0, 0, false, 0},
    {"a.test=unix:/x tls=verify", E_BAD, "", "", "", 0, 0, false, 0},
    {"a.test=unix:/x tls=dane", E_BAD, "", "", "", 0, 0, false, 0},
    {"a.test=unix:x", E_BAD, "", "", "", 0, 0, false, 0},
    {"a.test=mx:25", E_BAD, "", "", "", 0, 0, false, 0},
    {"a.test=smtp://", E_BAD, "", "", "", 0, 0, false, 0},
    {"a.test=smtp://h:0", E_BAD, "", "", "", 0, 0, false, 0},
    {"a.test=smtp://h:65536", E_BAD, "", "", "", 0, 0, false, 0},
    {"a.test=smtp://[::1", E_BAD, "", "", "", 0, 0, false, 0},
    {"a.test=smtp://[::1]x", E_BAD, "", "", "", 0, 0, false, 0},
    {"a.test=smtp://h/x", E_BAD, "", "", "", 0, 0, false, 0},
    {"a.test=smtp://h tls=maybe", E_BAD, "", "", "", 0, 0, false, 0},
    {"a.test=smtp://h user=", E_BAD, "", "", "", 0, 0, false, 0},
    {"a.test=smtp://h odd", E_BAD, "", "", "", 0, 0, false, 0},
    {"=mx", E_BAD, "", "", "", 0, 0, false, 0},
    {"a b=mx", E_BAD, "", "", "", 0, 0, false, 0},
    {"a.test", E_BAD, "", "", "", 0, 0, false, 0},
    {"", E_BAD, "", "", "", 0, 0, false, 0},
};

static void
test_routes(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(routes); i++) {
		struct route r;
		assert_int_equal(
		    route_parse(span_of(routes[i].text), &r), routes[i].result);
		if (routes[i].result != E_OK)
			continue;
		assert_true(span_eqs(r.pattern, routes[i].pattern) &&
			    span_eqs(r.host, routes[i].host) &&
			    span_eqs(r.user, routes[i].user));
		assert_true(
		    span_eqs(r.from, strstr(routes[i].text, "from=") ? ".a.test" : ""));
		assert_int_equal(r.kind, routes[i].kind);
		assert_int_equal(r.tls, routes[i].tls);
		assert_int_equal(r.is_lmtp, routes[i].is_lmtp);
		assert_int_equal(r.port, routes[i].port);
		assert_int_equal(
		    r.has_no_policies, strstr(routes[i].text, "policies=no") != NULL);
	}
}

static const struct {
	const char *text;
	int result;
	const char *v4, *v6, *name;
} sources[] = {
    {"a.test=192.0.2.1", E_OK, "192.0.2.1", "", ""},
    {"a.test=2001:db8::1,192.0.2.1 name=mail.a.test", E_OK, "192.0.2.1", "2001:db8::1",
	"mail.a.test"},
    {"*= name=mail.a.test", E_OK, "", "", "mail.a.test"},
    {"a.test=", E_BAD, "", "", ""},
    {"=192.0.2.1", E_BAD, "", "", ""},
    {"a b=192.0.2.1", E_BAD, "", "", ""},
    {"a.test=192.0.2.1,192.0.2.2", E_BAD, "", "", ""},
    {"a.test=192.0.2.256", E_BAD, "", "", ""},
    {"a.test=host.test", E_BAD, "", "", ""},
    {"a.test=192.0.2.1 name=", E_BAD, "", "", ""},
    {"a.test=192.0.2.1 name=a b", E_BAD, "", "", ""},
    {"a.test=192.0.2.1 odd", E_BAD, "", "", ""},
    {"a.test", E_BAD, "", "", ""},
    {"", E_BAD, "", "", ""},
};

static void
test_sources(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(sources); i++) {
		struct source s;
		assert_int_equal(
		    source_parse(span_of(sources[i].text), &s), sources[i].result);
		if (sources[i].result == E_OK)
			assert_true(span_eqs(s.v4, sources[i].v4) &&
				    span_eqs(s.v6, sources[i].v6) &&
				    span_eqs(s.name, sources[i].name));
	}
}

/* From what says most to what says least. */
static void
test_which_route_fits(void **state)
{
	static const char *const patterns[] = {
	    "u@sub.a.test", "sub.a.test", ".sub.a.test", ".a.test", "*"};
	unsigned before = ~0u;
	(void)state;
	for (size_t i = 0; i < COUNT(patterns); i++) {
		struct span address =
		    i == 2 ? SPAN("u@x.sub.a.test") : SPAN("u@sub.a.test");
		unsigned fits = route_fits(span_of(patterns[i]), address);
		assert_true(fits > 0 && fits < before);
		before = fits;
	}
	assert_int_equal(route_fits(SPAN(".a.test"), SPAN("u@a.test")), 0);
	assert_int_equal(route_fits(SPAN("a.test"), SPAN("u@sub.a.test")), 0);
	assert_int_equal(route_fits(SPAN(".a.test"), SPAN("u@ba.test")), 0);
	assert_int_equal(route_fits(SPAN("v@a.test"), SPAN("u@a.test")), 0);
	assert_true(route_fits(SPAN("A.TEST"), SPAN("u@a.test")) > 0);
}

#define BUECHER                                                                        \
	"b\xc3\xbc"                                                                    \
	"cher.test"
#define KAETHE "k\xc3\xa4the@a.test"

static const struct {
	const char *sender, *rcpts[3];
	int result;
	const char *want[4]; /* sender, recipients */
} orders[] = {
    {"a@b.test", {"c@d.test"}, E_OK, {"a@b.test", "c@d.test"}},
    {"", {"c@" BUECHER, "d@x.test", "e@" BUECHER}, E_OK,
	{"", "c@xn--bcher-kva.test", "d@x.test", "e@xn--bcher-kva.test"}},
    {"a@" BUECHER, {"c@d.test"}, E_OK, {"a@xn--bcher-kva.test", "c@d.test"}},
    /* all or none */
    {"a@" BUECHER, {"c@" BUECHER, KAETHE}, E_BAD, {"a@" BUECHER, "c@" BUECHER, KAETHE}},
    {KAETHE, {"c@" BUECHER}, E_BAD, {KAETHE, "c@" BUECHER}},
    {"a@\xe2\x99\xa5.test", {"c@d.test"}, E_BAD, {"a@\xe2\x99\xa5.test", "c@d.test"}},
};

static void
test_orders_in_ascii(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(orders); i++) {
		struct order_rcpt rcpts[3] = {0};
		struct order o = {.sender = span_of(orders[i].sender), .rcpts = rcpts};
		struct buf room = {0};
		for (; o.n_rcpts < 3 && orders[i].rcpts[o.n_rcpts]; o.n_rcpts++)
			rcpts[o.n_rcpts].address = span_of(orders[i].rcpts[o.n_rcpts]);
		assert_int_equal(order_to_ascii(&o, &room), orders[i].result);
		assert_true(span_eqs(o.sender, orders[i].want[0]));
		for (uint16_t k = 0; k < o.n_rcpts; k++)
			assert_true(span_eqs(rcpts[k].address, orders[i].want[k + 1]));
		buf_free(&room);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_replies),
	    cmocka_unit_test(test_orders_in_ascii), cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_reasons), cmocka_unit_test(test_hellos),
	    cmocka_unit_test(test_routes), cmocka_unit_test(test_sources),
	    cmocka_unit_test(test_which_route_fits)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
