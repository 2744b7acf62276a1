/* SPDX-License-Identifier: ISC */
/* test_mime_address.c - address lists: RFC 5322 A, groups, and what broken mail has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "mime/address.h"

/* A list as "name|adl|mailbox|host;", absent "-", group "[name:" and "]". */
static void
say(const struct address *a, struct buf *out)
{
	for (; a; a = a->next) {
		if (a->kind == ADDRESS_GROUP_BEGIN) {
			buf_putf(out, "[%.*s:", SPAN_ARG(a->mailbox));
			assert_true(
			    a->mailbox.p && !a->host.p && !a->name.p && !a->adl.p);
		} else if (a->kind == ADDRESS_GROUP_END) {
			buf_str(out, "]");
			assert_true(
			    !a->mailbox.p && !a->host.p && !a->name.p && !a->adl.p);
		} else {
			assert_true(a->mailbox.p && a->host.p);
			buf_putf(out, "%.*s|%.*s|",
			    SPAN_ARG(a->name.p ? a->name : SPAN("-")),
			    SPAN_ARG(a->adl.p ? a->adl : SPAN("-")));
			buf_putf(
			    out, "%.*s|%.*s;", SPAN_ARG(a->mailbox), SPAN_ARG(a->host));
		}
	}
}

struct row {
	const char *value, *said;
};

/* clang-format off */
static const struct row rows[] = {
	{"",                                              ""},
	{" , ,\r\n ,",                                    ""},
	/* RFC 5322 A.1 */
	{"John Doe <jdoe@machine.example>",               "John Doe|-|jdoe|machine.example;"},
	{"\"Joe Q. Public\" <john.q.public@example.com>", "Joe Q. Public|-|john.q.public|example.com;"},
	{"Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>",
	                                                  "Mary Smith|-|mary|x.test;-|-|jdoe|example.org;Who?|-|one|y.test;"},
	{"<boss@nil.test>, \"Giant; \\\"Big\\\" Box\" <sysservices@example.net>",
	                                                  "-|-|boss|nil.test;Giant; \"Big\" Box|-|sysservices|example.net;"},
	{"A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;",
	                                                  "[A Group:Ed Jones|-|c|a.test;-|-|joe|where.test;John|-|jdoe|one.test;]"},
	{"Undisclosed recipients:;",                      "[Undisclosed recipients:]"},
	{"\"Mary Smith: Personal Account\" <smith@home.example>",
	                                                  "Mary Smith: Personal Account|-|smith|home.example;"},
	/* A.5 */
	{"Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>",
	                                                  "Pete|-|pete|silly.test;"},
	{"A Group(Some people)\r\n     :Chris Jones <c@(Chris's host.)public.example>,\r\n"
	 "         joe@example.org,\r\n  John <jdoe@one.test> (my dear friend); (the end of the group)",
	                                                  "[A Group:Chris Jones|-|c|public.example;-|-|joe|example.org;John|-|jdoe|one.test;]"},
	{"(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;",
	                                                  "[Hidden recipients:]"},
	/* A.6 */
	{"Joe Q. Public <john.q.public@example.com>",     "Joe Q. Public|-|john.q.public|example.com;"},
	{"Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example",
	                                                  "Mary Smith|@node.test|mary|example.net;-|-|jdoe|test.example;"},
	{"John Doe <jdoe@machine(comment).  example>",    "John Doe|-|jdoe|machine.example;"},
	{"Mary Smith\r\n  \r\n          <mary@example.net>", "Mary Smith|-|mary|example.net;"},
	/* the older forms */
	{"jdoe@x.test (John Doe)",                        "John Doe|-|jdoe|x.test;"},
	{"<jdoe@x.test> (John \\(D\\) Doe)",              "John (D) Doe|-|jdoe|x.test;"},
	{"(John) jdoe@x.test",                            "John|-|jdoe|x.test;"},
	{"<@a.test,\r\n @b.test:c@d.test>",               "-|@a.test,@b.test|c|d.test;"},
	{"john . doe @ x . test",                         "-|-|john.doe|x.test;"},
	/* quotes, literals, encoded words, UTF-8 */
	{"\"a b\"@x.test",                                "-|-|a b|x.test;"},
	{"\"a\".b@x.test",                                "-|-|a.b|x.test;"},
	{"\"\"@x.test",                                   "-|-||x.test;"},
	{"\"\" <a@x.test>",                               "-|-|a|x.test;"},
	{"\"John\" \"Doe\" <a@x.test>",                   "John Doe|-|a|x.test;"},
	{"\"John\r\n Doe\" <a@x.test>",                   "John Doe|-|a|x.test;"},
	{"x@[192.0.2.1], <y@[IPv6:2001:db8::1]>",         "-|-|x|[192.0.2.1];-|-|y|[IPv6:2001:db8::1];"},
	{"=?utf-8?Q?Doe=2C_J.?= <a@x.test>",              "=?utf-8?Q?Doe=2C_J.?=|-|a|x.test;"},
	{"=?utf-8?Q?Doe,_J:_(x)?= <a@x.test>, b@x.test",  "=?utf-8?Q?Doe,_J:_(x)?=|-|a|x.test;-|-|b|x.test;"},
	{"Zo\xc3\xab <zo\xc3\xab@x.test>",                "Zo\xc3\xab|-|zo\xc3\xab|x.test;"},
	/* broken */
	{"jdoe",                                          "-|-|jdoe|;"},
	{"John Doe",                                      "-|-|John Doe|;"},
	{"<jdoe>",                                        "-|-|jdoe|;"},
	{"<>",                                            "-|-||;"},
	{"John <>",                                       "John|-||;"},
	{"@x.test",                                       "-|-||x.test;"},
	{"a@",                                            "-|-|a|;"},
	{"a@b@c",                                         "-|-|a|b@c;"},
	{"a@b.test <a@b.test>",                           "a@b.test|-|a|b.test;"},
	{"Doe, John <a@x.test>",                          "-|-|Doe|;John|-|a|x.test;"},
	{"John <a@x.test, b@x.test",                      "John|-|a|x.test;-|-|b|x.test;"},
	{"John <a@x.test",                                "John|-|a|x.test;"},
	{"John a@x.test>",                                "John|-|a|x.test;"},
	{"<<a@x.test>>",                                  "-|-|a|x.test;"},
	{"<a@x.test> <b@x.test>",                         "-|-|a|x.test;-|-|b|x.test;"},
	{"<a@x.test> junk here, b@x.test",                "-|-|a|x.test;-|-|b|x.test;"},
	{"a@x.test; b@x.test",                            "-|-|a|x.test;-|-|b|x.test;"},
	{"<john doe@x.test>",                             "-|-|john doe|x.test;"},
	{"john doe@x.test",                               "john|-|doe|x.test;"},
	{"a@x.test John Doe",                             "-|-|a|x.test;"},
	{"\"John <a@x.test>, b@x.test",                   "John|-|a|x.test;-|-|b|x.test;"},
	{"John (never closed <a@x.test>",                 "John never closed|-|a|x.test;"},
	{"a)b <a@x.test>",                                "a b|-|a|x.test;"},
	{"[list] <a@x.test>",                             "[list]|-|a|x.test;"},
	{"Group: a@x.test, b@x.test",                     "[Group:-|-|a|x.test;-|-|b|x.test;]"},
	{"A: B: a@x.test;; c@x.test",                     "[A:B|-|a|x.test;]-|-|c|x.test;"},
	{":;",                                            ""},
	{"\"",                                            ""},
	{"(",                                             ""},
	{"<",                                             "-|-||;"},
	{"\"a\\",                                         "-|-|a\\|;"},
};

