/* SPDX-License-Identifier: ISC */
/* test_smtp_path.c - paths, parameters, and the argument of EHLO. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "smtpd/path.h"
#include "spool/dsn.h"

#define D63 "ddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
#define L64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
	const char *in;
	int result;
	const char *address, *rest;
} paths[] = {
    {"<>", E_OK, "", ""},
    {"<> SIZE=3", E_OK, "", " SIZE=3"},
    {"<u1@example.test>", E_OK, "u1@example.test", ""},
    {"<u1@example.test> BODY=7BIT", E_OK, "u1@example.test", " BODY=7BIT"},
    {"<Postmaster>", E_OK, "Postmaster", ""},
    {"<@a.test,@b.test:u1@example.test>", E_OK, "u1@example.test", ""},
    {"<@[127.0.0.1]:u1@example.test>", E_OK, "u1@example.test", ""},
    {"<@a.test u1@example.test>", E_BAD, NULL, NULL},
    {"<@a.test:>", E_BAD, NULL, NULL},
    {"<@:u1@example.test>", E_BAD, NULL, NULL},
    {"<\"u1\"@example.test>", E_OK, "u1@example.test", ""},
    {"<\"u 1\"@example.test>", E_OK, "\"u 1\"@example.test", ""},
    {"<\"a\\\"b>@\"@example.test>", E_OK, "\"a\\\"b>@\"@example.test", ""},
    {"<\"\"@example.test>", E_OK, "\"\"@example.test", ""},
    {"<\"u1@example.test>", E_BAD, NULL, NULL},
    {"<\"a\\", E_BAD, NULL, NULL},
    {"<\"a\rb\"@example.test>", E_BAD, NULL, NULL},
    {"<a.b+c@example.test>", E_OK, "a.b+c@example.test", ""},
    {"<.a@example.test>", E_BAD, NULL, NULL},
    {"<a.@example.test>", E_BAD, NULL, NULL},
    {"<a..b@example.test>", E_BAD, NULL, NULL},
    {"<a b@example.test>", E_BAD, NULL, NULL},
    {"<a@>", E_BAD, NULL, NULL},
    {"<@>", E_BAD, NULL, NULL},
    {"<a@b@c>", E_BAD, NULL, NULL},
    {"<a@-b.test>", E_BAD, NULL, NULL},
    {"<a@b-.test>", E_BAD, NULL, NULL},
    {"<a@b..test>", E_BAD, NULL, NULL},
    {"<a@b.test.>", E_BAD, NULL, NULL},
    {"<a@[127.0.0.1]>", E_OK, "a@[127.0.0.1]", ""},
    {"<a@[IPv6:::1]>", E_OK, "a@[IPv6:::1]", ""},
    {"<a@[127.0.0.256]>", E_BAD, NULL, NULL},
    {"<a@[127.0.0.1>", E_BAD, NULL, NULL},
    {"<a@[]>", E_BAD, NULL, NULL},
    /* source routes: taken, and not used */
    {"<@a.test,@[IPv6:::1],@xn--bcher-kva.test:\"u\\1\"@example.test> X", E_OK,
	"u1@example.test", " X"},
    {"<@a.test,:u1@example.test>", E_BAD, NULL, NULL},
    {"<@a.test,b.test:u1@example.test>", E_BAD, NULL, NULL},
    {"<@a.test:@b.test:u1@example.test>", E_BAD, NULL, NULL},
    {"<@a.test:>", E_BAD, NULL, NULL},
    /* quoted local parts: one form for all that is the same mailbox */
    {"<\"u\\1\"@example.test>", E_OK, "u1@example.test", ""},
    {"<\"a.b\"@example.test>", E_OK, "a.b@example.test", ""},
    {"<\"a\\.b\"@example.test>", E_OK, "a.b@example.test", ""},
    {"<\"a..b\"@example.test>", E_OK, "\"a..b\"@example.test", ""},
    {"<\".a\"@example.test>", E_OK, "\".a\"@example.test", ""},
    {"<\"a\\@b\"@example.test>", E_OK, "\"a@b\"@example.test", ""},
    {"<\"a\\ b\\\\c\"@example.test>", E_OK, "\"a b\\\\c\"@example.test", ""},
    {"<\"\\\"\"@example.test>", E_OK, "\"\\\"\"@example.test", ""},
    {"<\"\\\xc3\xbc\"@example.test>", E_BAD, NULL, NULL},
    {"<\"a\tb\"@example.test>", E_BAD, NULL, NULL},
    {"<\"a\x7f\"@example.test>", E_BAD, NULL, NULL},
    {"<\"a\"b@example.test>", E_BAD, NULL, NULL},
    {"<\"a\".b@example.test>", E_BAD, NULL, NULL},
    /* address literals, RFC 5321 4.1.3 */
    {"<a@[127.000.0.01]>", E_OK, "a@[127.000.0.01]", ""},
    {"<a@[127.0.0.0001]>", E_BAD, NULL, NULL},
    {"<a@[127.0.0]>", E_BAD, NULL, NULL},
    {"<a@[127.0.0.1.]>", E_BAD, NULL, NULL},
    {"<a@[ipv6:2001:db8::192.0.2.1]>", E_OK, "a@[ipv6:2001:db8::192.0.2.1]", ""},
    {"<a@[IPv6:2001:db8:1:2:3:4:5:6]>", E_OK, "a@[IPv6:2001:db8:1:2:3:4:5:6]", ""},
    {"<a@[IPv6:1::2::3]>", E_BAD, NULL, NULL},
    {"<a@[IPv6:::1%eth0]>", E_BAD, NULL, NULL},
    {"<a@[IPv6:]>", E_BAD, NULL, NULL},
    {"<a@[2001:db8::1]>", E_OK, "a@[2001:db8::1]", ""}, /* a tag like another */
    {"<a@[x-tag:any!thing]>", E_OK, "a@[x-tag:any!thing]", ""},
    {"<a@[tag-:x]>", E_BAD, NULL, NULL},
    {"<a@[t_g:x]>", E_BAD, NULL, NULL},
    {"<a@[tag:]>", E_BAD, NULL, NULL},
    {"<a@[tag:a b]>", E_BAD, NULL, NULL},
    {"<a@[tag:a[b]>", E_BAD, NULL, NULL},
    {"<a@[tag:a\\b]>", E_BAD, NULL, NULL},
    {"<a@[127.0.0.1]x>", E_BAD, NULL, NULL},
    /* SMTPUTF8: U-labels that have A-labels */
    {"<a@b\xc3\xbc"
     "cher.test>",
	E_OK,
	"a@b\xc3\xbc"
	"cher.test",
	""},
    {"<a@xn--bcher-kva.test>", E_OK, "a@xn--bcher-kva.test", ""},
    {"<a@\xe2\x80\xae.test>", E_BAD, NULL, NULL}, /* a mark of direction */
    {"<a@\xcc\x88x.test>", E_BAD, NULL, NULL},    /* begins with a combining one */
    {"<\"\xc3\xbc\"@example.test>", E_OK, "\xc3\xbc@example.test", ""},
    /* lengths, RFC 5321 4.5.3.1 */
    {"<a@" D63 ".test>", E_OK, "a@" D63 ".test", ""},
    {"<a@" D63 "d.test>", E_BAD, NULL, NULL},
    {"<a@" D63 "." D63 "." D63
     ".dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd>",
	E_OK, NULL, ""},
    {"<ab@" D63 "." D63 "." D63
     ".dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd>",
	E_LIMIT, NULL, NULL},
    {"<\"" L64 "\"@example.test>", E_OK, L64 "@example.test", ""},
    {"<\"" L64 " \"@example.test>", E_LIMIT, NULL, NULL},
    {"<\xc3\xbc@\xc3\xbc.test>", E_OK, "\xc3\xbc@\xc3\xbc.test", ""},
    {"<\xc3@example.test>", E_BAD, NULL, NULL},
    {"<" L64 "@example.test>", E_OK, L64 "@example.test", ""},
    {"<" L64 "a@example.test>", E_LIMIT, NULL, NULL},
    {"<a@" L64 L64 L64 L64 ">", E_BAD, NULL, NULL},
    {"u1@example.test", E_BAD, NULL, NULL},
    {"<u1@example.test", E_BAD, NULL, NULL},
    {"", E_BAD, NULL, NULL},
};

