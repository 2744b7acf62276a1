/* SPDX-License-Identifier: ISC */
/* test_mime_transfer.c - base64 and quoted-printable, whole and in pieces of every size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "mime/transfer.h"

struct row {
	enum transfer_kind kind;
	const char *in, *out;
};

/* clang-format off */
static const struct row rows[] = {
	{TRANSFER_PLAIN,   "a=3D\r\n",                    "a=3D\r\n"},
	{TRANSFER_UNKNOWN, "begin 644 x\n",               "begin 644 x\n"},
	/* base64, RFC 4648 10 */
	{TRANSFER_BASE64,  "",                            ""},
	{TRANSFER_BASE64,  "Zg==",                        "f"},
	{TRANSFER_BASE64,  "Zm8=",                        "fo"},
	{TRANSFER_BASE64,  "Zm9v",                        "foo"},
	{TRANSFER_BASE64,  "Zm9vYg==",                    "foob"},
	{TRANSFER_BASE64,  "Zm9vYmE=",                    "fooba"},
	{TRANSFER_BASE64,  "Zm9vYmFy\r\n",                "foobar"},
	{TRANSFER_BASE64,  "Zm9\r\nvY\nm F\ty",           "foobar"},
	{TRANSFER_BASE64,  "/+8=",                        "\xff\xef"},
	/* broken */
	{TRANSFER_BASE64,  "Zg",                          "f"},
	{TRANSFER_BASE64,  "Zm8",                         "fo"},
	{TRANSFER_BASE64,  "Z",                           ""},
	{TRANSFER_BASE64,  "Zm9vZ",                       "foo"},
	{TRANSFER_BASE64,  "Zg==Zm8=",                    "ffo"},
	{TRANSFER_BASE64,  "Zg==\r\nZm9v",                "ffoo"},
	{TRANSFER_BASE64,  "====Zm9v",                    "foo"},
	{TRANSFER_BASE64,  "Z!m\x80""9*v-_",              "foo"},
	/* quoted-printable, RFC 2045 6.7 */
	{TRANSFER_QP,      "",                            ""},
	{TRANSFER_QP,      "plain text\r\n",              "plain text\r\n"},
	{TRANSFER_QP,      "a=3Db=e9=E9",                 "a=b\xe9\xe9"},
	{TRANSFER_QP,      "Now's the time =\r\nfor all", "Now's the time for all"},
	{TRANSFER_QP,      "soft=\nbreak",                "softbreak"},
	{TRANSFER_QP,      "soft= \t\r\nbreak",           "softbreak"},
	{TRANSFER_QP,      "blanks \t \r\ngo",            "blanks\r\ngo"},
	{TRANSFER_QP,      "blanks \t \ngo",              "blanks\ngo"},
	{TRANSFER_QP,      "a  b\tc",                     "a  b\tc"},
	{TRANSFER_QP,      "a=20\r\nb",                   "a \r\nb"},
	{TRANSFER_QP,      "at the end  ",                "at the end"},
	{TRANSFER_QP,      "at the end=",                 "at the end"},
	{TRANSFER_QP,      "at the end=\r",               "at the end"},
	{TRANSFER_QP,      "at the end= ",                "at the end"},
	{TRANSFER_QP,      "\x80\xff raw",                "\x80\xff raw"},
	/* broken */
	{TRANSFER_QP,      "a=XYb",                       "a=XYb"},
	{TRANSFER_QP,      "a=4",                         "a=4"},
	{TRANSFER_QP,      "a=4Gb",                       "a=4Gb"},
	{TRANSFER_QP,      "a==41",                       "a=A"},
	{TRANSFER_QP,      "a= b",                        "a= b"},
	{TRANSFER_QP,      "a=\rb",                       "a=\rb"},
	{TRANSFER_QP,      "a \rb",                       "a \rb"},
	{TRANSFER_QP,      " =\r\n =\r\n",                "  "},
};

/* clang-format on */

static void
decode_in_pieces(const struct row *row, size_t piece, struct buf *out)
{
	struct transfer t = {.kind = row->kind};
	struct span in = span_of(row->in);
	while (in.n) {
		struct span head = span_head(in, piece);
		char *copy = malloc(head.n); /* no byte past its end */
		assert_non_null(copy);
		memcpy(copy, head.p, head.n);
		transfer_put(&t, span_make(copy, head.n), out);
		free(copy);
		in = span_from(in, piece);
	}
	transfer_end(&t, out);
}

