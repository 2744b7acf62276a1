/* SPDX-License-Identifier: ISC */
/* test_mime_word.c - encoded words: RFC 2047 8, RFC 2231 5, and what programs write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "mime/charset.h"
#include "mime/word.h"

struct row {
	const char *raw, *text;
};

/* clang-format off */
static const struct row rows[] = {
	{"",                                                   ""},
	{" plain  text ",                                      "plain  text"},
	{"folded\r\n text",                                    "folded text"},
	/* RFC 2047 8 */
	{"=?US-ASCII?Q?Keith_Moore?=",                         "Keith Moore"},
	{"=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?=",              "Keld J\xc3\xb8rn Simonsen"},
	{"=?ISO-8859-1?Q?Andr=E9?= Pirard",                    "Andr\xc3\xa9 Pirard"},
	{"=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
	                                                       "If you can read this you understand the example."},
	{"(=?iso-8859-8?b?7eXs+SDv4SDp7Oj08A==?=)",            "(\xd7\x9d\xd7\x95\xd7\x9c\xd7\xa9 \xd7\x9f\xd7\x91 \xd7\x99\xd7\x9c\xd7\x98\xd7\xa4\xd7\xa0)"},
	{"(=?ISO-8859-1?Q?a?=)",                               "(a)"},
	{"(=?ISO-8859-1?Q?a?= b)",                             "(a b)"},
	{"(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)",            "(ab)"},
	{"(=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=)",           "(ab)"},
	{"(=?ISO-8859-1?Q?a?=\r\n    =?ISO-8859-1?Q?b?=)",     "(ab)"},
	{"(=?ISO-8859-1?Q?a_b?=)",                             "(a b)"},
	{"(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)",           "(a b)"},
	/* RFC 2231 5 */
	{"=?US-ASCII*EN?Q?Keith_Moore?=",                      "Keith Moore"},
	{"=?utf-8*de?q?=C3?= =?UTF-8?Q?=A9?=",                 "\xc3\xa9"},
	/* a character split between words, B and Q mixed */
	{"=?utf-8?B?w6nD?= =?utf-8?B?qQ==?=",                  "\xc3\xa9\xc3\xa9"},
	{"=?utf-8?B?ww==?=\r\n =?utf-8?Q?=A9?=",               "\xc3\xa9"},
	{"=?utf-8?Q?=C3?= x =?utf-8?Q?=A9?=",                  "\xef\xbf\xbd x \xef\xbf\xbd"},
	{"=?iso-2022-jp?B?GyRCJDMbKEI=?= =?iso-2022-jp?B?GyRCJGwbKEI=?=",
	                                                       "\xe3\x81\x93\xe3\x82\x8c"},
	{"=?gb2312?B?xOO6w6Os?=",                              "\xe4\xbd\xa0\xe5\xa5\xbd\xef\xbc\x8c"},
	{"=?koi8-r?B?8NLJ18XU?=",                              "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82"},
	/* tolerated */
	{"a=?utf-8?q?b?=c",                                    "abc"},
	{"=?utf-8?q?a?==?utf-8?q?b?=",                         "ab"},
	{"=?utf-8?q?with blanks in it?=",                      "with blanks in it"},
	{"=?utf-8?q?what?\?=",                                  "what?"},
	{"=?utf-8?q?what?maybe?=",                             "what?maybe"},
	{"=?utf-8?b?w6k?=",                                    "\xc3\xa9"},
	{"=?utf-8?b?w6k=\r\n =?=",                             "\xc3\xa9"},
	{"=?utf-8?q?=?=",                                      "="},
	{"=?utf-8?q?=4?=",                                     "=4"},
	{"=?utf-8?q?=4x?=",                                    "=4x"},
	{"=?utf-8?q?a?= ",                                     "a"},
	{"=?utf-8?q?\?= a",                                     " a"},
	/* what would break a line */
	{"=?utf-8?q?a=0D=0Ab=00c?=",                           "a  b c"},
	/* no words: as they stand */
	{"=?utf-8?x?a?=",                                      "=?utf-8?x?a?="},
	{"=?utf-8?q?a",                                        "=?utf-8?q?a"},
	{"=?utf-8?q?a?",                                       "=?utf-8?q?a?"},
	{"=?utf-8?q",                                          "=?utf-8?q"},
	{"=??q?a?=",                                           "=??q?a?="},
	{"=?*en?q?a?=",                                        "=?*en?q?a?="},
	{"=?no-such-set?q?a?=",                                "=?no-such-set?q?a?="},
	{"=?no-such-set?q?a?= =?utf-8?q?b?=",                  "=?no-such-set?q?a?= b"},
	{"=?utf-8?q?a =?utf-8?q?b?=",                          "=?utf-8?q?a b"},
	{"=?=?=?=?",                                           "=?=?=?=?"},
	/* raw octets */
	{"na\xc3\xafve",                                       "na\xc3\xafve"},
	{"na\xefve \x80 5",                                    "na\xc3\xafve \xe2\x82\xac 5"},
	{"\xc3\xa9 \xe9",                                      "\xc3\x83\xc2\xa9 \xc3\xa9"},
	{"\xe9 =?utf-8?q?=C3=A9?= \xc3\xa9",                   "\xc3\xa9 \xc3\xa9 \xc3\xa9"},
	{"=?unknown-8bit?q?=E9?=",                             "\xc3\xa9"},
};

/* clang-format on */

static void
check(const struct row *row)
{
	struct buf out = {0};
	size_t n = strlen(row->raw);
	char *raw = malloc(n ? n : 1); /* no byte past its end */
	assert_non_null(raw);
	memcpy(raw, row->raw, n);
	word_decode(&out, span_make(raw, n));
	if (!span_eqs(buf_as_span(&out), row->text))
		fail_msg("%s: %s", row->raw, buf_cstr(&out));
	assert_true(utf8_valid(buf_as_span(&out)));
	buf_free(&out);
	free(raw);
}

static void
test_rows(void **st)
{
	(void)st;
	for (size_t i = 0; i < COUNT(rows); i++)
		check(&rows[i]);
}

static void
test_limit(void **st)
{
	(void)st;
	struct buf out = {.max = 5};
	word_decode(&out, SPAN("=?utf-8?q?123456?="));
	assert_int_equal(buf_done(&out), E_LIMIT);
	buf_free(&out);
	word_decode(&out, SPAN("123456"));
	assert_int_equal(buf_done(&out), E_LIMIT);
	buf_free(&out);
	word_decode(&out, SPAN("=?utf-8?q?12345?="));
	assert_string_equal(buf_cstr(&out), "12345");
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_limit),
	};
	return cmocka_run_group_tests_name("mime_word", tests, NULL, NULL);
}
