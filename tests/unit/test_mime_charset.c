/* SPDX-License-Identifier: ISC */
/* test_mime_charset.c - charsets: each that is known, aliases, pieces of every size, bad octets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <string.h>

#include "mime/charset.h"
#include "mime/charset_row.h"

struct row {
	const char *charset;
	struct span in;
	const char *out;
};

#define BAD "\xef\xbf\xbd"

/* clang-format off */
static const struct row rows[] = {
	{"utf-8",         SPAN("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xa6" "b"),       "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xa6" "b"},
	{"UTF8",          SPAN("\xc3(\xff\xed\xa0\x80x\xf4\x90\x80\x80\xc0\x80"), BAD "(" BAD BAD BAD BAD "x" BAD BAD BAD BAD BAD BAD},
	{"utf-8",         SPAN("\xe2\x82"),                                         BAD BAD},
	{"utf-8",         SPAN("\xe2\x82 \xf0\x9f\x90"),                            BAD BAD " " BAD BAD BAD},
	{"",              SPAN("plain"),                                            "plain"},
	{"us-ascii",      SPAN("\xc3\xa9 \xe9\x80\x81"),                            "\xc3\xa9 \xe9\x80\x81"},
	{"us-ascii",      SPAN("a\xe9 \x80 \x81"),                                  "a\xc3\xa9 \xe2\x82\xac \xc2\x81"},
	{"unknown-8bit",  SPAN("caf\xe9"),                                          "caf\xc3\xa9"},
	{"iso-8859-1",    SPAN("na\xefve \x93q\x94"),                               "na\xc3\xafve \xe2\x80\x9cq\xe2\x80\x9d"},
	{"ISO_8859-15",   SPAN("\xa4"),                                             "\xe2\x82\xac"},
	{"iso-8859-2",    SPAN("\xb1\xe8"),                                         "\xc4\x85\xc4\x8d"},
	{"iso-8859-5",    SPAN("\xbf"),                                             "\xd0\x9f"},
	{"iso-8859-8-i",  SPAN("\xf9\xec"),                                         "\xd7\xa9\xd7\x9c"},
	{"windows-1251",  SPAN("\xcf\xf0\xe8"),                                     "\xd0\x9f\xd1\x80\xd0\xb8"},
	{"windows-1252",  SPAN("\x80\x81z"),                                        "\xe2\x82\xac" BAD "z"},
	{"cp1250",        SPAN("\x9a"),                                             "\xc5\xa1"},
	{"koi8-r",        SPAN("\xf0\xd2\xc9"),                                     "\xd0\x9f\xd1\x80\xd0\xb8"},
	{"koi8-u",        SPAN("\xa4"),                                             "\xd1\x94"},
	{"windows-1255",  SPAN("a\xf9 b"),                                          "a\xd7\xa9 b"},
	{"windows-1258",  SPAN("a\xcc" "b"),                                        "\xc3\xa0" "b"},
	{"tis-620",       SPAN("\xa1"),                                             "\xe0\xb8\x81"},
	{"utf-7",         SPAN("Hi Mom -+Jjo--!"),                                  "Hi Mom -\xe2\x98\xba-!"},
	/* RFC 2152 section 2 */
	{"utf-7",         SPAN("A+ImIDkQ."),                                        "A\xe2\x89\xa2\xce\x91."},
	{"utf-7",         SPAN("Item 3 is +AKM-1."),                                "Item 3 is \xc2\xa3" "1."},
	{"utf-7",         SPAN("+ZeVnLIqe"),                                        "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e"},
	{"utf-7",         SPAN("1 +- 1 +AD0 2+2D3cJg-"),                            "1 + 1 = 2\xf0\x9f\x90\xa6"},
	{"utf-7",         SPAN("+AGE--+AGI-+AGM+-\n"),                              "a-b" "c" BAD "\n"},
	{"utf-7",         SPAN("\\~\t\x1b"),                                       "\\~\t\x1b"},
	/* not "+" and "-" or base64; half a pair; bits left; octets past ASCII */
	{"utf-7",         SPAN("c+!+"),                                             "c" BAD "!" BAD},
	{"utf-7",         SPAN("B$AB+3OkOp\xff."),                                  "B$AB" BAD BAD BAD "."},
	{"utf-7",         SPAN("+2D0-a+2D0AYQ-+2D3YPdwm-+3Cb"),                     BAD "a" BAD "a" BAD "\xf0\x9f\x90\xa6" BAD BAD},
	{"utf-7",         SPAN("+AGF-+A-+AGEA-+AGE\xe9z"),                          "a" BAD BAD "a" BAD "a" BAD "z"},
	{"utf-16",        SPAN("\0a\0\xe9"),                                        "a\xc3\xa9"},
	{"utf-16",        SPAN("\xfe\xff\0a\0\xe9"),                                "a\xc3\xa9"},
	{"utf-16",        SPAN("\xff\xfe" "a\0\xe9\0"),                             "a\xc3\xa9"},
	{"utf-16",        SPAN("\xff"),                                             BAD},
	{"utf-16le",      SPAN("\x3d\xd8\x26\xdc"),                                 "\xf0\x9f\x90\xa6"},
	{"utf-16be",      SPAN("\xdc\x00\0a\0b"),                                   BAD "ab"},
	{"utf-16be",      SPAN("\0a\0"),                                            "a" BAD},
	{"utf-32",        SPAN("\0\0\xfe\xff\0\0\0a"),                              "a"},
	{"utf-32",        SPAN("\xff\xfe\0\0a\0\0\0"),                           "a"},
	{"utf-32",        SPAN("\0\0\0a\0\x11\0\0"),                            "a" BAD},
	{"iso-2022-jp",   SPAN("a\x1b$B$3$l\x1b(Bb"),                               "a\xe3\x81\x93\xe3\x82\x8c" "b"},
	{"shift_jis",     SPAN("a\x82\xb1\x82\xea\\\xb1"),                          "a\xe3\x81\x93\xe3\x82\x8c\\\xef\xbd\xb1"},
	{"cp932",         SPAN("\x87\x40"),                                         "\xe2\x91\xa0"},
	{"euc-jp",        SPAN("\xa4\xb3\xa4\xec!"),                                "\xe3\x81\x93\xe3\x82\x8c!"},
	{"gb2312",        SPAN("\xc4\xe3\xba\xc3"),                                 "\xe4\xbd\xa0\xe5\xa5\xbd"},
	{"gbk",           SPAN("\x81\x40"),                                         "\xe4\xb8\x82"},
	{"gb18030",       SPAN("\x81\x30\x81\x30z"),                                "\xc2\x80z"},
	{"big5",          SPAN("\xa7\x41\xa6\x6e"),                                 "\xe4\xbd\xa0\xe5\xa5\xbd"},
	{"big5-hkscs",    SPAN("\x88\x62z"),                                        "\xc3\x8a\xcc\x84z"},
	{"euc-kr",        SPAN("\xb0\xa1"),                                         "\xea\xb0\x80"},
	{"ks_c_5601-1987", SPAN("\xb0\xa1"),                                        "\xea\xb0\x80"},
	{"iso-2022-kr",   SPAN("\x1b$)C\x0e\x30\x21\x0f z"),                        "\xea\xb0\x80 z"},
	/* what iconv kept stands before what is bad */
	{"windows-1258",  SPAN("a\x8a" "b\xcc\x8a"),                                "a" BAD "b\xcc\x80" BAD},
	{"windows-1255",  SPAN("\xe0\xd9\xe1"),                                     "\xd7\x90" BAD "\xd7\x91"},
	{"big5",          SPAN("\x88\x62\xff\x88\x62\x81"),                         "\xc3\x8a\xcc\x84" BAD "\xc3\x8a\xcc\x84" BAD},
	/* and escapes before it hold behind it */
	{"iso-2022-jp",   SPAN("\x1b$B$3\xff$l\x1b(Bb"),                            "\xe3\x81\x93" BAD "\xe3\x82\x8c" "b"},
	{"iso-2022-kr",   SPAN("\x1b$)C\x0e\x30\xff\x30\x21\x0f z"),                BAD BAD "\xea\xb0\x80 z"},
	{"euc-kr",        SPAN("\xa2\xe8" "A\xb0\xa1\xa2\xe8\xa2\xe8"),               BAD "A\xea\xb0\x80" BAD BAD},
	{"shift_jis",     SPAN("\x82"),                                             BAD},
	{"shift_jis",     SPAN("\x82\xff" "a"),                                     BAD BAD "a"},
	{"gb18030",       SPAN("\x81\x30\x81"),                                     BAD "0" BAD},
};

