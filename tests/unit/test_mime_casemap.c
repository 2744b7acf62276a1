/* SPDX-License-Identifier: ISC */
/* test_mime_casemap.c - i;unicode-casemap: letters of all alphabets, in pieces, and the search. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "mime/casemap.h"
#include "mime/charset.h"

struct row {
	const char *a, *b;
	bool is_same;
};

/* clang-format off */
static const struct row rows[] = {
	{"",                          "",                           true},
	{"abc",                       "ABC",                        true},
	{"azAZ@[`{",                  "AZAZ@[`{",                   true},
	{"a",                         "b",                          false},
	{"\xc3\xa9",                  "\xc3\x89",                   true},   /* e acute */
	{"\xc3\xa9",                  "E\xcc\x81",                  true},   /* and as two characters */
	{"\xc3\xa9",                  "e",                          false},
	{"\xc3\x9f",                  "ss",                         false},  /* RFC 5051 maps one to one */
	{"\xd0\xbf\xd1\x80\xd0\xb8",  "\xd0\x9f\xd0\xa0\xd0\x98",   true},   /* Cyrillic */
	{"\xce\xb1\xce\xb2\xcf\x83",  "\xce\x91\xce\x92\xce\xa3",   true},   /* Greek */
	{"\xcf\x82",                  "\xcf\x83",                   true},   /* final sigma */
	{"\xef\xbd\x81",              "A",                          true},   /* full width */
	{"\xef\xac\x81",              "fi",                         false},  /* a ligature has no title case, so stays lower */
	{"\xe2\x84\xab",              "\xc3\xa5",                   true},   /* Angstrom sign */
	{"\xc2\xb2",                  "2",                          true},   /* superscript */
	{"\xe2\x85\xa3",              "IV",                         true},   /* Roman four */
	{"\xc7\x84",                  "\xc7\x86",                   true},   /* DZ with caron, of three cases */
	{"\xe4\xbd\xa0",              "\xe4\xbd\xa0",               true},   /* Han */
	{"\xe4\xbd\xa0",              "\xe5\xa5\xbd",               false},
	{"\xea\xb0\x80",              "\xea\xb0\x81",               false},  /* Hangul */
	{"\xef\xa4\x80",              "\xe8\xb1\x88",               true},   /* compatibility Han */
	{"\xf0\x90\x90\xa8",          "\xf0\x90\x90\x80",           true},   /* Deseret */
	{"\xff",                      "\xef\xbf\xbd",               true},
	{"\xc3",                      "\xef\xbf\xbd",               true},
};

/* clang-format on */

static void
test_rows(void **st)
{
	(void)st;
	/* what was made the first time is at hand the second */
	for (int again = 0; again < 2; again++)
		for (size_t i = 0; i < COUNT(rows); i++) {
			struct buf a = {0}, b = {0};
			casemap_fold(&a, span_of(rows[i].a));
			casemap_fold(&b, span_of(rows[i].b));
			if (span_eq(buf_as_span(&a), buf_as_span(&b)) !=
			    rows[i].is_same)
				fail_msg(
				    "row %zu: %s, %s", i, buf_cstr(&a), buf_cstr(&b));
			assert_true(utf8_valid(buf_as_span(&a)));
			buf_free(&a);
			buf_free(&b);
		}
}

/*
 * Every code point: valid, never longer than its limit; the same alone, among others, and near a
 * limit.
 */
static void
test_all(void **st)
{
	(void)st;
	for (uint32_t c = 1; c < 0x30000; c++) {
		struct buf one = {0};
		utf8_put(&one, c);
		struct span utf8 = buf_as_span(&one);
		struct buf alone = {0}, twice = {0}, among = {0}, tight;
		casemap_fold(&alone, utf8);
		casemap_fold(&twice, utf8);
		assert_true(utf8_valid(buf_as_span(&alone)));
		assert_true(span_eq(buf_as_span(&alone), buf_as_span(&twice)));
		tight = (struct buf){.max = alone.len};
		casemap_fold(&tight, utf8);
		assert_true(span_eq(buf_as_span(&alone), buf_as_span(&tight)));
		buf_str(&among, "0123456789");
		buf_span(&among, utf8);
		buf_str(&among, "0123456789");
		buf_reset(&twice);
		casemap_fold(&twice, buf_as_span(&among));
		assert_int_equal(twice.len, alone.len + 20);
		assert_true(
		    span_eq(span_head(span_from(buf_as_span(&twice), 10), alone.len),
			buf_as_span(&alone)));
		buf_free(&one);
		buf_free(&alone);
		buf_free(&twice);
		buf_free(&among);
		buf_free(&tight);
	}
}

/* ASCII as it would be one by one, at every place in a word of eight. */
static void
test_ascii(void **st)
{
	(void)st;
	char text[128 + 9];
	for (size_t shift = 0; shift < 9; shift++) {
		struct buf out = {0};
		for (size_t i = 0; i < sizeof text; i++)
			text[i] = (char)((i + shift) & 0x7f);
		casemap_fold(&out, span_make(text, sizeof text));
		assert_int_equal(out.len, sizeof text);
		for (size_t i = 0; i < sizeof text; i++)
			assert_int_equal(out.p[i], ch_upper(text[i]));
		buf_free(&out);
	}
}

static void
test_limit(void **st)
{
	(void)st;
	struct buf in = {0}, out = {.max = 9999};
	for (int i = 0; i < 5000; i++)
		buf_str(&in, "\xd0\xb0");
	casemap_fold(&out, buf_as_span(&in));
	assert_int_equal(buf_done(&out), E_LIMIT);
	out.max = 10000;
	buf_reset(&out);
	casemap_fold(&out, buf_as_span(&in));
	assert_int_equal(buf_done(&out), E_OK);
	assert_int_equal(out.len, 10000);
	buf_free(&in);
	buf_free(&out);
}

static void
test_search(void **st)
{
	(void)st;
	assert_true(casemap_search(SPAN("ABC"), SPAN("")));
	assert_true(casemap_search(SPAN(""), SPAN("")));
	assert_true(casemap_search(SPAN("ABC"), SPAN("BC")));
	assert_false(casemap_search(SPAN("ABC"), SPAN("CD")));
	assert_false(casemap_search(SPAN(""), SPAN("A")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_all),
	    cmocka_unit_test(test_ascii),
	    cmocka_unit_test(test_limit),
	    cmocka_unit_test(test_search),
	};
	return cmocka_run_group_tests_name("mime_casemap", tests, NULL, NULL);
}