/* What is stored stands for itself. */
static void
assert_one_form(const struct buf *address)
{
	struct buf path = {0}, again = {0};
	struct path p;
	buf_putf(&path, "<%.*s>", (int)address->len, address->len ? address->p : "");
	struct span in = buf_as_span(&path);
	assert_int_equal(path_parse(&in, &p), E_OK);
	path_put(&again, &p);
	assert_true(span_eq(buf_as_span(&again), buf_as_span(address)));
	buf_free(&path);
	buf_free(&again);
}

static void
test_paths(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(paths); i++) {
		struct span in = span_of(paths[i].in), before = in;
		struct path p;
		struct buf text = {0};
		print_message("%s\n", paths[i].in);
		assert_int_equal(path_parse(&in, &p), paths[i].result);
		if (paths[i].result != E_OK) {
			assert_true(in.p == before.p && in.n == before.n);
			continue;
		}
		path_put(&text, &p);
		if (paths[i].address)
			assert_string_equal(buf_cstr(&text), paths[i].address);
		assert_true(span_eqs(in, paths[i].rest));
		assert_one_form(&text);
		buf_free(&text);
	}
}

/* Every shorter beginning is refused or, up to its '>', the same: nothing is read past the end. */
static void
test_path_heads(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(paths); i++)
		for (size_t n = 0; n < strlen(paths[i].in); n++) {
			char *copy =
			    mem_new(n + 1); /* so that a sanitizer sees a read past n */
			memcpy(copy, paths[i].in, n);
			struct span in = {copy, n};
			struct path p;
			int err = path_parse(&in, &p);
			assert_true(err != E_OK || paths[i].result == E_OK);
			mem_free(&copy);
		}
}