/* clang-format on */

static void
in_pieces(struct span charset, struct span in, size_t piece, struct buf *out)
{
	struct charset c;
	assert_int_equal(charset_begin(&c, charset), E_OK);
	for (; in.n; in = span_from(in, piece)) {
		struct span head = span_head(in, piece);
		char *copy = malloc(head.n); /* no byte past its end */
		assert_non_null(copy);
		memcpy(copy, head.p, head.n);
		charset_put(&c, span_make(copy, head.n), out);
		free(copy);
	}
	charset_end(&c, out);
}

static void
test_rows(void **st)
{
	(void)st;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf whole = {0};
		assert_int_equal(
		    charset_to_utf8(span_of(rows[i].charset), rows[i].in, &whole),
		    E_OK);
		if (!span_eqs(buf_as_span(&whole), rows[i].out))
			fail_msg(
			    "%s, row %zu: %s", rows[i].charset, i, buf_cstr(&whole));
		buf_free(&whole);
		for (size_t piece = 1; piece <= rows[i].in.n; piece++) {
			struct buf out = {0};
			in_pieces(span_of(rows[i].charset), rows[i].in, piece, &out);
			if (!span_eqs(buf_as_span(&out), rows[i].out))
				fail_msg("%s, row %zu, pieces of %zu: %s",
				    rows[i].charset, i, piece, buf_cstr(&out));
			buf_free(&out);
		}
	}
}

