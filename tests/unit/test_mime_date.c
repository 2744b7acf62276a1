/* SPDX-License-Identifier: ISC */
/* test_mime_date.c - dates of messages in every form that mail has, and dates of IMAP. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "mime/date.h"

struct row {
	const char *value;
	int err;
	int64_t unix_sec;
	int zone_min;
	int32_t day;
};

/* clang-format off */
static const struct row rows[] = {
	/* RFC 5322 A */
	{"Fri, 21 Nov 1997 09:55:06 -0600",               E_OK,  880127706, -360, 10186},
	{" Tue, 1 Jul 2003 10:52:37 +0200\r\n",           E_OK, 1057049557,  120, 12234},
	{"Thu, 13 Feb 1969 23:32:54 -0330",               E_OK,  -27723426, -210,  -322},
	{"Thu,\r\n      13\r\n        Feb\r\n          1969\r\n      23:32\r\n               -0330 (Newfoundland Time)",
	                                                  E_OK,  -27723480, -210,  -322},
	{"21 Nov 97 09:55:06 GMT",                        E_OK,  880106106,    0, 10186},
	{"Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", E_OK, 880127706, -360, 10186},
	/* years */
	{"1 Jan 1970 00:00:00 +0000",                     E_OK,          0,    0,     0},
	{"31 Dec 1969 23:59:59 +0000",                    E_OK,         -1,    0,    -1},
	{"1 Jan 49 00:00:00 +0000",                       E_OK, 2493072000,    0, 28855},
	{"1 Jan 50 00:00:00 +0000",                       E_OK, -631152000,    0, -7305},
	{"1 Jan 100 00:00:00 +0000",                      E_OK,  946684800,    0, 10957},
	{"29 Feb 2000 12:00:00 +0000",                    E_OK,  951825600,    0, 11016},
	{"29 Feb 1900 12:00:00 +0000",                    E_BAD, 0, 0, 0},
	{"29 Feb 2023 12:00:00 +0000",                    E_BAD, 0, 0, 0},
	{"31 Dec 9999 23:59:59 +0000",                    E_OK, 253402300799, 0, 2932896},
	{"1 Jan 10000 00:00:00 +0000",                    E_BAD, 0, 0, 0},
	/* zones */
	{"1 Jan 2000 00:00:00 EST",                       E_OK,  946702800, -300, 10957},
	{"1 Jan 2000 00:00:00 PDT",                       E_OK,  946710000, -420, 10957},
	{"1 Jan 2000 00:00:00 cet",                       E_OK,  946681200,   60, 10957},
	{"1 Jan 2000 00:00:00 Z",                         E_OK,  946684800,    0, 10957},
	{"1 Jan 2000 00:00:00 A",                         E_OK,  946684800,    0, 10957},
	{"1 Jan 2000 00:00:00 +01:30",                    E_OK,  946679400,   90, 10957},
	{"1 Jan 2000 00:00:00 +02",                       E_OK,  946677600,  120, 10957},
	{"1 Jan 2000 00:00:00 GMT+0100",                  E_OK,  946681200,   60, 10957},
	{"1 Jan 2000 00:00:00 +0100 (EST)",               E_OK,  946681200,   60, 10957},
	{"1 Jan 2000 00:00:00 +0100 EST",                 E_OK,  946681200,   60, 10957},
	{"1 Jan 2000 00:00:00 +9999",                     E_OK,  946684800,    0, 10957},
	{"1 Jan 2000 00:00:00 +0060",                     E_OK,  946684800,    0, 10957},
	{"1 Jan 2000 23:00:00 -0500",                     E_OK,  946785600, -300, 10957},   /* the local day */
	{"1 Jan 2000 00:00:00",                           E_OK,  946684800,    0, 10957},
	/* times */
	{"1 Jan 2000 12:30 +0000",                        E_OK,  946729800,    0, 10957},
	{"1 Jan 2000 1:02:03 +0000",                      E_OK,  946688523,    0, 10957},
	{"1 Jan 2000 12:30:15.123 +0000",                 E_OK,  946729815,    0, 10957},
	{"1 Jan 2000 12.30.15 +0000",                     E_OK,  946729815,    0, 10957},
	{"1 Jan 2000 23:59:60 +0000",                     E_OK,  946771200,    0, 10957},
	{"1 Jan 2000 03:04:05 PM",                        E_OK,  946739045,    0, 10957},
	{"1 Jan 2000 12:04:05 AM",                        E_OK,  946685045,    0, 10957},
	{"1 Jan 2000 25:00:00 +0000",                     E_OK,  946684800,    0, 10957},   /* RFC 5256 2.2: midnight */
	{"1 Jan 2000",                                    E_OK,  946684800,    0, 10957},
	/* other orders */
	{"Sat Jan  1 00:00:00 2000",                      E_OK,  946684800,    0, 10957},
	{"Sat Jan  1 00:00:00 EST 2000",                  E_OK,  946702800, -300, 10957},
	{"Saturday, January 1, 2000 00:00:00 +0100",      E_OK,  946681200,   60, 10957},
	{"1-Jan-2000 00:00:00 +0100",                     E_OK,  946681200,   60, 10957},
	{"1-Jan-00 00:00:00 -0100",                       E_OK,  946688400,  -60, 10957},
	{"2000-01-01T00:00:00+01:00",                     E_OK,  946681200,   60, 10957},
	{"2000-01-01 00:00:00Z",                          E_OK,  946684800,    0, 10957},
	{"2000-01-01",                                    E_OK,  946684800,    0, 10957},
	{"(x) Sat, 01 Jan 2000 00:00:00 +0000",           E_OK,  946684800,    0, 10957},
	{"Sat,01 Jan 2000 00:00:00 +0000",                E_OK,  946684800,    0, 10957},
	{"Sat, 01 JANUARY 2000 00:00:00 +0000",           E_OK,  946684800,    0, 10957},
	/* none */
	{"",                                              E_BAD, 0, 0, 0},
	{"yesterday",                                     E_BAD, 0, 0, 0},
	{"12:00:00 +0000",                                E_BAD, 0, 0, 0},
	{"32 Jan 2000",                                   E_BAD, 0, 0, 0},
	{"0 Jan 2000",                                    E_BAD, 0, 0, 0},
	{"1 Foo 2000",                                    E_BAD, 0, 0, 0},
	{"2000-13-01",                                    E_BAD, 0, 0, 0},
	{"1 Jan",                                         E_BAD, 0, 0, 0},
	{"1 Jan 2000000000000000000000 00:00:00",         E_BAD, 0, 0, 0},
};

