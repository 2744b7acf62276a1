/* SPDX-License-Identifier: ISC */
/* test_smtp_xclient.c - attributes of XCLIENT and XFORWARD. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "smtpd/xclient.h"

static const struct {
	const char *in;
	enum xattr_verb verb;
	int result;
	enum xattr which;
	const char *text;
} rows[] = {
    {"ADDR=192.0.2.1", XVERB_CLIENT, E_OK, XATTR_ADDR, "192.0.2.1"},
    {"addr=IPV6:2001:DB8::1", XVERB_CLIENT, E_OK, XATTR_ADDR, "2001:db8::1"},
    {"ADDR=2001:db8:0:0::1", XVERB_FORWARD, E_OK, XATTR_ADDR, "2001:db8::1"},
    {"ADDR=[UNAVAILABLE]", XVERB_CLIENT, E_OK, XATTR_ADDR, "[UNAVAILABLE]"},
    {"NAME=[tempunavail] ADDR=192.0.2.1", XVERB_CLIENT, E_OK, XATTR_NAME,
	"[TEMPUNAVAIL]"},
    {"NAME=a.test  NAME=b.test ", XVERB_CLIENT, E_OK, XATTR_NAME, "b.test"},
    {"HELO=+5Bx+5D+20y", XVERB_CLIENT, E_OK, XATTR_HELO, "[x] y"},
    {"LOGIN=u+2B1@example.test", XVERB_CLIENT, E_OK, XATTR_LOGIN, "u+1@example.test"},
    {"PORT=65535 PROTO=esmtp", XVERB_CLIENT, E_OK, XATTR_PROTO, "esmtp"},
    {"DESTADDR=192.0.2.2 DESTPORT=25", XVERB_CLIENT, E_OK, XATTR_DESTPORT, "25"},
    {"SOURCE=LOCAL IDENT=ABC", XVERB_FORWARD, E_OK, XATTR_IDENT, "ABC"},
    {"", XVERB_CLIENT, E_BAD, XATTR_NAME, ""},
    {"NAME", XVERB_CLIENT, E_BAD, XATTR_NAME, ""},
    {"NAME=", XVERB_CLIENT, E_BAD, XATTR_NAME, ""},
    {"=x", XVERB_CLIENT, E_DENY, XATTR_NAME, ""},
    {"FOO=x", XVERB_CLIENT, E_DENY, XATTR_NAME, ""},
    {"LOGIN=x", XVERB_FORWARD, E_DENY, XATTR_LOGIN, ""},
    {"IDENT=x", XVERB_CLIENT, E_DENY, XATTR_IDENT, ""},
    {"NAME=a+0D+0Ab", XVERB_CLIENT, E_BAD, XATTR_NAME, ""},
    {"NAME=a+00", XVERB_CLIENT, E_BAD, XATTR_NAME, ""},
    {"NAME=a+2", XVERB_CLIENT, E_BAD, XATTR_NAME, ""},
    {"NAME=a+2b", XVERB_CLIENT, E_BAD, XATTR_NAME, ""},
    {"NAME=+FF", XVERB_CLIENT, E_BAD, XATTR_NAME, ""},
    {"ADDR=192.0.2.256", XVERB_CLIENT, E_BAD, XATTR_ADDR, ""},
    {"ADDR=IPV6:", XVERB_CLIENT, E_BAD, XATTR_ADDR, ""},
    {"ADDR=192.0.2.1+00", XVERB_CLIENT, E_BAD, XATTR_ADDR, ""},
    {"PORT=65536", XVERB_CLIENT, E_BAD, XATTR_PORT, ""},
    {"PROTO=HTTP", XVERB_CLIENT, E_BAD, XATTR_PROTO, ""},
    {"SOURCE=MOON", XVERB_FORWARD, E_BAD, XATTR_SOURCE, ""},
};

static void
test_attributes(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct xattrs x = {0};
		print_message("%s\n", rows[i].in);
		assert_int_equal(xattrs_parse(span_of(rows[i].in), rows[i].verb, &x),
		    rows[i].result);
		assert_true(span_eqs(xattr_text(&x, rows[i].which), rows[i].text));
		xattrs_reset(&x);
		assert_int_equal(xattr_text(&x, rows[i].which).n, 0);
	}
}

static void
test_longest(void **state)
{
	(void)state;
	for (size_t n = XATTR_VALUE_MAX; n <= XATTR_VALUE_MAX + 1; n++) {
		struct xattrs x = {0};
		struct buf in = {0};
		buf_str(&in, "NAME=");
		for (size_t i = 0; i < n; i++)
			buf_ch(&in, 'a');
		assert_int_equal(xattrs_parse(buf_as_span(&in), XVERB_CLIENT, &x),
		    n == XATTR_VALUE_MAX ? E_OK : E_BAD);
		xattrs_reset(&x);
		buf_free(&in);
	}
}

static void
test_names(void **state)
{
	struct buf out = {0};
	(void)state;
	xattr_names(XVERB_CLIENT, &out);
	assert_string_equal(
	    buf_cstr(&out), " NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT");
	buf_reset(&out);
	xattr_names(XVERB_FORWARD, &out);
	assert_string_equal(buf_cstr(&out), " NAME ADDR PORT PROTO HELO IDENT SOURCE");
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_attributes),
	    cmocka_unit_test(test_longest),
	    cmocka_unit_test(test_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