/*
 * All that the table names can be opened on a host with all of libc, and each name leads to one row
 * only.
 */
static void
test_table(void **st)
{
	const struct charset_row *row;
	(void)st;
	charset_prepare();
	for (size_t i = 0; (row = charset_row_at(i)); i++) {
		struct span names = span_of(row->names), name;
		assert_int_equal(names.p[0], ' ');
		assert_int_equal(names.p[names.n - 1], ' ');
		names = span_trim(names);
		while (names.n) {
			name = span_cut(&names, ' ');
			if (!charset_is_known(name) || charset_row_find(name) != row)
				fail_msg("%.*s of %s", SPAN_ARG(name), row->iconv_name);
			assert_true(name.n <= CHARSET_NAME_MAX);
		}
	}
}

/*
 * Every octet and every pair of octets in every charset becomes valid UTF-8, the same in pieces
 * that cut a pair, behind it, and before it.
 */
static void
test_all_octets(void **st)
{
	const struct charset_row *row;
	(void)st;
	for (size_t i = 0; (row = charset_row_at(i)); i++) {
		struct span name = span_trim(span_of(row->names));
		name = span_head(name, span_find(name, ' '));
		for (unsigned a = 0; a < 256; a++) {
			struct buf in = {0}, out = {0}, pieces = {0};
			for (unsigned b = 0; b < 256; b++)
				buf_put(&in, (char[]){(char)a, (char)b, '.', '\0'}, 4);
			assert_int_equal(
			    charset_to_utf8(name, buf_as_span(&in), &out), E_OK);
			if (!utf8_valid(buf_as_span(&out)))
				fail_msg("%s: octet %u", row->iconv_name, a);
			in_pieces(name, buf_as_span(&in), 3, &pieces);
			if (!span_eq(buf_as_span(&out), buf_as_span(&pieces)))
				fail_msg("%s: octet %u, pieces", row->iconv_name, a);
			buf_free(&in);
			buf_free(&out);
			buf_free(&pieces);
		}
	}
}

/* iconv's own word, octet by octet, where octets are characters. */
static void
test_octets(void **st)
{
	const struct charset_row *row;
	unsigned n_tables = 0;
	(void)st;
	for (size_t i = 0; (row = charset_row_at(i)); i++) {
		struct span name = span_trim(span_of(row->names));
		name = span_head(name, span_find(name, ' '));
		if (!row->is_ascii_like || row->way < WAY_ICONV)
			continue;
		bool is_table = true;
		for (unsigned c = 128; c < 256; c++) {
			char in = (char)c, made[8], *from = &in, *to = made;
			size_t left = 1, room = sizeof made;
			struct buf out = {0};
			iconv_t cd = iconv_open("UTF-8", row->iconv_name);
			assert_true(cd != (iconv_t)-1);
			int err = iconv(cd, &from, &left, &to, &room) == (size_t)-1
			              ? errno
			              : 0;
			iconv_close(cd);
			assert_int_equal(
			    charset_to_utf8(name, span_make(&in, 1), &out), E_OK);
			if (!span_eq(buf_as_span(&out),
				err ? SPAN(BAD) : span_make(made, (size_t)(to - made))))
				fail_msg("%s: octet %u", row->iconv_name, c);
			is_table &= err != EINVAL;
			buf_free(&out);
		}
		n_tables += is_table;
	}
	assert_true(n_tables > 30);
}

