/* SPDX-License-Identifier: ISC */
/* test_mta_sts.c - records and policies of MTA-STS. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "net/mta_sts.h"

#define ID32 "0123456789abcdef0123456789ABCDEF"
#define NAME32 "a123456789_-.def0123456789ABCDEF"

static const struct {
	const char *records[3];
	const char *id; /* NULL: there is no policy */
} records[] = {
    {{"v=STSv1; id=20160831085700Z;"}, "20160831085700Z"},
    {{"v=STSv1;id=1"}, "1"},
    {{"v=STSv1 ; id=1 ; "}, "1"},
    {{"v=STSv1\t;\tid=1"}, "1"},
    {{"v=STSv1; id=" ID32}, ID32},
    {{"v=STSv1; id=" ID32 "0"}, NULL},
    {{"v=STSv1; x=y; id=1; z=w"}, "1"},
    {{"v=STSv1; id=1; id=2"}, "1"},
    {{"v=STSv1; " NAME32 "=!:<>~; id=1"}, "1"},
    {{"v=STSv1; " NAME32 "x=1; id=1"}, NULL},
    {{"v=STSv1; _x=1; id=1"}, NULL},
    {{"v=STSv1; x=; id=1"}, NULL},
    {{"v=STSv1; x=a=b; id=1"}, NULL},
    {{"v=STSv1; x=a b; id=1"}, NULL},
    {{"v=STSv1; x; id=1"}, NULL},
    {{"v=STSv1; id=1;;"}, NULL},
    {{"v=STSv1;; id=1"}, NULL},
    {{"v=STSv1; id="}, NULL},
    {{"v=STSv1; id=1-2"}, NULL},
    {{"v=STSv1; ID=1"}, NULL},
    {{"v=STSv1"}, NULL},
    {{"v=STSv1;"}, NULL},
    {{"V=STSv1; id=1"}, NULL},
    {{"v=stsv1; id=1"}, NULL},
    {{"v=STSv10; id=1"}, NULL},
    {{" v=STSv1; id=1"}, NULL},
    {{"id=1; v=STSv1"}, NULL},
    {{"v=STSv1; id=1", "v=STSv1; id=1"}, NULL},
    {{"v=STSv1; id=1", "v=STSv2; id=2", "hello"}, "1"},
    {{"v=spf1 -all"}, NULL},
    {{""}, NULL},
};

static void
test_records(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(records); i++) {
		struct dns_record txt[3];
		struct span id;
		size_t n = 0;
		for (; n < COUNT(txt) && records[i].records[n]; n++)
			txt[n] =
			    (struct dns_record){.data = span_of(records[i].records[n])};
		int err = mta_sts_record(txt, n, &id);
		if (err != (records[i].id ? E_OK : E_BAD) ||
		    (err == E_OK && !span_eqs(id, records[i].id)))
			fail_msg("%s: %d", records[i].records[0], err);
	}
	struct span id;
	assert_int_equal(mta_sts_record(NULL, 0, &id), E_BAD);
}

#define V "version: STSv1\n"
#define GOOD V "mode: enforce\nmax_age: 604800\n"

