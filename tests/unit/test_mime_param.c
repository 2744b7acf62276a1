/* SPDX-License-Identifier: ISC */
/*
 * test_mime_param.c - Content-Type and Content-Disposition: RFC 2231, RFC 2045, and what programs
 * write.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "mime/param.h"

/* A field as "type/subtype|raw=value;|text=value;" */
static void
say_list(const struct param *p, struct buf *out)
{
	buf_ch(out, '|');
	for (; p; p = p->next) {
		assert_true(p->name.n > 0 && p->value.p);
		buf_putf(out, "%.*s=%.*s;", SPAN_ARG(p->name), SPAN_ARG(p->value));
	}
}

static void
say(const char *text, struct buf *out)
{
	struct arena arena = {0};
	struct param_field f;
	size_t n = strlen(text);
	char *value = malloc(n ? n : 1); /* no byte past its end */
	assert_non_null(value);
	memcpy(value, text, n);
	param_type_parse(span_make(value, n), &arena, &f);
	free(value); /* all is a copy */
	buf_putf(out, "%.*s/%.*s", SPAN_ARG(f.type), SPAN_ARG(f.subtype));
	say_list(f.raw, out);
	say_list(f.text, out);
	arena_reset(&arena);
}

struct row {
	const char *value, *said;
};

/* clang-format off */
static const struct row rows[] = {
	{"",                                                   "/||"},
	{"text/plain",                                         "text/plain||"},
	{" TEXT / Plain ; ",                                   "TEXT/Plain||"},
	/* RFC 2045 5.1 */
	{"text/plain; charset=us-ascii (Plain text)",          "text/plain|charset=us-ascii;|charset=us-ascii;"},
	{"text/plain; charset=\"us-ascii\"",                   "text/plain|charset=us-ascii;|charset=us-ascii;"},
	{"(a) text (b) / (c) plain (d) ; (e) x (f) = (g) y (h)", "text/plain|x=y;|x=y;"},
	{"a/b; x=\"q \\\"z\\\"; y\"; z=1",                     "a/b|x=q \"z\"; y;z=1;|x=q \"z\"; y;z=1;"},
	{"a/b;\r\n\tx=1;\r\n\ty=2",                            "a/b|x=1;y=2;|x=1;y=2;"},
	{"a/b; x=\"\"; y=",                                    "a/b|x=;y=;|x=;y=;"},
	{"a/b; x=\"one\r\n two\"",                             "a/b|x=one two;|x=one two;"},
	/* RFC 2231 3 */
	{"message/external-body; access-type=URL;\r\n URL*0=\"ftp://\";\r\n URL*1=\"cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar\"",
	 "message/external-body|access-type=URL;URL*0=ftp://;URL*1=cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar;"
	 "|access-type=URL;URL=ftp://cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar;"},
	/* 4 */
	{"application/x-stuff;\r\n title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A",
	 "application/x-stuff|title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A;|title=This is ***fun***;"},
	/* 4.1 */
	{"application/x-stuff\r\n ;title*0*=us-ascii'en'This%20is%20even%20more%20\r\n ;title*1*=%2A%2A%2Afun%2A%2A%2A%20\r\n"
	 " ;title*2=\"isn't it!\"",
	 "application/x-stuff|title*0*=us-ascii'en'This%20is%20even%20more%20;title*1*=%2A%2A%2Afun%2A%2A%2A%20;title*2=isn't it!;"
	 "|title=This is even more ***fun*** isn't it!;"},
	{"a/b; n*1=b; x=y; n*0=a; n*2=c",                      "a/b|n*1=b;x=y;n*0=a;n*2=c;|x=y;n=abc;"},
	{"a/b; n*0*=utf-8''%C3; n*1*=%A9",                     "a/b|n*0*=utf-8''%C3;n*1*=%A9;|n=\xc3\xa9;"},
	{"a/b; n*0*=iso-8859-1''%E9; n*1=%41",                 "a/b|n*0*=iso-8859-1''%E9;n*1=%41;|n=\xc3\xa9%41;"},
	{"a/b; n=plain; n*=utf-8''%C3%A9",                     "a/b|n=plain;n*=utf-8''%C3%A9;|n=\xc3\xa9;"},
	{"a/b; n*=utf-8''%C3%A9; N=plain",                     "a/b|n*=utf-8''%C3%A9;N=plain;|n=\xc3\xa9;"},
	/* broken RFC 2231 */
	{"a/b; n*=%41",                                        "a/b|n*=%41;|n=A;"},
	{"a/b; n*=utf-8'%41",                                  "a/b|n*=utf-8'%41;|n=A;"},
	{"a/b; n*=''%41%4",                                    "a/b|n*=''%41%4;|n=A%4;"},
	{"a/b; n*=no-such-set''%E9",                           "a/b|n*=no-such-set''%E9;|n=\xc3\xa9;"},
	{"a/b; n*=utf-8''%C3%A9%0D%0Ax",                       "a/b|n*=utf-8''%C3%A9%0D%0Ax;|n=\xc3\xa9  x;"},
	{"a/b; n*1=b; n*2=c",                                  "a/b|n*1=b;n*2=c;|n=bc;"},
	{"a/b; n*0=a; n*2=c",                                  "a/b|n*0=a;n*2=c;|n=a;"},
	{"a/b; n*0=a; n*0=b",                                  "a/b|n*0=a;n*0=b;|n=a;"},
	{"a/b; n*9999=a; *=b; *0=c",                           "a/b|n*9999=a;*=b;*0=c;|n*9999=a;*=b;*0=c;"},
	/* encoded words where none may be */
	{"a/b; name=\"=?utf-8?B?w6k=?=.pdf\"",                 "a/b|name==?utf-8?B?w6k=?=.pdf;|name=\xc3\xa9.pdf;"},
	{"a/b; name==?utf-8?Q?=C3=A9?=",                       "a/b|name==?utf-8?Q?=C3=A9?=;|name=\xc3\xa9;"},
	{"a/b; n*0=\"=?utf-8?Q?=C3=A9\"; n*1=\"=C3=A9?=\"",    "a/b|n*0==?utf-8?Q?=C3=A9;n*1==C3=A9?=;|n=\xc3\xa9\xc3\xa9;"},
	/* raw octets */
	{"a/b; n=\"\xc3\xa9\"",                                "a/b|n=\xc3\xa9;|n=\xc3\xa9;"},
	{"a/b; n=\xe9",                                        "a/b|n=\xe9;|n=\xc3\xa9;"},
	/* broken */
	{"text",                                               "text/||"},
	{"/plain",                                             "/plain||"},
	{"text/; x=y",                                         "text/|x=y;|x=y;"},
	{"; x=y",                                              "/|x=y;|x=y;"},
	{"text/plain charset=utf-8",                           "text/plain|charset=utf-8;|charset=utf-8;"},
	{"text/plain; charset=utf-8 format=flowed",            "text/plain|charset=utf-8;format=flowed;|charset=utf-8;format=flowed;"},
	{"a/b; name=my own file.pdf; x=y",                     "a/b|name=my own file.pdf;x=y;|name=my own file.pdf;x=y;"},
	{"a/b; name=dir/file[1].pdf",                          "a/b|name=dir/file[1].pdf;|name=dir/file[1].pdf;"},
	{"a/b; name=\"not closed; x=y",                        "a/b|name=not closed;x=y;|name=not closed;x=y;"},
	{"a/b; name=\"x\"junk; y=z",                           "a/b|name=x;y=z;|name=x;y=z;"},
	{"a/b; alone; x=y; =z; ;;",                            "a/b|x=y;|x=y;"},
	{"a/b; x=y; x=z",                                      "a/b|x=y;x=z;|x=y;x=z;"},
	{"text/plain; charset = \"utf-8\" ; x",                "text/plain|charset=utf-8;|charset=utf-8;"},
};