static void
test_path_flags(void **state)
{
	struct span in = SPAN("<>");
	struct path p;
	(void)state;
	assert_int_equal(path_parse(&in, &p), E_OK);
	assert_true(p.is_null && !p.has_utf8);
	in = SPAN("<\xc3\xbc@example.test>");
	assert_int_equal(path_parse(&in, &p), E_OK);
	assert_true(!p.is_null && p.has_utf8);
}

static const struct {
	const char *in;
	int result;
	uint64_t size_bytes;
	bool has_8bitmime, has_smtputf8;
} mails[] = {
    {"", E_OK, 0, false, false},
    {"  ", E_OK, 0, false, false},
    {" SIZE=1000", E_OK, 1000, false, false},
    {" size=7 body=8bitmime", E_OK, 7, true, false},
    {" BODY=7BIT SMTPUTF8", E_OK, 0, false, true},
    {" SIZE=99999999999999999999", E_OK, UINT64_MAX, false, false},
    {" AUTH=<>", E_OK, 0, false, false},
    {" SIZE=", E_BAD, 0, false, false},
    {" SIZE", E_BAD, 0, false, false},
    {" SIZE=x", E_BAD, 0, false, false},
    {" SIZE=1 SIZE=2", E_BAD, 0, false, false},
    {" SMTPUTF8=1", E_BAD, 0, false, false},
    {"SIZE=1", E_BAD, 0, false, false},
    {" =1", E_BAD, 0, false, false},
    {" SIZE=1=2", E_BAD, 0, false, false},
    {" BODY=BINARYMIME", E_OK, 0, true, false},
    {" BODY=BINARY", E_DENY, 0, false, false},
    {" HOLDFOR=60", E_OK, 0, false, false},
    {" holdfor=999999999 SIZE=1", E_OK, 1, false, false},
    {" HOLDFOR=0", E_BAD, 0, false, false},
    {" HOLDFOR=060", E_BAD, 0, false, false},
    {" HOLDFOR=1000000000", E_BAD, 0, false, false},
    {" HOLDFOR=-1", E_BAD, 0, false, false},
    {" HOLDFOR", E_BAD, 0, false, false},
    {" HOLDUNTIL=2030-01-31T12:00:00Z", E_OK, 0, false, false},
    {" HOLDUNTIL=2030-01-31T12:00:00.25+01:30", E_OK, 0, false, false},
    {" HOLDUNTIL=2030-02-31T12:00:00Z", E_BAD, 0, false, false},
    {" HOLDUNTIL=2030-01-31T24:00:00Z", E_BAD, 0, false, false},
    {" HOLDUNTIL=2030-01-31T12:00:00", E_BAD, 0, false, false},
    {" HOLDUNTIL=2030-01-31", E_BAD, 0, false, false},
    {" HOLDUNTIL=1969-12-31T23:59:59Z", E_BAD, 0, false, false},
    {" HOLDFOR=60 HOLDUNTIL=2030-01-31T12:00:00Z", E_BAD, 0, false, false},
    {" HOLDUNTIL=2030-01-31T12:00:00Z HOLDFOR=60", E_BAD, 0, false, false},
    {" HOLDFOR=60 HOLDFOR=60", E_BAD, 0, false, false},
    {" CONNEG", E_DENY, 0, false, false},
    {" requiretls SIZE=3", E_OK, 3, false, false},
    {" REQUIRETLS=yes", E_BAD, 0, false, false},
    {" REQUIRETLS REQUIRETLS", E_BAD, 0, false, false},
    {" RET=HDRS SIZE=2 ENVID=QQ+2B1", E_OK, 2, false, false},
    {" RET=", E_BAD, 0, false, false},
    {" RET", E_BAD, 0, false, false},
    {" RET=BODY", E_BAD, 0, false, false},
    {" RET=FULL RET=FULL", E_BAD, 0, false, false},
    {" ENVID", E_BAD, 0, false, false},
    {" ENVID=a+2b", E_BAD, 0, false, false},
    {" ENVID=a ENVID=a", E_BAD, 0, false, false},
};