/* clang-format on */

static void
test_rows(void **st)
{
	(void)st;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena arena = {0};
		struct buf out = {0};
		size_t n = strlen(rows[i].value);
		char *value = malloc(n ? n : 1); /* no byte past its end */
		assert_non_null(value);
		memcpy(value, rows[i].value, n);
		struct address *list = address_parse(span_make(value, n), &arena);
		free(value); /* the list is a copy */
		say(list, &out);
		if (!span_eqs(buf_as_span(&out), rows[i].said))
			fail_msg("%s: said %s", rows[i].value, buf_cstr(&out));
		buf_free(&out);
		arena_reset(&arena);
	}
}

/*
 * What was read as it is meant, and what only as well as it could be; and which piece of the field
 * that was.
 */
static void
test_exact(void **st)
{
	static const struct {
		const char *value, *text;
		bool is_exact;
	} rows_exact[] = {
	    {" a@x.test ,", "a@x.test", true},
	    {"a", "a", true},
	    {"(c) a . b@x.test (d)", "(c) a . b@x.test (d)", true},
	    {"Ann B. <a@x.test>", "Ann B. <a@x.test>", true},
	    {"a@x.test <a@x.test>", "a@x.test <a@x.test>", true},
	    {"a@x.test, b@y.test", "a@x.test", true},
	    {"<a@x.test> (c)\r\n ; b", "<a@x.test> (c)", true},
	    {"<>", "<>", true},
	    {"a b@x.test", "a b@x.test", false},
	    {"a@x.test b@y.test", "a@x.test b@y.test", false},
	    {"a@x.test b", "a@x.test b", false},
	    {"a@x.test @y.test", "a@x.test @y.test", false},
	    {"<a@x.test b>", "<a@x.test b>", false},
	    {"<a@x.test> b", "<a@x.test> b", false},
	    {"<a@x.test", "<a@x.test", false},
	    {"a)@x.test", "a)@x.test", false},
	    {"a@x.test:25", "a@x.test:25", false},
	};

	(void)st;
	for (size_t i = 0; i < COUNT(rows_exact); i++) {
		struct arena arena = {0};
		struct address *a = address_parse(span_of(rows_exact[i].value), &arena);
		if (!span_eqs(a->text, rows_exact[i].text) ||
		    a->is_exact != rows_exact[i].is_exact)
			fail_msg("%s: %d %.*s", rows_exact[i].value, a->is_exact,
			    SPAN_ARG(a->text));
		arena_reset(&arena);
	}
}

