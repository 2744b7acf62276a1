/* SPDX-License-Identifier: ISC */
/* test_managesieve_syntax.c - commands, their literals, and strings that we send. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "deliver/managesieve/capability.h"
#include "deliver/managesieve/reply.h"
#include "deliver/managesieve/syntax.h"

static void
test_tail(void **st)
{
	/* clang-format off */
	static const struct {
		const char *line;
		enum syntax_tail tail;
		uint64_t n;
	} rows[] = {
		{"", SYNTAX_ENDS, 0},
		{"NOOP", SYNTAX_ENDS, 0},
		{"NOOP {5+}", SYNTAX_LITERAL, 5},
		{"NOOP {0+}", SYNTAX_LITERAL, 0},
		{"{12+}", SYNTAX_LITERAL, 12},
		{"PUTSCRIPT \"a\" {5+}", SYNTAX_LITERAL, 5},
		{"PUTSCRIPT \"a{\" {5+}", SYNTAX_LITERAL, 5},
		{"PUTSCRIPT \"a\\\"\" {5+}", SYNTAX_LITERAL, 5},
		{"NOOP {5}", SYNTAX_WAITS, 5},
		{"NOOP {99999999999999999999+}", SYNTAX_LITERAL, UINT64_MAX},
		{"NOOP \"{5+}\"", SYNTAX_ENDS, 0},
		{"NOOP \"{5+}", SYNTAX_ENDS, 0},
		{"NOOP \"\\\"{5+}", SYNTAX_ENDS, 0},
		{"NOOP \"a\\", SYNTAX_ENDS, 0},
		{"NOOP {5+", SYNTAX_ENDS, 0},
		{"NOOP {+}", SYNTAX_ENDS, 0},
		{"NOOP {}", SYNTAX_ENDS, 0},
		{"NOOP {-5+}", SYNTAX_ENDS, 0},
		{"NOOP {5++}", SYNTAX_ENDS, 0},
		{"NOOP 5+}", SYNTAX_ENDS, 0},
		{"NOOP {5+} ", SYNTAX_ENDS, 0},
	};

	/* clang-format on */
	(void)st;
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint64_t n;
		enum syntax_tail tail = syntax_tail(span_of(rows[i].line), &n);
		if (tail != rows[i].tail || (tail != SYNTAX_ENDS && n != rows[i].n))
			fail_msg("row %zu: %d", i, (int)tail);
	}
}

/* "VERB|string|#number" */
static void
put_command(const struct syntax_command *c, struct buf *out)
{
	buf_span(out, c->verb);
	for (size_t i = 0; i < c->n; i++)
		if (c->arguments[i].kind == SYNTAX_NUMBER)
			buf_putf(out, "|#%u", c->arguments[i].number);
		else
			buf_putf(out, "|%.*s", SPAN_ARG(c->arguments[i].text));
}

static void
test_commands(void **st)
{
	/* clang-format off */
	static const struct {
		const char *text, *want; /* NULL: E_BAD */
	} rows[] = {
		{"NOOP", "NOOP"},
		{"NOOP \"a\"", "NOOP|a"},
		{"NOOP \"\"", "NOOP|"},
		{"NOOP \"a\\\"b\\\\c\"", "NOOP|a\"b\\c"},
		{"NOOP {3+}\r\na\"b", "NOOP|a\"b"},
		{"NOOP {0+}\r\n", "NOOP|"},
		{"PUTSCRIPT {1+}\r\na {2+}\r\n\r\n", "PUTSCRIPT|a|\r\n"},
		{"PUTSCRIPT {1+}\r\na \"b\"", "PUTSCRIPT|a|b"},
		{"HAVESPACE \"a\" 0", "HAVESPACE|a|#0"},
		{"HAVESPACE \"a\" 4294967295", "HAVESPACE|a|#4294967295"},
		{"a \"1\" 2 \"3\"", "a|1|#2|3"},
		{"", NULL},
		{" NOOP", NULL},
		{"NOOP ", NULL},
		{"NOOP  \"a\"", NULL},
		{"NOOP\t\"a\"", NULL},
		{"NOOP a", NULL},
		{"NOOP \"a", NULL},
		{"NOOP \"a\"b", NULL},
		{"NOOP \"a\\b\"", NULL},
		{"NOOP \"a\\", NULL},
		{"NOOP \"a\rb\"", NULL},
		{"NOOP \"\xff\"", NULL},
		{"NO\xc3\xb6P", NULL},
		{"\"NOOP\"", NULL},
		{"NOOP {3+}\r\nab", NULL},
		{"NOOP {3}\r\nabc", NULL},
		{"NOOP {03+}\r\nabc", NULL},
		{"NOOP {3+}abc", NULL},
		{"NOOP {3+}\nabc", NULL},
		{"NOOP {4294967296+}\r\n", NULL},
		{"HAVESPACE \"a\" 4294967296", NULL},
		{"HAVESPACE \"a\" 01", NULL},
		{"HAVESPACE \"a\" -1", NULL},
		{"HAVESPACE \"a\" 1x", NULL},
	};

	/* clang-format on */
	(void)st;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena arena = {0};
		struct buf out = {0};
		struct syntax_command c;
		int err = syntax_command(span_of(rows[i].text), &arena, &c);
		if (err != (rows[i].want ? E_OK : E_BAD))
			fail_msg("row %zu: %s", i, err_name(err));
		if (rows[i].want) {
			put_command(&c, &out);
			assert_string_equal(buf_cstr(&out), rows[i].want);
		}
		buf_free(&out);
		arena_reset(&arena);
	}
}