static void
test_mail_params(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(mails); i++) {
		struct mail_params m;
		print_message("%s\n", mails[i].in);
		assert_int_equal(
		    mail_params_parse(span_of(mails[i].in), &m), mails[i].result);
		if (mails[i].result != E_OK)
			continue;
		assert_true(m.size_bytes == mails[i].size_bytes);
		assert_int_equal(m.has_8bitmime, mails[i].has_8bitmime);
		assert_int_equal(m.has_smtputf8, mails[i].has_smtputf8);
	}
}

static void
test_holds(void **state)
{
	static const struct {
		const char *in;
		int64_t sec;
	} moments[] = {
	    {" HOLDUNTIL=1970-01-01T00:00:01Z", 1},
	    {" HOLDUNTIL=2030-01-31T12:00:00Z", 1896091200},
	    {" HOLDUNTIL=2030-01-31t13:30:00+01:30", 1896091200},
	    {" HOLDUNTIL=2030-01-31T10:30:00.999-01:30", 1896091200},
	    {" HOLDUNTIL=2028-02-29T00:00:00Z", 1835395200},
	};
	struct mail_params m;
	(void)state;
	for (size_t i = 0; i < COUNT(moments); i++) {
		assert_int_equal(mail_params_parse(span_of(moments[i].in), &m), E_OK);
		assert_int_equal(m.hold_until_sec, moments[i].sec);
	}
	assert_int_equal(mail_params_parse(SPAN(" HOLDFOR=86400"), &m), E_OK);
	assert_int_equal(m.hold_for_sec, 86400);
}

