/* SPDX-License-Identifier: ISC */
/* test_mime_text.c - what SEARCH BODY, TEXT and HEADER find, where, and what they do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "mime/casemap.h"
#include "mime/find.h"
#include "mime/text.h"

static struct text_scratch scratch;

static struct buf
fold(const char *s)
{
	struct buf out = {0};
	casemap_fold(&out, span_of(s));
	return out;
}

/* Where a needle is: "" nowhere, "t" in TEXT only, "b" in BODY and so in TEXT. */
static const char *
where_is(const char *message, const char *needle)
{
	struct arena arena = {0};
	struct buf folded = fold(needle);
	struct tree t;
	tree_make(span_of(message), &arena, &t);
	bool in_text = text_contains(&t, TEXT_TEXT, buf_as_span(&folded), &scratch);
	bool in_body = text_contains(&t, TEXT_BODY, buf_as_span(&folded), &scratch);
	buf_free(&folded);
	arena_reset(&arena);
	assert_true(in_text || !in_body);
	return in_body ? "b" : in_text ? "t" : "";
}

struct row {
	const char *message, *needle, *where;
};

#define PLAIN                                                                          \
	"Subject: Hello there\r\nX-Folded: one\r\n two\r\n\r\nBody of\r\nThis "        \
	"Message.\r\n"
#define WORDS                                                                          \
	"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe_an?=\r\n =?utf-8?q?_alle?=\r\nFrom: "      \
	"Anna\r\n Muster <a@b>\r\n\r\nx\r\n"
#define QP                                                                             \
	"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: "         \
	"quoted-printable\n\nGr=C3=BC=\n=C3=9Fe x=3Dy\n"
#define MIXED                                                                          \
	"Content-Type: multipart/mixed; boundary=b\n\npreamble\n--b\n\nfirst part\n"   \
	"--b\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: "     \
	"base64\n\nPGI+aHRtbDwvYj4=\n"                                                 \
	"--b\nContent-Type: application/pdf; "                                         \
	"name=\"report.pdf\"\nContent-Transfer-Encoding: base64\n\naGlkZGVu\n"         \
	"--b\nContent-Type: application/x\n\nbinary\n"                                 \
	"--b\nContent-Type: message/rfc822\n\nSubject: inner subject\n\ninner body\n"  \
	"--b--\nepilogue\n"

/* clang-format off */
static const struct row rows[] = {
	{PLAIN, "",                 "b"},
	{"",    "",                 "b"},
	{"",    "a",                ""},
	{PLAIN, "this message",     "b"},
	{PLAIN, "THIS",             "b"},
	{PLAIN, "message.",         "b"},
	{PLAIN, "messages",         ""},
	{PLAIN, "of\r\nthis",       "b"},
	{PLAIN, "of\nthis",         ""},
	{PLAIN, "hello",            "t"},
	{PLAIN, "hello there",      "t"},
	{PLAIN, "subject: hello",   "t"},
	{PLAIN, "one two",          "t"},
	{PLAIN, "one\r\n two",      ""},
	{PLAIN, "there\nx-folded",  ""},
	{PLAIN, "x-folded:",        "t"},
	{PLAIN, "\xc3\xbc",         ""},
	{PLAIN, "s",                "b"},
	/* encoded words and folds */
	{WORDS, "gr\xc3\xbc\xc3\x9f" "e an alle", "t"},
	{WORDS, "GR\xc3\x9c",       "t"},
	{WORDS, "utf-8",            ""},
	{WORDS, "anna muster",      "t"},
	{WORDS, "Muster <a@b>",     "t"},
	{WORDS, "gru",              "t"}, /* RFC 5051: decomposed, the accent is a character behind it */
	{"Subject: \xfc\n\n",       "\xc3\x9c", "t"},
	{"Subject: caf\xc3\xa9\n\n", "CAF\xc3\x89", "t"},
	/* encodings and charsets of bodies */
	{QP, "gr\xc3\xbc\xc3\x9f" "e x=y", "b"},
	{QP, "=C3",                 ""},
	{QP, "x=3D",                ""},
	{"Content-Type: text/plain; charset=iso-8859-1\n\ngr\xfc\xdf" "e", "\xc3\xbc\xc3\x9f", "b"},
	{"Content-Type: text/plain; charset=utf-8\n\ngr\xc3\xbc\xc3\x9f" "e", "\xc3\x9c\xc3\x9f" "E", "b"},
	{"Content-Type: text/plain; charset=utf-8\n\ngr\xc3\xbc\xc3\x9f" "e", "ss", ""},
	{"Content-Type: text/plain; charset=utf-8\n\n\xff" "abc\xfe", "ABC", "b"},
	{"Content-Type: text/plain\n\ngr\xfc", "\xc3\xbc", "b"},
	{"Content-Type: text/plain; charset=no-such\n\nabc \xc3\xbc", "\xc3\xbc", "b"},
	{"Content-Type: text/plain; charset=iso-2022-jp\n\n\x1b$B$3$s\x1b(B", "\xe3\x81\x93\xe3\x82\x93", "b"},
	{"Content-Type: text/plain; charset=iso-2022-jp\n\n\x1b$B$3$s\x1b(B", "b$3$s", ""},
	{"Content-Type: text/plain; charset=shift_jis\n\n\x83\x41", "a", "t"}, /* 0x41 is half a character */
	{"Content-Type: text/plain\nContent-Transfer-Encoding: x-what\n\nabc", "abc", ""},
	/* parts */
	{MIXED, "first part",       "b"},
	{MIXED, "<b>HTML</b>",      "b"},
	{MIXED, "report.pdf",       "t"}, /* heads of parts are heads: RFC 9051 6.4.4 */
	{MIXED, "inner subject",    "t"},
	{MIXED, "inner body",       "b"},
	{MIXED, "hidden",           ""},
	{MIXED, "aGlkZGVu",         ""},
	{MIXED, "binary",           ""},
	{MIXED, "preamble",         ""},
	{MIXED, "epilogue",         ""},
	{MIXED, "boundary=b",       "t"},
};

