/* SPDX-License-Identifier: ISC */
/*
 * test_dsn.c - values of NOTIFY, RET, ENVID and ORCPT, and what a report or a server is told of
 * them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "spool/dsn.h"

#define X10 "xxxxxxxxxx"
#define X100 X10 X10 X10 X10 X10 X10 X10 X10 X10 X10

/* A copy that ends where it ends: a sanitizer sees a read past it. */
static struct span
exact(const char *text, char **own)
{
	size_t n = strlen(text);
	*own = mem_new(n ? n : 1);
	memcpy(*own, text, n);
	return (struct span){*own, n};
}

static const struct {
	const char *in;
	int result;
	const char *plain;
} xtexts[] = {
    {"", E_OK, ""},
    {"abc", E_OK, "abc"},
    {"a+2Bb+3Dc", E_OK, "a+b=c"},
    {"+20", E_OK, " "},
    {"~!", E_OK, "~!"},
    {"a+2bb", E_BAD, NULL}, /* lower case */
    {"a+2", E_BAD, NULL},
    {"a+", E_BAD, NULL},
    {"+", E_BAD, NULL},
    {"+G0", E_BAD, NULL},
    {"a=b", E_BAD, NULL},
    {"a b", E_BAD, NULL},
    {"\xc3\xbc", E_BAD, NULL},
    {"a\x7f", E_BAD, NULL},
};

static void
test_xtext(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(xtexts); i++) {
		struct buf out = {0};
		char *own;
		print_message("%s\n", xtexts[i].in);
		assert_int_equal(
		    xtext_decode(exact(xtexts[i].in, &own), &out), xtexts[i].result);
		if (xtexts[i].plain)
			assert_string_equal(buf_cstr(&out), xtexts[i].plain);
		buf_free(&out);
		mem_free(&own);
	}
}

static void
test_xtext_comes_back(void **state)
{
	struct buf all = {0}, coded = {0}, plain = {0};
	(void)state;
	for (int c = 0; c < 256; c++)
		buf_ch(&all, (char)c);
	xtext_put(&coded, buf_as_span(&all));
	assert_int_equal(xtext_decode(buf_as_span(&coded), &plain), E_OK);
	assert_true(span_eq(buf_as_span(&plain), buf_as_span(&all)));
	buf_free(&all);
	buf_free(&coded);
	buf_free(&plain);
}

static const struct {
	const char *in;
	int result, bits;
	const char *put;
} notifies[] = {
    {"NEVER", E_OK, NOTIFY_NEVER, "NEVER"},
    {"never", E_OK, NOTIFY_NEVER, "NEVER"},
    {"success", E_OK, NOTIFY_SUCCESS, "SUCCESS"},
    {"Delay,FAILURE,Success", E_OK, NOTIFY_SUCCESS | NOTIFY_FAILURE | NOTIFY_DELAY,
	"SUCCESS,FAILURE,DELAY"},
    {"FAILURE,FAILURE", E_OK, NOTIFY_FAILURE, "FAILURE"},
    {"FAILURE,,DELAY,", E_OK, NOTIFY_FAILURE | NOTIFY_DELAY, "FAILURE,DELAY"},
    {"", E_BAD, 0, NULL},
    {",", E_BAD, 0, NULL},
    {"NEVER,SUCCESS", E_BAD, 0, NULL},
    {"SUCCESS,NEVER", E_BAD, 0, NULL},
    {"ALWAYS", E_BAD, 0, NULL},
    {"SUCCESS FAILURE", E_BAD, 0, NULL},
    {"SUCCESSX", E_BAD, 0, NULL},
};

static void
test_notify(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(notifies); i++) {
		struct buf out = {0};
		uint8_t bits = 0;
		char *own;
		print_message("%s\n", notifies[i].in);
		assert_int_equal(notify_parse(exact(notifies[i].in, &own), &bits),
		    notifies[i].result);
		assert_int_equal(bits, notifies[i].bits);
		notify_put(&out, bits);
		if (notifies[i].put)
			assert_string_equal(buf_cstr(&out), notifies[i].put);
		buf_free(&out);
		mem_free(&own);
	}
}