/* Any cut of a list is a list, and groups are closed in it. */
static void
test_every_cut(void **st)
{
	(void)st;
	static const char text[] = "A \"B\\\"\": =?utf-8?q?x?= (c(d)) "
				   "<@e,@f:g@[1.2.3.4]>, h . i@j; k@l (m), \"n\" <o@p>";
	for (size_t n = 0; n < sizeof text; n++) {
		struct arena arena = {0};
		char *cut = malloc(n ? n : 1);
		int depth = 0;
		assert_non_null(cut);
		memcpy(cut, text, n);
		for (struct address *a = address_parse(span_make(cut, n), &arena); a;
		     a = a->next) {
			depth += a->kind == ADDRESS_GROUP_BEGIN ? 1
			         : a->kind == ADDRESS_GROUP_END ? -1
			                                        : 0;
			assert_in_range(depth, 0, 1);
		}
		assert_int_equal(depth, 0);
		free(cut);
		arena_reset(&arena);
	}
}

static size_t
count(const struct address *a)
{
	size_t n = 0;
	for (; a; a = a->next)
		n++;
	return n;
}

static void
test_limits(void **st)
{
	(void)st;
	struct buf value = {0};
	buf_str(&value, "g:");
	for (size_t i = 0; i < ADDRESS_COUNT_MAX + 5; i++)
		buf_str(&value, "a@b,");
	struct arena arena = {0}, small = {.max_bytes = 2000};
	assert_int_equal(
	    count(address_parse(buf_as_span(&value), &arena)), ADDRESS_COUNT_MAX);
	struct address *a = address_parse(buf_as_span(&value), &small);
	assert_in_range(count(a), 3, 20);
	while (a->next)
		a = a->next;
	/* a group is closed also when the arena is full */
	assert_int_equal(a->kind, ADDRESS_GROUP_END);
	arena_reset(&arena);
	arena_reset(&small);
	buf_free(&value);
}

/*
 * What could be looked through again and again is looked through once: a megabyte takes no time
 * worth a test.
 */
static void
test_hostile(void **st)
{
	(void)st;
	static const char *const units[] = {
	    "(", "\"", "<", "(\"", "=?a?q?", "a:", "\\\"", "@", ".", "(a)", "<@a:"};
	for (size_t i = 0; i < COUNT(units); i++) {
		struct arena arena = {0};
		struct buf value = {0};
		while (value.len < 1 << 20)
			buf_str(&value, units[i]);
		assert_true(count(address_parse(buf_as_span(&value), &arena)) <=
			    ADDRESS_COUNT_MAX);
		buf_free(&value);
		arena_reset(&arena);
	}
}

static void
test_put(void **st)
{
	(void)st;

	static const struct {
		struct span mailbox, host;
		const char *text;
	} puts[] = {{SPAN("a.b"), SPAN("x.test"), "a.b@x.test"},
	    {SPAN("a b"), SPAN("x.test"), "\"a b\"@x.test"},
	    {SPAN("a\"\\"), SPAN("x"), "\"a\\\"\\\\\"@x"},
	    {SPAN(""), SPAN("x"), "\"\"@x"}, {SPAN("a..b"), SPAN("x"), "\"a..b\"@x"},
	    {SPAN(".a"), SPAN("x"), "\".a\"@x"}, {SPAN("a."), SPAN("x"), "\"a.\"@x"},
	    {SPAN("a"), SPAN(""), "a"}, {SPAN("zo\xc3\xab"), SPAN("x"), "zo\xc3\xab@x"},
	    {SPAN("a@b"), SPAN("x"), "\"a@b\"@x"}};

	for (size_t i = 0; i < COUNT(puts); i++) {
		struct buf out = {0};
		struct arena arena = {0};
		struct address a = {.mailbox = puts[i].mailbox, .host = puts[i].host};
		address_put(&out, &a);
		assert_string_equal(buf_cstr(&out), puts[i].text);
		struct address *back = address_parse(buf_as_span(&out), &arena);
		assert_non_null(back);
		assert_true(
		    span_eq(back->mailbox, a.mailbox) && span_eq(back->host, a.host));
		arena_reset(&arena);
		buf_free(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_exact),
	    cmocka_unit_test(test_every_cut),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_hostile),
	    cmocka_unit_test(test_put),
	};
	return cmocka_run_group_tests_name("mime_address", tests, NULL, NULL);
}