/* clang-format on */

static void
test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *where = where_is(rows[i].message, rows[i].needle);
		if (strcmp(where, rows[i].where) != 0)
			fail_msg("%s\n--- \"%s\" is in \"%s\"", rows[i].message,
			    rows[i].needle, where);
	}
}

/* ---- HEADER ---- */

static void
test_fields(void **state)
{
	static const struct {
		const char *name, *needle;
		bool is_there;
	} fields[] = {{"subject",
			  "gr\xc3\xbc\xc3\x9f"
			  "e an alle",
			  true},
	    {"Subject", "", true}, {"Subject", "anna", false},
	    {"From", "anna muster", true}, {"To", "", false}, {"To", "x", false},
	    {"From", "from", false}, {"Sub", "", false}};

	(void)state;
	for (size_t i = 0; i < COUNT(fields); i++) {
		struct buf needle = fold(fields[i].needle);
		assert_int_equal(
		    text_field_contains(span_of(WORDS), span_of(fields[i].name),
			buf_as_span(&needle), &scratch),
		    fields[i].is_there);
		buf_free(&needle);
	}
}

static void
test_field_put(void **state)
{
	struct buf out = {0};
	(void)state;
	text_field_put(&out,
	    SPAN("To: a\n b\nCc: no\nto: =?utf-8?q?=C3=BC?=\nTo:\n\nTo: no\n"),
	    SPAN("To"));
	assert_string_equal(buf_cstr(&out), "A B\nU\xcc\x88\n");
	buf_free(&out);
}

/* ---- the search itself: every place, every length, against a plain one ---- */

static bool
is_in(const char *hay, size_t n, const char *needle, size_t m, bool any_case)
{
	for (size_t i = 0; i + m <= n; i++) {
		size_t k = 0;
		while (k < m &&
		       (any_case ? ch_upper(hay[i + k]) : hay[i + k]) == needle[k])
			k++;
		if (k == m)
			return true;
	}
	return false;
}

static void
test_find(void **state)
{
	static const char letters[] = "aAbB@`[{ \xe1\xc1";
	uint32_t seed = 1;
	(void)state;
	for (int round = 0; round < 100000; round++) {
		char hay[150], needle[6];
		size_t n = (seed >> 8) % sizeof hay,
		       m = 1 + (seed >> 4) % sizeof needle;
		for (size_t i = 0; i < n + m; i++) {
			seed = seed * 1664525 + 1013904223;
			char c = letters[(seed >> 16) %
					 (round % 2 ? 3 : sizeof letters - 1)];
			if (i < n)
				hay[i] = c;
			else
				needle[i - n] = ch_upper(c);
		}
		/* the haystack ends where it ends: the sanitizer looks */
		char *exact = mem_new(n + 1);
		memcpy(exact, hay, n);
		assert_int_equal(
		    find_any_case(span_make(exact, n), span_make(needle, m)),
		    is_in(hay, n, needle, m, true));
		assert_int_equal(find_bytes(span_make(exact, n), span_make(needle, m)),
		    is_in(hay, n, needle, m, false));
		mem_free(&exact);
	}
	assert_true(find_any_case(SPAN(""), SPAN("")));
	assert_true(find_bytes(SPAN("a"), SPAN("")));
	assert_false(find_bytes(SPAN(""), SPAN("a")));
}

/* Texts that are nearly what is looked for all the time: found as ever, and at no more than a price. */
static void
test_find_work(void **state)
{
	enum { HAY = 4000, NEEDLE = 700 };

	char *hay = mem_new(HAY), *needle = mem_new(NEEDLE);
	uint32_t seed = 1;
	uint64_t dearest = 0;
	(void)state;
	for (int round = 0; round < 2000; round++) {
		size_t n = HAY - (seed >> 8) % 64, m = 1 + (seed >> 4) % NEEDLE;
		for (size_t i = 0; i < n + m; i++) {
			seed = seed * 1664525 + 1013904223;
			char c = (seed >> 16) % (round % 2 ? 300 : 3000) ? 'A' : 'B';
			if (i < n)
				hay[i] = c;
			else
				needle[i - n] = c;
		}
		for (int any_case = 0; any_case < 2; any_case++) {
			uint64_t work = 0;
			assert_int_equal(find_counted(span_make(hay, n),
					     span_make(needle, m), any_case, &work),
			    is_in(hay, n, needle, m, any_case));
			assert_true(work <= FIND_WORK_MAX * (n + m));
			dearest = work > dearest ? work : dearest;
		}
	}
	assert_true(dearest > HAY); /* it was made hard */
	mem_free(&hay);
	mem_free(&needle);
}

static int
done(void **state)
{
	(void)state;
	text_scratch_free(&scratch);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_fields),
	    cmocka_unit_test(test_field_put),
	    cmocka_unit_test(test_find),
	    cmocka_unit_test(test_find_work),
	};
	return cmocka_run_group_tests(tests, NULL, done);
}