/* clang-format on */

static void
test_rows(void **st)
{
	(void)st;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf out = {0};
		say(rows[i].value, &out);
		if (!span_eqs(buf_as_span(&out), rows[i].said))
			fail_msg(
			    "%s:\n%s\n%s", rows[i].value, rows[i].said, buf_cstr(&out));
		buf_free(&out);
	}
}

static void
test_every_cut(void **st)
{
	(void)st;
	static const char text[] = "a/b; (c) n*0*=utf-8'en'%C3%A9; n*1=\"x\\\"y\"; "
				   "name==?utf-8?B?w6k=?=; z=a b";
	for (size_t n = 0; n < sizeof text; n++) {
		struct buf out = {0};
		char cut[sizeof text];
		memcpy(cut, text, n);
		cut[n ? n - 1 : 0] = '\0';
		say(cut, &out);
		buf_free(&out);
	}
}

static void
test_disposition(void **st)
{
	(void)st;
	struct arena arena = {0};
	struct param_field f;
	param_disposition_parse(
	    SPAN(" ATTACHMENT; FileName=\"a b.pdf\"; size=12"), &arena, &f);
	assert_true(span_eqs(f.type, "ATTACHMENT"));
	assert_int_equal(f.subtype.n, 0);
	assert_true(span_eqs(param_find(f.text, "filename"), "a b.pdf"));
	assert_true(span_eqs(param_find(f.raw, "SIZE"), "12"));
	assert_null(param_find(f.raw, "file").p);
	arena_reset(&arena);
}

static size_t
count(const struct param *p)
{
	size_t n = 0;
	for (; p; p = p->next)
		n++;
	return n;
}

static void
test_limits(void **st)
{
	(void)st;
	struct arena arena = {0}, small = {.max_bytes = 1000};
	struct param_field f;
	struct buf value = {0};
	buf_str(&value, "a/b");
	for (int i = 0; i < PARAM_COUNT_MAX + 5; i++)
		buf_putf(&value, ";n%d=x", i);
	param_type_parse(buf_as_span(&value), &arena, &f);
	assert_int_equal(count(f.raw), PARAM_COUNT_MAX);
	assert_int_equal(count(f.text), PARAM_COUNT_MAX);
	param_type_parse(buf_as_span(&value), &small, &f);
	assert_in_range(count(f.raw), 1, 20);
	buf_reset(&value);
	buf_str(&value, "a/b;n*=utf-8''");
	for (int i = 0; i < PARAM_VALUE_BYTES_MAX + 1; i++)
		buf_ch(&value, 'x');
	arena_reset(&arena);
	param_type_parse(buf_as_span(&value), &arena, &f);
	/* too long to decode: as it stands */
	assert_true(span_starts(param_find(f.text, "n"), SPAN("utf-8''x")));
	arena_reset(&arena);
	arena_reset(&small);
	buf_free(&value);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_every_cut),
	    cmocka_unit_test(test_disposition),
	    cmocka_unit_test(test_limits),
	};
	return cmocka_run_group_tests_name("mime_param", tests, NULL, NULL);
}