static void
test_rows(void **st)
{
	(void)st;
	for (size_t i = 0; i < COUNT(rows); i++)
		for (size_t piece = 1; piece < 30; piece++) {
			struct buf out = {0};
			decode_in_pieces(&rows[i], piece, &out);
			if (!span_eqs(buf_as_span(&out), rows[i].out))
				fail_msg("%s in pieces of %zu: %s", rows[i].in, piece,
				    buf_cstr(&out));
			buf_free(&out);
		}
}

/* What encoders write comes back, wherever it is cut. */
static void
test_back(void **st)
{
	(void)st;
	struct buf raw = {0}, b64 = {0}, qp = {0};
	for (unsigned i = 0; i < 1000; i++)
		buf_ch(&raw, (char)(i * i * 31 >> 3));
	buf_base64(&b64, buf_as_span(&raw));
	for (size_t i = 0; i < raw.len; i++)
		buf_putf(&qp, "=%02X%s", (unsigned)(unsigned char)raw.p[i],
		    i % 20 == 19 ? "=\r\n" : "");
	for (size_t cut = 0; cut < 300; cut++) {
		struct transfer t = {.kind = TRANSFER_BASE64},
				u = {.kind = TRANSFER_QP};
		struct buf a = {0}, b = {0};
		transfer_put(&t, span_head(buf_as_span(&b64), cut), &a);
		transfer_put(&t, span_from(buf_as_span(&b64), cut), &a);
		transfer_end(&t, &a);
		transfer_put(&u, span_head(buf_as_span(&qp), cut), &b);
		transfer_put(&u, span_from(buf_as_span(&qp), cut), &b);
		transfer_end(&u, &b);
		assert_true(span_eq(buf_as_span(&a), buf_as_span(&raw)));
		assert_true(span_eq(buf_as_span(&b), buf_as_span(&raw)));
		buf_free(&a);
		buf_free(&b);
	}
	buf_free(&raw);
	buf_free(&b64);
	buf_free(&qp);
}

/* A line of blanks without end is not held for ever, and none is lost. */
static void
test_many_blanks(void **st)
{
	(void)st;
	for (size_t n = TRANSFER_HELD_MAX - 2; n < TRANSFER_HELD_MAX + 3; n++) {
		for (int first = 0; first < 2; first++) {
			struct transfer t = {.kind = TRANSFER_QP};
			struct buf out = {0};
			transfer_put(&t, span_of(first ? "=" : "x"), &out);
			for (size_t i = 0; i < n; i++)
				transfer_put(&t, SPAN(" "), &out);
			transfer_put(&t, SPAN("y"), &out);
			transfer_end(&t, &out);
			assert_int_equal(out.len, n + 2);
			buf_free(&out);
		}
	}
}

static void
test_limit(void **st)
{
	(void)st;
	struct buf out = {.max = 4};
	transfer_decode(TRANSFER_QP, SPAN("12345"), &out);
	assert_int_equal(buf_done(&out), E_LIMIT);
	buf_free(&out);
	transfer_decode(TRANSFER_BASE64, SPAN("Zm9vYmFyZm9vYmFy"), &out);
	assert_int_equal(buf_done(&out), E_LIMIT);
	buf_free(&out);
}

static void
test_kind(void **st)
{
	(void)st;

	static const struct {
		const char *value;
		enum transfer_kind kind;
	} kinds[] = {{"", TRANSFER_PLAIN}, {" 7bit", TRANSFER_PLAIN},
	    {"8BIT", TRANSFER_PLAIN}, {"binary (x)", TRANSFER_PLAIN},
	    {"\r\n BASE64 ", TRANSFER_BASE64}, {"quoted-printable;", TRANSFER_QP},
	    {"x-uuencode", TRANSFER_UNKNOWN}, {"base64x", TRANSFER_UNKNOWN},
	    {"(x) base64", TRANSFER_BASE64}, {"\"base64\"", TRANSFER_BASE64},
	    {" ", TRANSFER_PLAIN}};

	for (size_t i = 0; i < COUNT(kinds); i++)
		if (transfer_kind_of(span_of(kinds[i].value)) != kinds[i].kind)
			fail_msg("%s", kinds[i].value);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_back),
	    cmocka_unit_test(test_many_blanks),
	    cmocka_unit_test(test_limit),
	    cmocka_unit_test(test_kind),
	};
	return cmocka_run_group_tests_name("mime_transfer", tests, NULL, NULL);
}