static void
test_names(void **st)
{
	(void)st;
	assert_true(charset_is_known(SPAN(" \"UTF-8\" ")));
	assert_true(charset_is_known(SPAN("'Windows-1252';")));
	assert_false(charset_is_known(SPAN("utf-8//TRANSLIT")));
	assert_false(charset_is_known(SPAN("utf-8 utf8")));
	assert_false(charset_is_known(SPAN("utf-8\0")));
	assert_false(charset_is_known(SPAN("iso-8859-99")));
	/* nothing that the table does not have */
	assert_false(charset_is_known(SPAN("iso-2022-cn-ext")));
	assert_false(charset_is_known(
	    SPAN("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")));
	struct buf out = {0};
	assert_int_equal(charset_to_utf8(SPAN("x"), SPAN("y"), &out), E_BAD);
	assert_int_equal(out.len, 0);
}

/* Two conversions of one charset at once do not see each other's state. */
static void
test_two_at_once(void **st)
{
	(void)st;
	struct charset a, b;
	struct buf out_a = {0}, out_b = {0};
	assert_int_equal(charset_begin(&a, SPAN("iso-2022-jp")), E_OK);
	charset_put(&a, SPAN("\x1b$B$3"), &out_a);
	assert_int_equal(charset_begin(&b, SPAN("iso-2022-jp")), E_OK);
	charset_put(&b, SPAN("$l"), &out_b);
	charset_put(&a, SPAN("$l"), &out_a);
	charset_end(&a, &out_a);
	charset_end(&b, &out_b);
	assert_string_equal(buf_cstr(&out_a), "\xe3\x81\x93\xe3\x82\x8c");
	assert_string_equal(buf_cstr(&out_b), "$l");
	/* and one that was given up leaves none */
	assert_int_equal(charset_begin(&a, SPAN("iso-2022-jp")), E_OK);
	charset_put(&a, SPAN("\x1b$B$"), &out_a);
	charset_end(&a, NULL);
	buf_reset(&out_a);
	assert_int_equal(
	    charset_to_utf8(SPAN("iso-2022-jp"), SPAN("$l"), &out_a), E_OK);
	assert_string_equal(buf_cstr(&out_a), "$l");
	buf_free(&out_a);
	buf_free(&out_b);
}

static void
test_long(void **st)
{
	(void)st;
	struct buf in = {0}, out = {0}, tight = {.max = 300000};
	for (int i = 0; i < 100000; i++)
		buf_str(&in, "\x82\xb1");
	buf_str(&in, "\x82");
	assert_int_equal(
	    charset_to_utf8(SPAN("shift_jis"), buf_as_span(&in), &out), E_OK);
	assert_int_equal(out.len, 300003);
	assert_int_equal(
	    charset_to_utf8(SPAN("shift_jis"), buf_as_span(&in), &tight), E_OK);
	assert_int_equal(buf_done(&tight), E_LIMIT);
	buf_reset(&tight);
	assert_int_equal(charset_to_utf8(SPAN("utf-8"), SPAN("short"), &tight), E_OK);
	assert_int_equal(buf_done(&tight), E_OK);
	buf_free(&in);
	buf_free(&out);
	buf_free(&tight);
}

static void
test_guess(void **st)
{
	(void)st;
	struct buf out = {0};
	charset_guess(SPAN("\xc3\xa9"), &out);
	charset_guess(SPAN("\xc3\xa9\xe9\x80"), &out);
	assert_string_equal(
	    buf_cstr(&out), "\xc3\xa9\xc3\x83\xc2\xa9\xc3\xa9\xe2\x82\xac");
	buf_free(&out);
}

/* Each code point is written and read back; surrogates and what is past the last are U+FFFD. */
static void
test_utf8(void **st)
{
	(void)st;
	for (uint32_t c = 0; c < 0x110010; c++) {
		struct buf out = {0};
		utf8_put(&out, c);
		struct span in = buf_as_span(&out);
		assert_true(utf8_valid(in));
		bool is_code = c < 0x110000 && (c < 0xd800 || c > 0xdfff);
		assert_int_equal(utf8_next(&in), is_code ? c : 0xfffd);
		assert_int_equal(in.n, 0);
		buf_free(&out);
	}
	struct span bad = SPAN("\xe2\x82x");
	assert_int_equal(utf8_next(&bad), 0xfffd);
	assert_int_equal(bad.n, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_table),
	    cmocka_unit_test(test_all_octets),
	    cmocka_unit_test(test_octets),
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_two_at_once),
	    cmocka_unit_test(test_long),
	    cmocka_unit_test(test_guess),
	    cmocka_unit_test(test_utf8),
	};
	return cmocka_run_group_tests_name("mime_charset", tests, NULL, NULL);
}
