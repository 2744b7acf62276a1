/* SPDX-License-Identifier: ISC */
/* test_idn.c - domains in U-labels become A-labels, or are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mime/idn.h"

static const struct {
	const char *in;
	int result;
	const char *out;
} rows[] = {
    {"", E_OK, ""}, {"Example.ORG", E_OK, "Example.ORG"},
    {"_25._tcp.x", E_OK, "_25._tcp.x"},
    {"xn--bcher-kva.example", E_OK, "xn--bcher-kva.example"},
    {"b\xc3\xbc"
     "cher.example",
	E_OK, "xn--bcher-kva.example"},
    /* mapped to lower case */
    {"B\xc3\x9c"
     "CHER.Example",
	E_OK, "xn--bcher-kva.example"},
    {"bu\xcc\x88"
     "cher.example",
	E_OK, "xn--bcher-kva.example"}, /* and to NFC */
    {"mail.xn--bcher-kva.b\xc3\xbc"
     "cher",
	E_OK, "mail.xn--bcher-kva.xn--bcher-kva"},
    {"fa\xc3\x9f.de", E_OK, "xn--fa-hia.de"},     /* not "fass": non-transitional */
    {"\xcf\x83\xcf\x82.gr", E_OK, "xn--3xab.gr"}, /* final sigma stays */
    {"\xe4\xbe\x8b\xe3\x81\x88.\xe3\x83\x86\xe3\x82\xb9\xe3\x83\x88", E_OK,
	"xn--r8jz45g.xn--zckzah"},
    /* the ideographic full stop is a dot */
    {"a\xe3\x80\x82"
     "b\xc3\xbc",
	E_OK, "a.xn--b-eha"},
    {"\xff.example", E_BAD, ""},
    {"b\xc3\xbc"
     "cher\xe2\x80\xae.example",
	E_BAD, ""}, /* a mark of direction */
    {"b\xc3\xbc b.example", E_BAD, ""}, {"b\xc3\xbc@b.example", E_BAD, ""},
    /* wide ">" and blank are mapped to what ends an address */
    {"a\xef\xbc\x9e\xe3\x80\x80"
     "b.example",
	E_BAD, ""},
    {"b\xc3\xbc.a\xef\xbc\xa0"
     "b",
	E_BAD, ""}, /* and a wide "@" */
    /* a wide letter is a letter */
    {"\xef\xbd\x82\xc3\xbc"
     "cher.example",
	E_OK, "xn--bcher-kva.example"},
    {"\xe2\x99\xa5.example", E_BAD, ""}, /* a heart: DISALLOWED by RFC 5892 */
};

static void
test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf out = {0};
		buf_str(&out, "<");
		int err = idn_ascii(span_of(rows[i].in), &out);
		if (err != rows[i].result ||
		    !span_eqs(span_from(buf_as_span(&out), 1), rows[i].out))
			fail_msg("%s: %d, %s", rows[i].in, err, buf_cstr(&out));
		buf_free(&out);
	}
}

static void
test_limits(void **state)
{
	struct buf in = {0}, out = {0};
	(void)state;
	for (int i = 0; i < 62; i++)
		buf_str(&in, "\xc3\xbc");
	/* a label past 63 octets */
	assert_int_equal(idn_ascii(buf_as_span(&in), &out), E_BAD);
	buf_reset(&in);
	for (int i = 0; i < 60; i++)
		buf_str(&in, "\xc3\xbc.");
	buf_str(&in, "x");
	assert_int_equal(idn_ascii(buf_as_span(&in), &out), E_LIMIT);
	for (int i = 0; i < 600; i++)
		buf_str(&in, "\xc3\xbc.");
	assert_int_equal(idn_ascii(buf_as_span(&in), &out), E_LIMIT);
	assert_int_equal(idn_ascii(span_make("\xc3\xbc\0.x", 5), &out), E_BAD);
	assert_int_equal(out.len, 0);
	buf_free(&in);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_limits),
	};
	return cmocka_run_group_tests_name("idn", tests, NULL, NULL);
}
