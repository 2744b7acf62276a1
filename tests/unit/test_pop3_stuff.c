/* SPDX-License-Identifier: ISC */
/* test_pop3_stuff.c - dots of RETR, lines of TOP, CAPA that is true. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "pop3d/stuff.h"

/* What a client gets, and what it makes of it again. */
static void
stuff(struct span text, struct buf *out)
{
	while (text.n) {
		bool needs_dot;
		struct span piece = stuff_next(&text, &needs_dot);
		assert_true(piece.n > 0);
		if (needs_dot)
			buf_ch(out, '.');
		buf_span(out, piece);
	}
}

static const struct {
	const char *text, *sent;
} rows[] = {
    {"", ""},
    {"a\r\n", "a\r\n"},
    {".\r\n", "..\r\n"},
    {"..\r\n", "...\r\n"},
    {"a\r\n.\r\nb\r\n", "a\r\n..\r\nb\r\n"},
    {"a\r\n.b\r\n.c\r\n", "a\r\n..b\r\n..c\r\n"},
    {"a.b\r\nc.\r\n", "a.b\r\nc.\r\n"},
    {".", ".."},
    {"\r\n.", "\r\n.."},
    {".\r\n.\r\n.\r\n", "..\r\n..\r\n..\r\n"},
};

static void
test_dots(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf out = {0};
		stuff(span_of(rows[i].text), &out);
		assert_string_equal(buf_cstr(&out), rows[i].sent);
		buf_free(&out);
	}
}

static void
test_top(void **state)
{
	static const char message[] = "Subject: x\r\n\r\none\r\ntwo\r\nthree";
	static const size_t ends[] = {14, 19, 24, 29, 29};
	(void)state;
	for (uint64_t n = 0; n < COUNT(ends); n++)
		assert_int_equal(top_end(span_of(message), n), ends[n]);
	assert_int_equal(top_end(SPAN("Subject: no body\r\n"), 5), 18);
	assert_int_equal(top_end(SPAN(""), 5), 0);
	assert_int_equal(top_end(span_of(message), UINT64_MAX), sizeof message - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_dots), cmocka_unit_test(test_top)};
	return cmocka_run_group_tests_name("pop3_stuff", tests, NULL, NULL);
}