/* clang-format on */

static void
test_rows(void **st)
{
	(void)st;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct date d = {0};
		size_t n = strlen(rows[i].value);
		char *value = malloc(n ? n : 1); /* no byte past its end */
		assert_non_null(value);
		memcpy(value, rows[i].value, n);
		int err = date_parse(span_make(value, n), &d);
		if (err != rows[i].err)
			fail_msg("%s: %s", rows[i].value, err_name(err));
		if (err == E_OK &&
		    (d.unix_sec != rows[i].unix_sec || d.zone_min != rows[i].zone_min ||
			d.day != rows[i].day))
			fail_msg("%s: %lld %d %d", rows[i].value, (long long)d.unix_sec,
			    d.zone_min, d.day);
		free(value);
	}
}

static void
test_imap(void **st)
{
	(void)st;
	static const struct row imap[] = {
	    {"17-Jul-1996 02:44:25 -0700", E_OK, 837596665, -420, 9694},
	    {" 7-Jul-1996 02:44:25 +0000", E_OK, 836707465, 0, 9684},
	    {"07-Jul-1996 02:44:25 +0000", E_OK, 836707465, 0, 9684},
	    {"01-jan-1970 00:00:00 +0000", E_OK, 0, 0, 0},
	    {"7-Jul-1996 02:44:25 +0000", E_BAD, 0, 0, 0},
	    {"17-Jul-96 02:44:25 +0000", E_BAD, 0, 0, 0},
	    {"17-Jul-1996 2:44:25 +0000", E_BAD, 0, 0, 0},
	    {"17-Jul-1996 24:44:25 +0000", E_BAD, 0, 0, 0},
	    {"17-Jul-1996 02:44:25", E_BAD, 0, 0, 0},
	    {"17-Jul-1996 02:44:25 +000", E_BAD, 0, 0, 0},
	    {"17-Jul-1996 02:44:25 +0060", E_BAD, 0, 0, 0},
	    {"17-Jul-1996 02:44:25 +0000 ", E_BAD, 0, 0, 0},
	    {"31-Feb-1996 02:44:25 +0000", E_BAD, 0, 0, 0},
	    {"17-Xul-1996 02:44:25 +0000", E_BAD, 0, 0, 0},
	    {"", E_BAD, 0, 0, 0},
	    {" ", E_BAD, 0, 0, 0},
	    {"17-", E_BAD, 0, 0, 0},
	};
	for (size_t i = 0; i < COUNT(imap); i++) {
		struct date d = {0};
		if (date_imap_parse(span_of(imap[i].value), &d) != imap[i].err)
			fail_msg("%s", imap[i].value);
		if (imap[i].err == E_OK &&
		    (d.unix_sec != imap[i].unix_sec || d.zone_min != imap[i].zone_min ||
			d.day != imap[i].day))
			fail_msg("%s: %lld %d %d", imap[i].value, (long long)d.unix_sec,
			    d.zone_min, d.day);
	}
}

static void
test_imap_day(void **st)
{
	(void)st;

	static const struct {
		const char *value;
		int err, day;
	} days[] = {{"1-Feb-1994", E_OK, 8797}, {"01-feb-1994", E_OK, 8797},
	    {"31-Dec-1969", E_OK, -1}, {"29-Feb-2024", E_OK, 19782},
	    {"29-Feb-2023", E_BAD, 0}, {"1-Feb-94", E_BAD, 0},
	    {"1-Feb-1994 ", E_BAD, 0}, {"001-Feb-1994", E_BAD, 0}, {"", E_BAD, 0},
	    {"1-February-1994", E_BAD, 0}, {"0-Feb-1994", E_BAD, 0}};

	for (size_t i = 0; i < COUNT(days); i++) {
		int32_t day = 0;
		if (date_imap_day_parse(span_of(days[i].value), &day) != days[i].err ||
		    day != days[i].day)
			fail_msg("%s: %d", days[i].value, day);
	}
}

/* Every day of 800 years, and each hour's zone, is written and read back. */
static void
test_back(void **st)
{
	(void)st;
	for (int32_t day = -200000; day < 100000; day++) {
		int64_t sec = (int64_t)day * 86400 + (day & 0xffff);
		int zone = day % 24 * 60;
		struct buf out = {0};
		struct date d;
		date_imap_put(&out, sec, zone);
		assert_int_equal(out.len, 26);
		assert_int_equal(date_imap_parse(buf_as_span(&out), &d), E_OK);
		if (d.unix_sec != sec || d.zone_min != zone ||
		    d.day != date_day_of(sec, zone))
			fail_msg("%s", buf_cstr(&out));
		assert_int_equal(date_parse(buf_as_span(&out), &d), E_OK);
		assert_int_equal(d.unix_sec, sec);
		buf_free(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_imap),
	    cmocka_unit_test(test_imap_day),
	    cmocka_unit_test(test_back),
	};
	return cmocka_run_group_tests_name("mime_date", tests, NULL, NULL);
}
