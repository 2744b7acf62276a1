/* SPDX-License-Identifier: ISC */
/* test_mime_bodystructure.c - BODY and BODYSTRUCTURE as sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "mime/bodystructure.h"

struct row {
	const char *message;
	const char *body, *structure;
};

#define ASCII "(\"charset\" \"us-ascii\")"

/* clang-format off */
static const struct row rows[] = {
	{"", "(\"text\" \"plain\" " ASCII " NIL NIL \"7bit\" 0 0)",
	     "(\"text\" \"plain\" " ASCII " NIL NIL \"7bit\" 0 0 NIL NIL NIL NIL)"},
	{"Subject: x\r\n\r\none\r\ntwo\r\n",
	 "(\"text\" \"plain\" " ASCII " NIL NIL \"7bit\" 10 2)",
	 "(\"text\" \"plain\" " ASCII " NIL NIL \"7bit\" 10 2 NIL NIL NIL NIL)"},
	/* a basic part with all there is */
	{"Content-Type: IMAGE/Png; Name=\"a b.png\"; X=\"\\\"\"\r\nContent-Transfer-Encoding: BASE64\r\n"
	 "Content-ID: <1@x>\r\nContent-Description: a \"pic\"\r\nContent-MD5: Q2hlY2s=\r\n"
	 "Content-Disposition: ATTACHMENT; filename=a\r\nContent-Language: id, en\r\n"
	 "Content-Location: http://x/y\r\n\r\nAAAA\r\n",
	 "(\"image\" \"png\" (\"name\" \"a b.png\" \"x\" \"\\\"\") \"<1@x>\" \"a \\\"pic\\\"\" \"base64\" 6)",
	 "(\"image\" \"png\" (\"name\" \"a b.png\" \"x\" \"\\\"\") \"<1@x>\" \"a \\\"pic\\\"\" \"base64\" 6 \"Q2hlY2s=\" "
	 "(\"attachment\" (\"filename\" \"a\")) (\"id\" \"en\") \"http://x/y\")"},
	{"Content-Type: text/html\nContent-Disposition: inline\nContent-Language: id\n\nx",
	 "(\"text\" \"html\" NIL NIL NIL \"7bit\" 1 0)",
	 "(\"text\" \"html\" NIL NIL NIL \"7bit\" 1 0 NIL (\"inline\" NIL) \"id\" NIL)"},
	/* RFC 3501 7.4.2 */
	{"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=US-ASCII\r\n\r\n"
	 "one\r\n\r\n--b\r\nContent-Type: text/plain; charset=US-ASCII; name=\"cc.diff\"\r\n"
	 "Content-ID: <960723163407.20117h@cac.washington.edu>\r\nContent-Description: Compiler diff\r\n"
	 "Content-Transfer-Encoding: base64\r\n\r\nYQ==\r\n\r\n--b--\r\n",
	 "((\"text\" \"plain\" (\"charset\" \"US-ASCII\") NIL NIL \"7bit\" 5 1)"
	 "(\"text\" \"plain\" (\"charset\" \"US-ASCII\" \"name\" \"cc.diff\") \"<960723163407.20117h@cac.washington.edu>\" "
	 "\"Compiler diff\" \"base64\" 6 1) \"mixed\")",
	 "((\"text\" \"plain\" (\"charset\" \"US-ASCII\") NIL NIL \"7bit\" 5 1 NIL NIL NIL NIL)"
	 "(\"text\" \"plain\" (\"charset\" \"US-ASCII\" \"name\" \"cc.diff\") \"<960723163407.20117h@cac.washington.edu>\" "
	 "\"Compiler diff\" \"base64\" 6 1 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)"},
	/* a message in a message: envelope, body, lines */
	{"Content-Type: message/rfc822\n\nSubject: y\nFrom: a@b\n\nHi\nyou\n",
	 "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 29 (NIL \"y\" ((NIL NIL \"a\" \"b\")) ((NIL NIL \"a\" \"b\")) "
	 "((NIL NIL \"a\" \"b\")) NIL NIL NIL NIL NIL) (\"text\" \"plain\" " ASCII " NIL NIL \"7bit\" 7 2) 5)",
	 "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 29 (NIL \"y\" ((NIL NIL \"a\" \"b\")) ((NIL NIL \"a\" \"b\")) "
	 "((NIL NIL \"a\" \"b\")) NIL NIL NIL NIL NIL) (\"text\" \"plain\" " ASCII " NIL NIL \"7bit\" 7 2 NIL NIL NIL NIL) 5 "
	 "NIL NIL NIL NIL)"},
	/* what cannot be looked into */
	{"Content-Type: message/rfc822; x=y\nContent-Transfer-Encoding: base64\n\nSGkK\n",
	 "(\"application\" \"octet-stream\" (\"x\" \"y\") NIL NIL \"base64\" 5)",
	 "(\"application\" \"octet-stream\" (\"x\" \"y\") NIL NIL \"base64\" 5 NIL NIL NIL NIL)"},
	/* a multipart always has a part */
	{"Content-Type: multipart/related; boundary=b\n\nHi\n",
	 "((\"text\" \"plain\" " ASCII " NIL NIL \"7bit\" 3 1) \"related\")",
	 "((\"text\" \"plain\" " ASCII " NIL NIL \"7bit\" 3 1 NIL NIL NIL NIL) \"related\" (\"boundary\" \"b\") NIL NIL NIL)"},
	{"Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: y\n\nHi\n--b--",
	 "((\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 14 (NIL \"y\" NIL NIL NIL NIL NIL NIL NIL NIL) "
	 "(\"text\" \"plain\" " ASCII " NIL NIL \"7bit\" 2 0) 2) \"digest\")", NULL},
	/* broken values */
	{"Content-Type: text/plain; charset\nContent-Transfer-Encoding: (c) 8bit (d)\nContent-Disposition: ;x=y\n"
	 "Content-Language:\nContent-ID:\n\n",
	 "(\"text\" \"plain\" NIL \"\" NIL \"(c) 8bit (d)\" 0 0)",
	 "(\"text\" \"plain\" NIL \"\" NIL \"(c) 8bit (d)\" 0 0 NIL NIL \"\" NIL)"},
	{"Content-Type: text/plain; charset=\"\xff\"\nContent-Description: \xc3\xbc\n\n",
	 "(\"text\" \"plain\" (\"charset\" {1}\r\n\xff) NIL {2}\r\n\xc3\xbc \"7bit\" 0 0)", NULL},
	{"Content-Type: a/b; name*0*=utf-8''a; name*1=b\n\n",
	 "(\"a\" \"b\" (\"name*0*\" \"utf-8''a\" \"name*1\" \"b\") NIL NIL \"7bit\" 0)", NULL},
	{"Content-Type: a/b\nContent-Transfer-Encoding:\nContent-Description: one\n two\n\n",
	 "(\"a\" \"b\" NIL NIL \"one two\" \"7bit\" 0)", NULL},
};

/* clang-format on */

static void
check(const char *message, bool is_extended, const char *expected)
{
	struct arena arena = {0};
	struct buf out = {0};
	struct tree t;
	tree_make(span_of(message), &arena, &t);
	bodystructure_put(&out, &t, is_extended, &arena);
	assert_string_equal(buf_cstr(&out), expected);
	buf_free(&out);
	arena_reset(&arena);
}

static void
test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		check(rows[i].message, false, rows[i].body);
		if (rows[i].structure)
			check(rows[i].message, true, rows[i].structure);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