static const struct {
	const char *text;
	int result;
	enum mta_sts_mode mode;
	uint32_t max_age_sec;
	size_t n_mx;
} policies[] = {
    {GOOD "mx: mail.example.com\nmx: *.example.net\nmx: backupmx.example.com\n", E_OK,
	MTA_STS_ENFORCE, 604800, 3},
    {"version: STSv1\r\nmode: testing\r\nmx: a.test\r\nmax_age: 1\r\n", E_OK,
	MTA_STS_TESTING, 1, 1},
    {"mx:a.test\nmax_age:1\nmode:testing\nversion:STSv1", E_OK, MTA_STS_TESTING, 1, 1},
    {"version: \t STSv1 \t\nmode:\ttesting \nmx: a.test\t\nmax_age: 1  ", E_OK,
	MTA_STS_TESTING, 1, 1},
    {V "mode: none\nmax_age: 86400\n", E_OK, MTA_STS_NONE, 86400, 0},
    {V "mode: none\nmax_age: 86400\nmx: a.test\n", E_OK, MTA_STS_NONE, 86400, 1},
    {GOOD "mx: a.test\n\n \r\n\n", E_OK, MTA_STS_ENFORCE, 604800, 1},
    {GOOD "mx: a.test\nmode: none\nmax_age: x\nversion: STSv2\n", E_OK, MTA_STS_ENFORCE,
	604800, 1},
    {GOOD "mx: a.test\nx-y.z_1: any thing \xc3\xbc\n", E_OK, MTA_STS_ENFORCE, 604800,
	1},
    {V "mode: enforce\nmx: a.test\nmax_age: 31557600\n", E_OK, MTA_STS_ENFORCE,
	31557600, 1},
    {V "mode: enforce\nmx: a.test\nmax_age: 31557601\n", E_OK, MTA_STS_ENFORCE,
	31557600, 1},
    {V "mode: enforce\nmx: a.test\nmax_age: 9999999999\n", E_OK, MTA_STS_ENFORCE,
	31557600, 1},
    {V "mode: enforce\nmx: a.test\nmax_age: 00000000000\n", E_BAD, 0, 0, 0},
    {V "mode: enforce\nmx: a.test\nmax_age: -1\n", E_BAD, 0, 0, 0},
    {V "mode: enforce\nmx: a.test\nmax_age: 1 2\n", E_BAD, 0, 0, 0},
    {GOOD, E_BAD, 0, 0, 0},
    {"mode: enforce\nmax_age: 1\nmx: a.test\n", E_BAD, 0, 0, 0},
    {V "max_age: 1\nmx: a.test\n", E_BAD, 0, 0, 0},
    {V "mode: enforce\nmx: a.test\n", E_BAD, 0, 0, 0},
    {"version: STSv2\nmode: enforce\nmax_age: 1\nmx: a.test\n", E_BAD, 0, 0, 0},
    {"version: stsv1\nmode: enforce\nmax_age: 1\nmx: a.test\n", E_BAD, 0, 0, 0},
    {V "mode: Enforce\nmax_age: 1\nmx: a.test\n", E_BAD, 0, 0, 0},
    {V "Mode: enforce\nmax_age: 1\nmx: a.test\n", E_BAD, 0, 0, 0},
    {GOOD "mx: *\n", E_BAD, 0, 0, 0},
    {GOOD "mx: *.\n", E_BAD, 0, 0, 0},
    {GOOD "mx: a.*.test\n", E_BAD, 0, 0, 0},
    {GOOD "mx: *a.test\n", E_BAD, 0, 0, 0},
    {GOOD "mx: \n", E_BAD, 0, 0, 0},
    {GOOD "mx: a.test b.test\n", E_BAD, 0, 0, 0},
    {GOOD "mx: a.test\nhello\n", E_BAD, 0, 0, 0},
    {GOOD "mx: a.test\n: hello\n", E_BAD, 0, 0, 0},
    {GOOD "mx: a.test\nx y: hello\n", E_BAD, 0, 0, 0},
    {GOOD "mx: a.test\nx: \xff\n", E_BAD, 0, 0, 0},
    {GOOD "mx: a.test\nx: \x01\n", E_BAD, 0, 0, 0},
    {"<html><body>404</body></html>", E_BAD, 0, 0, 0},
    {"", E_BAD, 0, 0, 0},
};

static void
test_policies(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(policies); i++) {
		struct mta_sts_policy p;
		int err = mta_sts_policy_parse(span_of(policies[i].text), &p);
		if (err != policies[i].result ||
		    (err == E_OK && (p.mode != policies[i].mode ||
					p.max_age_sec != policies[i].max_age_sec ||
					p.n_mx != policies[i].n_mx)))
			fail_msg("%zu %s: %d", i, policies[i].text, err);
	}
}

static void
test_too_many_patterns(void **state)
{
	struct buf b = {0};
	struct mta_sts_policy p;
	(void)state;
	buf_str(&b, GOOD);
	for (int i = 0; i < MTA_STS_MX_MAX; i++)
		buf_putf(&b, "mx: mx%d.test\n", i);
	assert_int_equal(mta_sts_policy_parse(buf_as_span(&b), &p), E_OK);
	buf_str(&b, "mx: mx.test\n");
	assert_int_equal(mta_sts_policy_parse(buf_as_span(&b), &p), E_LIMIT);
	buf_free(&b);
}

static void
test_matches(void **state)
{
	static const struct {
		const char *host;
		bool matches;
	} hosts[] = {{"mail.example.com", true}, {"MAIL.Example.COM", true},
	    {"mail.example.com.", true}, {"a.example.net", true},
	    {"A.EXAMPLE.NET.", true}, {"example.net", false},
	    {"a.b.example.net", false}, {"example.com", false},
	    {"xmail.example.com", false}, {".example.net", false}, {"net", false},
	    {"", false}, {"dot.test", true}};
	struct mta_sts_policy p;
	(void)state;
	assert_int_equal(
	    mta_sts_policy_parse(
		SPAN(GOOD "mx: mail.example.com\nmx: *.Example.net\nmx: dot.test.\n"),
		&p),
	    E_OK);
	for (size_t i = 0; i < COUNT(hosts); i++)
		if (mta_sts_matches(&p, span_of(hosts[i].host)) != hosts[i].matches)
			fail_msg("%s", hosts[i].host);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_records),
	    cmocka_unit_test(test_policies),
	    cmocka_unit_test(test_too_many_patterns),
	    cmocka_unit_test(test_matches),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
