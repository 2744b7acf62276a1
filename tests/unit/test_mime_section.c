/* SPDX-License-Identifier: ISC */
/* test_mime_section.c - texts of sections, and the bytes they mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "mime/section.h"

/* ---- text: parsed, and put again ---- */

struct text_row {
	const char *in;
	int err;
	const char *again; /* as section_put says it; what is left behind a ']' stays */
};

/* clang-format off */
static const struct text_row texts[] = {
	{"]",                             E_OK, ""},
	{"] rest",                        E_OK, ""},
	{"1]",                            E_OK, "1"},
	{"1.2.3]",                        E_OK, "1.2.3"},
	{"4294967295]",                   E_OK, "4294967295"},
	{"header]",                       E_OK, "HEADER"},
	{"TEXT]",                         E_OK, "TEXT"},
	{"1.MIME]",                       E_OK, "1.MIME"},
	{"1.2.Text]",                     E_OK, "1.2.TEXT"},
	{"1.2.HEADER]",                   E_OK, "1.2.HEADER"},
	{"HEADER.FIELDS (Date From)]",    E_OK, "HEADER.FIELDS (Date From)"},
	{"header.fields (\"Date\" x)]",   E_OK, "HEADER.FIELDS (Date x)"},
	{"HEADER.FIELDS ({4}\r\nDate x)]", E_OK, "HEADER.FIELDS (Date x)"},
	{"HEADER.FIELDS ({3+}\r\na b)]",  E_OK, "HEADER.FIELDS (\"a b\")"},
	{"HEADER.FIELDS (\"a\\\"b\\\\\")]", E_OK, "HEADER.FIELDS (\"a\\\"b\\\\\")"},
	{"HEADER.FIELDS (\"\")]",         E_OK, "HEADER.FIELDS (\"\")"},
	{"3.1.HEADER.FIELDS.NOT (X-Y)]",  E_OK, "3.1.HEADER.FIELDS.NOT (X-Y)"},
	{"",                              E_BAD, NULL},
	{"1",                             E_BAD, NULL},
	{"1.]",                           E_BAD, NULL},
	{"1..2]",                         E_BAD, NULL},
	{".1]",                           E_BAD, NULL},
	{"0]",                            E_BAD, NULL},
	{"1.0]",                          E_BAD, NULL},
	{"4294967296]",                   E_LIMIT, NULL},
	{"MIME]",                         E_BAD, NULL},
	{"HEADER",                        E_BAD, NULL},
	{"HEADERS]",                      E_BAD, NULL},
	{"HEADER.1]",                     E_BAD, NULL},
	{"TEXT (a)]",                     E_BAD, NULL},
	{"HEADER.FIELDS]",                E_BAD, NULL},
	{"HEADER.FIELDS ()]",             E_BAD, NULL},
	{"HEADER.FIELDS (a]",             E_BAD, NULL},
	{"HEADER.FIELDS (a  b)]",         E_BAD, NULL},
	{"HEADER.FIELDS (a )]",           E_BAD, NULL},
	{"HEADER.FIELDS(a)]",             E_BAD, NULL},
	{"HEADER.FIELDS (\"a)]",          E_BAD, NULL},
	{"HEADER.FIELDS (\"a\\",          E_BAD, NULL},
	{"HEADER.FIELDS (\"a\r\nb\")]",   E_BAD, NULL},
	{"HEADER.FIELDS ({4}Date)]",      E_BAD, NULL},
	{"HEADER.FIELDS ({9}\r\nDate)]",  E_BAD, NULL},
	{"HEADER.FIELDS ({}\r\n)]",       E_BAD, NULL},
	{"HEADER.FIELDS ({-1}\r\n)]",     E_BAD, NULL},
	{"HEADER.FIELDS ({99999999999999999999}\r\n)]", E_LIMIT, NULL},
};

/* clang-format on */

static void
test_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct arena arena = {0};
		struct buf again = {0};
		struct section s;
		struct span in = span_of(texts[i].in);
		int err = section_parse(&in, &arena, &s);
		if (err != texts[i].err)
			fail_msg("%s: %s", texts[i].in, err_name(err));
		if (err == E_OK) {
			section_put(&again, &s);
			assert_string_equal(buf_cstr(&again), texts[i].again);
			assert_true(in.n && in.p[0] == ']');
		} else {
			assert_ptr_equal(in.p, texts[i].in);
		}
		buf_free(&again);
		arena_reset(&arena);
	}
}

static void
check_limit(const char *head, const char *each, int n, const char *tail, int err)
{
	struct arena arena = {0};
	struct buf text = {0};
	struct section s;
	buf_str(&text, head);
	for (int i = 0; i < n; i++)
		buf_str(&text, each);
	buf_str(&text, tail);
	struct span in = buf_as_span(&text);
	assert_int_equal(section_parse(&in, &arena, &s), err);
	buf_free(&text);
	arena_reset(&arena);
}