static void
test_notify_means(void **state)
{
	(void)state;
	assert_true(notify_wants(0, NOTIFY_FAILURE) && notify_wants(0, NOTIFY_DELAY) &&
		    !notify_wants(0, NOTIFY_SUCCESS));
	assert_false(notify_wants(NOTIFY_NEVER, NOTIFY_FAILURE));
	assert_true(notify_wants(NOTIFY_SUCCESS, NOTIFY_SUCCESS) &&
		    !notify_wants(NOTIFY_SUCCESS, NOTIFY_FAILURE));
	assert_int_equal(notify_join(0, 0), 0);
	assert_int_equal(notify_join(NOTIFY_NEVER, NOTIFY_NEVER), NOTIFY_NEVER);
	assert_int_equal(notify_join(NOTIFY_NEVER, NOTIFY_SUCCESS), NOTIFY_SUCCESS);
	assert_int_equal(notify_join(0, NOTIFY_SUCCESS),
	    NOTIFY_SUCCESS | NOTIFY_FAILURE | NOTIFY_DELAY);
	assert_int_equal(notify_without_success(0), 0);
	assert_int_equal(notify_without_success(NOTIFY_SUCCESS), NOTIFY_NEVER);
	assert_int_equal(notify_without_success(NOTIFY_NEVER), NOTIFY_NEVER);
	assert_int_equal(
	    notify_without_success(NOTIFY_SUCCESS | NOTIFY_DELAY), NOTIFY_DELAY);
}

static void
test_ret(void **state)
{
	uint8_t ret = 9;
	(void)state;
	assert_int_equal(ret_parse(SPAN("full"), &ret), E_OK);
	assert_string_equal(ret_text(ret), "FULL");
	assert_int_equal(ret_parse(SPAN("HDRS"), &ret), E_OK);
	assert_string_equal(ret_text(ret), "HDRS");
	assert_int_equal(ret_parse(SPAN("BODY"), &ret), E_BAD);
	assert_int_equal(ret_parse(SPAN(""), &ret), E_BAD);
	assert_string_equal(ret_text(RET_NONE), "");
}

static const struct {
	const char *in;
	int result;
	const char *plain;
} envids[] = {
    {"QQ314159", E_OK, "QQ314159"},
    {"a+2Bb+20c", E_OK, "a+b c"},
    {X100, E_OK, X100},
    {X100 "x", E_BAD, ""},
    {"", E_BAD, ""},
    {"a+0D+0AX-Evil:+20y", E_BAD, ""},
    {"+E4", E_BAD, ""},
    {"a=b", E_BAD, ""},
};

static void
test_envid(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(envids); i++) {
		struct buf out = {0};
		char *own;
		struct span in = exact(envids[i].in, &own);
		print_message("%s\n", envids[i].in);
		assert_int_equal(envid_check(in), envids[i].result);
		envid_put(&out, in);
		assert_string_equal(buf_cstr(&out), envids[i].plain);
		buf_free(&out);
		mem_free(&own);
	}
}

static const struct {
	const char *in;
	int result, result_utf8;    /* without and with SMTPUTF8 */
	const char *field, *global; /* of a report; NULL: not looked at */
} orcpts[] = {
    {"rfc822;A.User@Example.org", E_OK, E_OK, "rfc822;A.User@Example.org",
	"rfc822;A.User@Example.org"},
    {"RFC822;a+2Btag@example.org", E_OK, E_OK, "RFC822;a+tag@example.org",
	"RFC822;a+tag@example.org"},
    {"x400;/C=de", E_BAD, E_BAD, NULL, NULL},
    {"x400;/C+3Dde", E_OK, E_OK, "x400;/C=de", "x400;/C=de"},
    {"rfc822;a;b", E_OK, E_OK, "rfc822;a;b", "rfc822;a;b"},
    {"rfc822;", E_BAD, E_BAD, NULL, NULL},
    {";a", E_BAD, E_BAD, NULL, NULL},
    {"rfc822", E_BAD, E_BAD, NULL, NULL},
    {"", E_BAD, E_BAD, NULL, NULL},
    {"r.f;a", E_BAD, E_BAD, NULL, NULL},
    {"rfc822;a+0Ab", E_BAD, E_BAD, "rfc822;a+0Ab", "rfc822;a+0Ab"},
    {"rfc822;a+b", E_BAD, E_BAD, NULL, NULL},
    {"rfc822;\xc3\xbc@x.test", E_BAD, E_BAD, NULL, NULL},
    {"utf-8;\\x{FC}@x.test", E_OK, E_OK, "utf-8;\\x{FC}@x.test",
	"utf-8;\xc3\xbc@x.test"},
    {"utf-8;\xc3\xbc@x.test", E_BAD, E_OK, "utf-8;\\x{FC}@x.test",
	"utf-8;\xc3\xbc@x.test"},
    {"UTF-8;a\\x{2B}b\\x{1F600}@x.test", E_OK, E_OK, "UTF-8;a\\x{2B}b\\x{1F600}@x.test",
	"UTF-8;a+b\xf0\x9f\x98\x80@x.test"},
    /* no address, and so as it is */
    {"utf-8;a\\x{0d}b", E_OK, E_OK, "utf-8;a\\x{0d}b", "utf-8;a\\x{0d}b"},
    {"utf-8;\\x{D800}", E_OK, E_OK, "utf-8;\\x{D800}", "utf-8;\\x{D800}"},
    {"utf-8;a+2Bb", E_OK, E_OK, "utf-8;a+2Bb", "utf-8;a+2Bb"},
    {"utf-8;\xc3@x.test", E_BAD, E_BAD, NULL, NULL},
    {"utf-8;a b", E_BAD, E_BAD, NULL, NULL},
    /* 500 */
    {"rfc822;" X100 X100 X100 X100 "xxxxxxxxxx" X10 X10 X10 X10 X10 X10 X10 X10 "xxx",
	E_OK, E_OK, NULL, NULL},
    {"rfc822;" X100 X100 X100 X100 "xxxxxxxxxx" X10 X10 X10 X10 X10 X10 X10 X10 "xxxx",
	E_BAD, E_BAD, NULL, NULL},
};

