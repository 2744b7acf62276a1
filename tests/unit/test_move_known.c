/* SPDX-License-Identifier: ISC */
/* test_move_known.c - line ends, keywords, and what an import knows of a folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "move/crlf.h"
#include "move/known.h"

static void
assert_span(struct span s, const char *want)
{
	if (!span_eqs(s, want))
		fail_msg("\"%.*s\" is not \"%s\"", SPAN_ARG(s), want);
}

static void
test_crlf(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {{"", ""}, {"a\n", "a\r\n"}, {"a\r\n", "a\r\n"},
	    {"\n\n", "\r\n\r\n"}, {"\r\n\n\r\n", "\r\n\r\n\r\n"},
	    {"a\rb\n", "a\rb\r\n"}, {"a\r\r\n", "a\r\r\n"}, {"no end", "no end"},
	    {"cr at the end\r", "cr at the end\r"}};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		for (size_t step = 1; step < 5; step++) {
			struct crlf c = {.was_cr = false};
			struct buf out = {0};
			struct span rest = span_of(rows[i].in);
			for (; rest.n; rest = span_from(rest, step))
				crlf_put(&c, span_head(rest, step), &out);
			assert_span(buf_as_span(&out), rows[i].out);
			buf_free(&out);
		}
}

static void
test_keywords(void **state)
{
	struct keywords k = {.n = 0};
	struct arena a = {0};
	struct span names[STORE_KEYWORDS_MAX];
	struct buf name = {0};
	(void)state;
	assert_int_equal(keywords_bit(&k, &a, SPAN("$Forwarded")), 1);
	assert_int_equal(keywords_bit(&k, &a, SPAN("work")), 2);
	assert_int_equal(keywords_bit(&k, &a, SPAN("$FORWARDED")), 1);
	assert_int_equal(keywords_bit(&k, &a, SPAN("\\Seen")), 0);
	assert_int_equal(keywords_bit(&k, &a, SPAN("a b")), 0);
	assert_int_equal(keywords_bit(&k, &a, SPAN("")), 0);
	assert_int_equal(keywords_bit(&k, &a, SPAN("\xc3\xa9")), 0);
	assert_int_equal(k.n_left_out, 4);
	assert_int_equal(keywords_of(&k, 3, names), 2);
	assert_span(names[0], "$Forwarded");
	for (unsigned i = 0; i < STORE_KEYWORDS_MAX; i++) {
		buf_reset(&name);
		buf_putf(&name, "k%u", i);
		assert_int_equal(keywords_bit(&k, &a, buf_as_span(&name)) != 0,
		    i < STORE_KEYWORDS_MAX - 2);
	}
	buf_free(&name);
	arena_reset(&a);
}

/* ---- known ---- */

static struct file_id
id(unsigned char n)
{
	struct file_id f = {{n}};
	return f;
}

static void
put(struct buf *b, const char *key, unsigned char n, uint32_t flags, uint64_t keywords,
    const struct keywords *names)
{
	struct known_row r = {
	    .key = span_of(key), .id = id(n), .flags = flags, .keywords = keywords};
	known_row_put(b, &r, names);
}

static void
test_there_and_back(void **state)
{
	struct arena a = {0};
	struct keywords out = {.n = 0}, names = {.n = 0};
	struct known k, head = {.uidvalidity = 77, .is_adopted = true};
	struct buf b = {0};
	(void)state;
	uint64_t work = keywords_bit(&out, &a, SPAN("work")),
		 plus = keywords_bit(&out, &a, SPAN("+"));
	known_head_put(&b, SPAN("imap anna@old"), SPAN("a b\n%\xc3\xa9"), &head);
	put(&b, "12", 1, FLAG_SEEN, work | plus, &out);
	put(&b, "9", 2, 0, 0, &out);
	known_confirm_put(&b);
	put(&b, "a key,S=1 %", 3, FLAG_DRAFT, plus, &out);
	/* bits are those of the table that is given */
	assert_int_equal(keywords_bit(&names, &a, SPAN("other")), 1);
	assert_int_equal(known_read(buf_as_span(&b), SPAN("imap anna@old"),
			     SPAN("a b\n%\xc3\xa9"), &names, &k),
	    E_OK);
	assert_int_equal(k.n, 3);
	assert_int_equal(k.uidvalidity, 77);
	assert_true(k.is_adopted);
	struct known_row *r = known_find(&k, SPAN("12"));
	assert_non_null(r);
	assert_true(r->is_confirmed);
	assert_int_equal(r->flags, FLAG_SEEN);
	assert_int_equal(r->keywords, 2 | 4);
	assert_true(file_id_eq(r->id, id(1)));
	r = known_find(&k, SPAN("a key,S=1 %"));
	assert_non_null(r);
	assert_false(r->is_confirmed);
	assert_null(known_find(&k, SPAN("13")));
	known_free(&k);
	arena_reset(&a);
	buf_free(&b);
}

/* A write that was cut anywhere: the rows before it are known. */
static void
test_torn(void **state)
{
	struct keywords none = {.n = 0};
	struct known head = {.uidvalidity = 1}, k;
	struct buf b = {0};
	(void)state;
	known_head_put(&b, SPAN("s"), SPAN("f"), &head);
	size_t at = b.len;
	put(&b, "1", 1, 0, 0, &none);
	known_confirm_put(&b);
	size_t first = b.len;
	put(&b, "2", 2, 0, 0, &none);
	size_t second = b.len;
	for (size_t n = 0; n < second; n++) {
		struct keywords names = {.n = 0};
		int err = known_read(
		    span_head(buf_as_span(&b), n), SPAN("s"), SPAN("f"), &names, &k);
		assert_int_equal(err, n < at ? E_BAD : E_OK);
		assert_int_equal(k.n, n >= first - 2);
		known_free(&k);
	}
	buf_free(&b);
}

static void
test_not_ours(void **state)
{
	static const char *const bad[] = {"",
	    "merpati-import 2\nsource s\nfolder f\nuidvalidity 1 0\n",
	    "merpati-import 1\nsource t\nfolder f\nuidvalidity 1 0\n",
	    "merpati-import 1\nsource s\nfolder g\nuidvalidity 1 0\n",
	    "merpati-import 1\nsource s\nfolder f\nuidvalidity x 0\n",
	    "merpati-import 1\nsource s\nfolder f\nuidvalidity 1 2\n"};
	static const char *const rows[] = {"+ 1 zz 0\n",
	    "+ 1 01000000000000000000000000000000 99\n", "? 1\n",
	    "+  01000000000000000000000000000000 0\n",
	    "+ %zz 01000000000000000000000000000000 0\n"};
	struct keywords names = {.n = 0};
	struct known k;
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_int_equal(
		    known_read(span_of(bad[i]), SPAN("s"), SPAN("f"), &names, &k),
		    E_BAD);
		known_free(&k);
	}
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf b = {0};
		buf_putf(&b,
		    "merpati-import 1\nsource s\nfolder f\nuidvalidity 1 0\n%s",
		    rows[i]);
		assert_int_equal(
		    known_read(buf_as_span(&b), SPAN("s"), SPAN("f"), &names, &k),
		    E_OK);
		assert_int_equal(k.n, 0);
		known_free(&k);
		buf_free(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_crlf),
	    cmocka_unit_test(test_keywords),
	    cmocka_unit_test(test_there_and_back),
	    cmocka_unit_test(test_torn),
	    cmocka_unit_test(test_not_ours),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