static void
test_text_limits(void **state)
{
	(void)state;
	check_limit("1", ".1", SECTION_PATH_MAX - 1, "]", E_OK);
	check_limit("1", ".1", SECTION_PATH_MAX, "]", E_LIMIT);
	check_limit("HEADER.FIELDS (a", " a", SECTION_NAMES_MAX - 1, ")]", E_OK);
	check_limit("HEADER.FIELDS (a", " a", SECTION_NAMES_MAX, ")]", E_LIMIT);
	check_limit("HEADER.FIELDS (", "a", SECTION_NAME_MAX, ")]", E_OK);
	check_limit("HEADER.FIELDS (", "a", SECTION_NAME_MAX + 1, ")]", E_LIMIT);
	check_limit("HEADER.FIELDS (\"", "a", SECTION_NAME_MAX, "\")]", E_OK);
	check_limit("HEADER.FIELDS (\"", "a", SECTION_NAME_MAX + 1, "\")]", E_LIMIT);
}

/* ---- bytes ---- */

static const char message[] =
    "From: a@b\r\nSubject: one\r\n two\r\nX: 1\r\nx: 2\r\nContent-Type: "
    "multipart/mixed; boundary=b\r\n\r\n"
    "--b\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: "
    "quoted-printable\r\n\r\n"
    "a=3Db=\r\nc\r\n"
    "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\nTo: c@d\r\n\r\nInner "
    "text\r\n"
    "--b\r\nContent-Type: a/b\r\nContent-Transfer-Encoding: "
    "base64\r\n\r\nSGVs\r\nbG8=\r\n"
    "--b\r\nContent-Type: a/b\r\nContent-Transfer-Encoding: x-uue\r\n\r\nabc\r\n"
    "--b--\r\n";

struct get_row {
	const char *section;
	int err;
	const char *bytes;
};

/* clang-format off */
static const struct get_row gets[] = {
	{"]",                                 E_OK, message},
	{"HEADER]",                           E_OK, "From: a@b\r\nSubject: one\r\n two\r\nX: 1\r\nx: 2\r\n"
	                                            "Content-Type: multipart/mixed; boundary=b\r\n\r\n"},
	{"HEADER.FIELDS (SUBJECT x)]",        E_OK, "Subject: one\r\n two\r\nX: 1\r\nx: 2\r\n\r\n"},
	{"HEADER.FIELDS (None)]",             E_OK, "\r\n"},
	{"HEADER.FIELDS.NOT (x Content-Type None)]", E_OK, "From: a@b\r\nSubject: one\r\n two\r\n\r\n"},
	{"1]",                                E_OK, "a=3Db=\r\nc"},
	{"1.MIME]",                           E_OK, "Content-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"},
	{"1.TEXT]",                           E_BAD, NULL},
	{"1.HEADER]",                         E_BAD, NULL},
	{"1.HEADER.FIELDS (x)]",              E_BAD, NULL},
	{"1.1]",                              E_BAD, NULL},
	{"2]",                                E_OK, "Subject: inner\r\nTo: c@d\r\n\r\nInner text"},
	{"2.MIME]",                           E_OK, "Content-Type: message/rfc822\r\n\r\n"},
	{"2.HEADER]",                         E_OK, "Subject: inner\r\nTo: c@d\r\n\r\n"},
	{"2.HEADER.FIELDS (to)]",             E_OK, "To: c@d\r\n\r\n"},
	{"2.HEADER.FIELDS.NOT (to)]",         E_OK, "Subject: inner\r\n\r\n"},
	{"2.TEXT]",                           E_OK, "Inner text"},
	{"2.1]",                              E_OK, "Inner text"},
	{"2.1.MIME]",                         E_OK, "Subject: inner\r\nTo: c@d\r\n\r\n"},
	{"2.1.TEXT]",                         E_BAD, NULL},
	{"2.2]",                              E_BAD, NULL},
	{"5]",                                E_BAD, NULL},
	{"5.HEADER]",                         E_BAD, NULL},
};
static const struct get_row binaries[] = {
	{"]",      E_OK,   message},
	{"1]",     E_OK,   "a=bc"},
	{"2]",     E_OK,   "Subject: inner\r\nTo: c@d\r\n\r\nInner text"},
	{"2.1]",   E_OK,   "Inner text"},
	{"3]",     E_OK,   "Hello"},
	{"4]",     E_DENY, NULL},
	{"5]",     E_BAD,  NULL},
	{"1.MIME]", E_BAD, NULL},
};

/* clang-format on */

static struct section
section_of(const char *text, struct arena *arena)
{
	struct section s;
	struct span in = span_of(text);
	assert_int_equal(section_parse(&in, arena, &s), E_OK);
	return s;
}