static void
test_orcpt(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(orcpts); i++) {
		struct buf out = {0};
		char *own;
		struct span in = exact(orcpts[i].in, &own);
		print_message("%s\n", orcpts[i].in);
		assert_int_equal(orcpt_check(in, false), orcpts[i].result);
		assert_int_equal(orcpt_check(in, true), orcpts[i].result_utf8);
		if (orcpts[i].field) {
			orcpt_put_field(&out, in, false);
			assert_string_equal(buf_cstr(&out), orcpts[i].field);
			buf_reset(&out);
			orcpt_put_field(&out, in, true);
			assert_string_equal(buf_cstr(&out), orcpts[i].global);
		}
		buf_free(&out);
		mem_free(&own);
	}
}

static const struct {
	const char *in;
	int result;
	const char *plain;
} unitexts[] = {
    {"a@x.test", E_OK, "a@x.test"},
    {"\\x{20}\\x{5C}\\x{3D}\\x{7F}", E_OK, " \\=\x7f"},
    {"\\x{fc}", E_OK, "\xc3\xbc"},
    {"\\x{20AC}", E_OK, "\xe2\x82\xac"},
    {"\\x{10FFFF}", E_OK, "\xf4\x8f\xbf\xbf"},
    {"\\x{110000}", E_BAD, NULL},
    {"\\x{DFFF}", E_BAD, NULL},
    {"\\x{00}", E_BAD, NULL},
    {"\\x{41}", E_BAD, NULL},  /* a letter stands for itself */
    {"\\x{0FC}", E_BAD, NULL}, /* more digits than it needs */
    {"\\x{}", E_BAD, NULL},
    {"\\x{FC", E_BAD, NULL},
    {"\\x{", E_BAD, NULL},
    {"\\X{FC}", E_BAD, NULL},
    {"a\\b", E_BAD, NULL},
    {"a+b", E_BAD, NULL},
    {"\xc3", E_BAD, NULL},
    {"", E_BAD, NULL},
};

static void
test_unitext(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(unitexts); i++) {
		struct buf out = {0};
		char *own;
		print_message("%s\n", unitexts[i].in);
		assert_int_equal(unitext_decode(exact(unitexts[i].in, &own), &out),
		    unitexts[i].result);
		if (unitexts[i].plain)
			assert_string_equal(buf_cstr(&out), unitexts[i].plain);
		buf_free(&out);
		mem_free(&own);
	}
}

static void
test_made_and_passed_on(void **state)
{
	struct buf out = {0};
	(void)state;
	orcpt_make(&out, SPAN("a+b@x.test"));
	assert_string_equal(buf_cstr(&out), "rfc822;a+2Bb@x.test");
	buf_reset(&out);
	orcpt_make(&out, SPAN("\xc3\xbc+b@x.test"));
	assert_string_equal(buf_cstr(&out), "utf-8;\\x{FC}\\x{2B}b@x.test");
	assert_int_equal(orcpt_check(buf_as_span(&out), false), E_OK);
	buf_reset(&out);
	orcpt_put(&out, SPAN("utf-8;\xc3\xbc\\x{2B}b@x.test"), false);
	assert_string_equal(buf_cstr(&out), "utf-8;\\x{FC}\\x{2B}b@x.test");
	buf_reset(&out);
	orcpt_put(&out, SPAN("utf-8;\xc3\xbc@x.test"), true);
	assert_string_equal(buf_cstr(&out), "utf-8;\xc3\xbc@x.test");
	buf_reset(&out);
	unitext_put(&out, SPAN("a\xff=b"));
	assert_string_equal(buf_cstr(&out), "a??b");
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_xtext),
	    cmocka_unit_test(test_xtext_comes_back),
	    cmocka_unit_test(test_notify),
	    cmocka_unit_test(test_notify_means),
	    cmocka_unit_test(test_ret),
	    cmocka_unit_test(test_envid),
	    cmocka_unit_test(test_orcpt),
	    cmocka_unit_test(test_unitext),
	    cmocka_unit_test(test_made_and_passed_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