static void
test_limits(void **st)
{
	struct arena arena = {.max_bytes = 8};
	struct syntax_command c;
	(void)st;
	assert_int_equal(
	    syntax_command(SPAN("a \"1\" \"2\" \"3\" \"4\""), &arena, &c), E_LIMIT);
	assert_int_equal(
	    syntax_command(SPAN("a \"0123456789\\\\\""), &arena, &c), E_LIMIT);
	arena_reset(&arena);
}

static void
test_response(void **st)
{
	static const struct {
		const char *text, *want;
	} rows[] = {{"\"\"", ""}, {"\"abc=\"", "abc="}, {"{4+}\r\nabc=", "abc="},
	    {"{0+}\r\n", ""}, {"abc=", NULL}, {"", NULL}, {"\"a\" ", NULL},
	    {"\"a\" \"b\"", NULL}, {"{1+}\r\nab", NULL}};

	(void)st;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena arena = {0};
		struct span out;
		int err = syntax_string(span_of(rows[i].text), &arena, &out);
		if (err != (rows[i].want ? E_OK : E_BAD) ||
		    (rows[i].want && !span_eqs(out, rows[i].want)))
			fail_msg("row %zu: %s", i, err_name(err));
		arena_reset(&arena);
	}
}

static void
test_strings(void **st)
{
	static const struct {
		const char *text, *want;
	} rows[] = {{"", "\"\""}, {"abc", "\"abc\""}, {"a\"b\\", "\"a\\\"b\\\\\""},
	    {"a\r\nb", "{4}\r\na\r\nb"}, {"a\nb", "{3}\r\na\nb"},
	    {"\xc3\xbc", "\"\xc3\xbc\""}, {"\xff", "{1}\r\n\xff"}};
	struct buf out = {0}, text = {0};
	(void)st;
	for (size_t i = 0; i < COUNT(rows); i++) {
		buf_reset(&out);
		syntax_put_string(&out, span_of(rows[i].text));
		assert_string_equal(buf_cstr(&out), rows[i].want);
	}
	/* RFC 5804 4: 1,024 octets between the quotes, with those that escape */
	for (size_t i = 0; i < SYNTAX_QUOTED_MAX / 2; i++)
		buf_ch(&text, '"');
	buf_reset(&out);
	syntax_put_string(&out, buf_as_span(&text));
	assert_int_equal(out.len, SYNTAX_QUOTED_MAX + 2);
	buf_ch(&text, 'a');
	buf_reset(&out);
	syntax_put_string(&out, buf_as_span(&text));
	assert_true(span_starts(buf_as_span(&out), SPAN("{513}\r\n\"")));
	buf_free(&out);
	buf_free(&text);
}

static void
test_replies(void **st)
{
	struct buf out = {0};
	(void)st;
	reply_put(&out, "OK", NULL, SPAN(""));
	reply_put(&out, "NO", "QUOTA/MAXSIZE", SPAN("too long"));
	reply_put(&out, "NO", NULL, SPAN("1\r\n2"));
	reply_put_with(&out, "OK", "TAG", SPAN("a\"b"), SPAN("done"));
	reply_put_with(&out, "OK", "SASL", SPAN("dj0="), SPAN(""));
	assert_string_equal(buf_cstr(&out),
	    "OK\r\nNO (QUOTA/MAXSIZE) \"too long\"\r\nNO {4}\r\n1\r\n2\r\n"
	    "OK (TAG \"a\\\"b\") \"done\"\r\nOK (SASL \"dj0=\")\r\n");
	buf_free(&out);
}

/* RFC 5804 1.7: each at most once; what must be there is; before the login nobody's name */
static void
test_capabilities(void **st)
{
	const struct capability before = {.may_tls = true,
				    .sasl = SPAN("PLAIN"),
				    .redirects = 7},
				after = {.owner = SPAN("u1@example.test")};
	struct buf out = {0};
	(void)st;
	capability_put(&out, &before);
	assert_non_null(strstr(buf_cstr(&out), "\"IMPLEMENTATION\" \"merpati\"\r\n"));
	assert_non_null(strstr(buf_cstr(&out), "\"SASL\" \"PLAIN\"\r\n"));
	assert_non_null(strstr(buf_cstr(&out), "\"SIEVE\" \"fileinto "));
	assert_non_null(strstr(buf_cstr(&out), "\"STARTTLS\"\r\n"));
	assert_non_null(strstr(buf_cstr(&out), "\"VERSION\" \"1.0\"\r\n"));
	assert_non_null(strstr(buf_cstr(&out), "\"MAXREDIRECTS\" \"7\"\r\n"));
	assert_null(strstr(buf_cstr(&out), "OWNER"));
	buf_reset(&out);
	capability_put(&out, &after);
	assert_non_null(strstr(buf_cstr(&out), "\"SASL\" \"\"\r\n"));
	assert_non_null(strstr(buf_cstr(&out), "\"OWNER\" \"u1@example.test\"\r\n"));
	assert_null(strstr(buf_cstr(&out), "STARTTLS"));
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_tail),
	    cmocka_unit_test(test_commands),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_response),
	    cmocka_unit_test(test_strings),
	    cmocka_unit_test(test_replies),
	    cmocka_unit_test(test_capabilities),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