static void
check_get(const struct get_row *row, const struct tree *t, struct arena *arena)
{
	struct section s = section_of(row->section, arena);
	struct buf made = {0};
	struct span out;
	int err = section_get(&s, t, &made, &out);
	if (err != row->err || (err == E_OK && !span_eqs(out, row->bytes)))
		fail_msg("%s: %s: %.*s", row->section, err_name(err),
		    err == E_OK ? (int)out.n : 0, out.p);
	buf_free(&made);
}

static void
test_gets(void **state)
{
	struct arena arena = {0};
	struct tree t;
	(void)state;
	tree_make(span_of(message), &arena, &t);
	for (size_t i = 0; i < COUNT(gets); i++)
		check_get(&gets[i], &t, &arena);
	arena_reset(&arena);
}

/* Of a message that is no multipart, part 1 is its body. */
static void
test_gets_of_a_single_part(void **state)
{
	static const struct get_row rows[] = {{"1]", E_OK, "Hi"}, {"TEXT]", E_OK, "Hi"},
	    {"HEADER]", E_OK, "Subject: x\n\n"}, {"1.MIME]", E_OK, "Subject: x\n\n"},
	    {"1.TEXT]", E_BAD, NULL}, {"2]", E_BAD, NULL}};
	struct arena arena = {0};
	struct tree t;
	(void)state;
	tree_make(SPAN("Subject: x\n\nHi"), &arena, &t);
	for (size_t i = 0; i < COUNT(rows); i++)
		check_get(&rows[i], &t, &arena);
	tree_make(SPAN("Subject: x"), &arena, &t); /* no empty line, no line end */
	check_get(&(struct get_row){"HEADER]", E_OK, "Subject: x"}, &t, &arena);
	check_get(
	    &(struct get_row){"HEADER.FIELDS (Subject)]", E_OK, "Subject: x\r\n\r\n"},
	    &t, &arena);
	check_get(&(struct get_row){"TEXT]", E_OK, ""}, &t, &arena);
	arena_reset(&arena);
}

static void
test_binaries(void **state)
{
	struct arena arena = {0};
	struct tree t;
	(void)state;
	tree_make(span_of(message), &arena, &t);
	for (size_t i = 0; i < COUNT(binaries); i++) {
		struct section s = section_of(binaries[i].section, &arena);
		struct buf made = {0};
		struct span out;
		size_t size;
		assert_int_equal(section_binary(&s, &t, &made, &out), binaries[i].err);
		assert_int_equal(section_binary_size(&s, &t, &size), binaries[i].err);
		if (binaries[i].err == E_OK) {
			assert_true(span_eqs(out, binaries[i].bytes));
			assert_int_equal(size, out.n);
		}
		buf_free(&made);
	}
	arena_reset(&arena);
}

/* Sizes are counted in pieces: of both encodings the same as of the whole. */
static void
test_binary_size_in_pieces(void **state)
{
	static const char *const heads[] = {"Content-Transfer-Encoding: base64\n\n",
	    "Content-Transfer-Encoding: quoted-printable\n\n"};
	(void)state;
	for (size_t h = 0; h < COUNT(heads); h++) {
		struct arena arena = {0};
		struct buf m = {0}, made = {0};
		struct section s = section_of("1]", &arena);
		struct span out;
		struct tree t;
		size_t size;
		buf_str(&m, heads[h]);
		for (int i = 0; i < 30000; i++)
			buf_putf(&m, "Zm9v%s",
			    i % 7 == 0    ? "=3D \r\n"
			    : i % 11 == 0 ? "=\r\n"
					  : "");
		tree_make(buf_as_span(&m), &arena, &t);
		assert_int_equal(section_binary(&s, &t, &made, &out), E_OK);
		assert_int_equal(section_binary_size(&s, &t, &size), E_OK);
		assert_int_equal(size, out.n);
		buf_free(&m);
		buf_free(&made);
		arena_reset(&arena);
	}
}

static void
test_made_full(void **state)
{
	struct arena arena = {0};
	struct buf made = {.max = 8};
	struct tree t;
	struct span out;
	struct section fields = section_of("HEADER.FIELDS (Subject)]", &arena),
		       binary = section_of("3]", &arena);
	(void)state;
	tree_make(span_of(message), &arena, &t);
	assert_int_equal(section_get(&fields, &t, &made, &out), E_LIMIT);
	assert_int_equal(section_binary(&binary, &t, &made, &out), E_LIMIT);
	buf_free(&made);
	arena_reset(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_texts),
	    cmocka_unit_test(test_text_limits),
	    cmocka_unit_test(test_gets),
	    cmocka_unit_test(test_gets_of_a_single_part),
	    cmocka_unit_test(test_binaries),
	    cmocka_unit_test(test_binary_size_in_pieces),
	    cmocka_unit_test(test_made_full),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