static void
test_mail_asks(void **state)
{
	struct mail_params m;
	(void)state;
	assert_int_equal(mail_params_parse(SPAN(" envid=QQ+2B1 ret=full"), &m), E_OK);
	assert_int_equal(m.ret, RET_FULL);
	assert_true(span_eqs(m.envid, "QQ+2B1"));
	assert_int_equal(mail_params_parse(SPAN(" RET=HDRS"), &m), E_OK);
	assert_int_equal(m.ret, RET_HDRS);
	assert_int_equal(m.envid.n, 0);
}

static const struct {
	const char *in;
	bool has_smtputf8;
	int result, notify;
	const char *orcpt;
} rcpts[] = {
    {"", false, E_OK, 0, ""},
    {" ", false, E_OK, 0, ""},
    {" NOTIFY=NEVER", false, E_OK, NOTIFY_NEVER, ""},
    {" notify=success,delay orcpt=rfc822;A@x.test", false, E_OK,
	NOTIFY_SUCCESS | NOTIFY_DELAY, "rfc822;A@x.test"},
    {" ORCPT=utf-8;\\x{FC}@x.test", false, E_OK, 0, "utf-8;\\x{FC}@x.test"},
    {" ORCPT=utf-8;\xc3\xbc@x.test", true, E_OK, 0, "utf-8;\xc3\xbc@x.test"},
    {" ORCPT=utf-8;\xc3\xbc@x.test", false, E_BAD, 0, NULL},
    {" NOTIFY=NEVER,SUCCESS", false, E_BAD, 0, NULL},
    {" NOTIFY=NEVER NOTIFY=NEVER", false, E_BAD, 0, NULL},
    {" NOTIFY=", false, E_BAD, 0, NULL},
    {" NOTIFY", false, E_BAD, 0, NULL},
    {" ORCPT=rfc822;a ORCPT=rfc822;a", false, E_BAD, 0, NULL},
    {" ORCPT=a@x.test", false, E_BAD, 0, NULL},
    {" ORCPT", false, E_BAD, 0, NULL},
    {" RRVS=x", false, E_DENY, 0, NULL},
    {"x", false, E_BAD, 0, NULL},
};

static void
test_rcpt_params(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rcpts); i++) {
		struct rcpt_params p;
		print_message("%s\n", rcpts[i].in);
		assert_int_equal(
		    rcpt_params_parse(span_of(rcpts[i].in), rcpts[i].has_smtputf8, &p),
		    rcpts[i].result);
		if (rcpts[i].result != E_OK)
			continue;
		assert_int_equal(p.notify, rcpts[i].notify);
		assert_true(span_eqs(p.orcpt, rcpts[i].orcpt));
	}
}

static void
test_helo(void **state)
{
	(void)state;
	assert_int_equal(helo_parse(SPAN("client.test")), E_OK);
	assert_int_equal(helo_parse(SPAN("my_pc")), E_OK);
	assert_int_equal(helo_parse(SPAN("[127.0.0.1]")), E_OK);
	assert_int_equal(helo_parse(SPAN("[IPv6:::1]")), E_OK);
	assert_int_equal(helo_parse(SPAN("")), E_BAD);
	assert_int_equal(helo_parse(SPAN("a b")), E_BAD);
	assert_int_equal(helo_parse(SPAN("a)")), E_BAD);
	assert_int_equal(helo_parse(SPAN("a;b")), E_BAD);
	assert_int_equal(helo_parse(SPAN("a\0b")), E_BAD);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_paths),
	    cmocka_unit_test(test_path_heads),
	    cmocka_unit_test(test_path_flags),
	    cmocka_unit_test(test_mail_params),
	    cmocka_unit_test(test_mail_asks),
	    cmocka_unit_test(test_holds),
	    cmocka_unit_test(test_rcpt_params),
	    cmocka_unit_test(test_helo),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
