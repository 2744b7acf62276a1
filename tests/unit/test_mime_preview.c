/* SPDX-License-Identifier: ISC */
/* test_mime_preview.c - the first words of messages, and of HTML. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "mime/html.h"
#include "mime/preview.h"

struct row {
	const char *in, *out;
};

#define PART(type, body) "--b\nContent-Type: " type "\n\n" body "\n"
#define MULTI "Content-Type: multipart/alternative; boundary=b\n\n"

/* clang-format off */
static const struct row messages[] = {
	{"", ""},
	{"Subject: x\n\n", ""},
	{"Subject: x\n\n \r\n\t\r\n", ""},
	{"Subject: x\n\nHello\r\n  world,\r\n\r\nyou\r\n", "Hello world, you"},
	/* quotes of others are left out, if there is more */
	{"\nAnna wrote:\n> old\n>> older\nnew\n", "Anna wrote: new"},
	{"\n> old\n>> older\n", "> old >> older"},
	/* encodings and charsets */
	{"Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\ngr=FC=DFe =\nan",
	 "gr\xc3\xbc\xc3\x9f" "e an"},
	{"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\nZ3LDvMOfZQ==\n", "gr\xc3\xbc\xc3\x9f" "e"},
	{"Content-Type: text/plain; charset=no-such\n\nabc\xfc", "abc\xc3\xbc"},
	{"Content-Type: text/plain; charset=utf-8\n\n\xc2\xa0" "a\xc2\xa0\xe2\x80\x8b b\xe3\x80\x80" "c\xc2\xad" "d", "a b cd"},
	/* plain before HTML, whatever their order; what has words before what has none */
	{MULTI PART("text/html", "<b>html</b>") PART("text/plain", "plain") "--b--", "plain"},
	{MULTI PART("text/plain", " ") PART("text/html", "<b>html</b>") "--b--", "html"},
	{MULTI PART("text/plain", "") PART("text/plain", "two") "--b--", "two"},
	{MULTI PART("text/csv", "csv") "--b--", ""},
	{MULTI PART("image/png", "png") "--b--", ""},
	{MULTI PART("text/plain\nContent-Disposition: attachment", "no") PART("text/plain\nContent-Disposition: inline", "yes") "--b--", "yes"},
	/* a message in a message is another one */
	{MULTI PART("message/rfc822", "\nno") PART("text/plain", "yes") "--b--", "yes"},
	{"Content-Type: message/rfc822\n\n\nno", ""},
	{"Content-Type: text/plain\nContent-Transfer-Encoding: x-what\n\nno", ""},
};
static const struct row htmls[] = {
	{"a<b>b</b>c", "abc"},
	{"a<br>b<p>c</p>d<td>e", "a b c d e"},
	{"<p>\n <b>a</b>\n</p>", "a"},
	{"a<!-- <b>no</b> -->b", "ab"},
	{"a<!-- no", "a"},
	{"<!DOCTYPE html><?xml x?>a", "a"},
	{"<head><title>no</title><style>p { x: \"</p>\" }</style></head>a", "a"},
	{"<STYLE>no</sTyLe>a<script>if (a < b) no</script>b", "a b"},
	{"<style>no", ""},
	{"<style/>a</style>b", "b"},
	{"<a href=\"x>y\" title='>'>a</a>", "a"},
	{"<a href=it's>a</a>", "a"},
	{"1 < 2 &lt; 3 <3", "1 < 2 < 3 <3"},
	{"a<b", "a"},
	{"a<", "a<"},
	{"&amp;&lt;&gt;&quot;&nbsp;&uuml;&euro;&AMP", "&<>\" \xc3\xbc\xe2\x82\xac&AMP"},
	{"&#65;&#x42;&#X43;&#68", "ABCD"},
	{"&#146;&#8217;", "\xe2\x80\x99\xe2\x80\x99"},
	{"&#0;&#xffffffffff;&#;&#x;&;&nosuch;", "&#0;\xef\xbf\xbd&#;&#x;&;&nosuch;"},
	{"&#847;&zwnj;&nbsp;&#847;&zwnj;&nbsp;a", "a"},
	{"&ampa", "&ampa"},
};

/* clang-format on */

static void
test_messages(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(messages); i++) {
		struct arena arena = {0};
		struct buf out = {0};
		struct tree t;
		tree_make(span_of(messages[i].in), &arena, &t);
		preview_put(&out, &t, &arena);
		assert_string_equal(buf_cstr(&out), messages[i].out);
		buf_free(&out);
		arena_reset(&arena);
	}
}

static void
test_htmls(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(htmls); i++) {
		struct buf out = {0};
		struct words words = {.out = &out, .max_chars = 100};
		html_words(span_of(htmls[i].in), &words);
		assert_string_equal(buf_cstr(&out), htmls[i].out);
		buf_free(&out);
	}
}

static size_t
chars_of(struct span utf8)
{
	size_t n = 0;
	for (size_t i = 0; i < utf8.n; i++)
		n += ((unsigned char)utf8.p[i] & 0xc0) != 0x80;
	return n;
}

static void
check_length(struct buf *m, size_t chars, const char *begins)
{
	struct arena arena = {0};
	struct buf out = {0};
	struct tree t;
	tree_make(buf_as_span(m), &arena, &t);
	preview_put(&out, &t, &arena);
	assert_int_equal(chars_of(buf_as_span(&out)), chars);
	assert_true(utf8_valid(buf_as_span(&out)));
	assert_true(span_starts(buf_as_span(&out), span_of(begins)));
	buf_free(&out);
	arena_reset(&arena);
	buf_free(m);
}

/* 200 characters, not octets, and no blank at the end (RFC 8970 3.3). */
static void
test_length(void **state)
{
	struct buf m = {0};
	(void)state;
	buf_str(&m, "Content-Type: text/plain; charset=utf-8\n\n");
	for (int i = 0; i < 1000; i++)
		buf_str(&m, "\xe2\x82\xac");
	check_length(&m, PREVIEW_CHARS_MAX, "\xe2\x82\xac");
	buf_str(&m, "\n");
	for (int i = 0; i < 100; i++)
		buf_str(&m, "a ");
	check_length(&m, PREVIEW_CHARS_MAX - 1, "a a");
	buf_str(&m, "\n");
	for (int i = 0; i < 101; i++)
		buf_str(&m, "a ");
	check_length(&m, PREVIEW_CHARS_MAX - 1, "a a");
}

/*
 * Words far behind the beginning are found, up to a limit; pieces do not cut characters that are
 * shown.
 */
static void
test_looks_further(void **state)
{
	struct buf m = {0};
	(void)state;
	buf_str(&m, "Content-Type: text/html; charset=utf-8\n\n<style>");
	while (m.len < 100000)
		buf_str(&m, "p { color: red; }\n");
	buf_str(&m, "</style>");
	for (int i = 0; i < 50; i++)
		buf_str(&m, "\xe2\x82\xac");
	check_length(&m, 50, "\xe2\x82\xac");
	buf_str(&m, "Content-Type: text/html\n\n<style>");
	while (m.len < PREVIEW_LOOK_BYTES_MAX + 100)
		buf_str(&m, "p { color: red; }\n");
	buf_str(&m, "</style>a");
	check_length(&m, 0, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_messages),
	    cmocka_unit_test(test_htmls),
	    cmocka_unit_test(test_length),
	    cmocka_unit_test(test_looks_further),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
