/* SPDX-License-Identifier: ISC */
/* test_letter.c - what sendmail(1) makes of the text it is given. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "queue/letter.h"

static struct letter_rcpts rcpts;

/* Recipients with a blank between, then the message; or what went wrong. */
static int
make(const char *text, bool takes_rcpts, size_t max, struct buf *out)
{
	struct arena arena = {.max_bytes = 1 << 20};
	const struct letter l = {.takes_rcpts = takes_rcpts,
	    .origin = SPAN("o.test"),
	    .hostname = SPAN("h.test"),
	    .from = SPAN("me@o.test"),
	    .name = SPAN("Me"),
	    .now_sec = 0};
	struct buf message = {.max = max};
	rcpts = (struct letter_rcpts){.arena = &arena};
	int err = letter_make(&l, span_of(text), &rcpts, &message);
	for (size_t i = 0; i < rcpts.n; i++)
		buf_putf(out, "%.*s ", SPAN_ARG(rcpts.all[i]));
	buf_ch(out, '|');
	buf_span(out, buf_as_span(&message));
	buf_free(&message);
	arena_reset(&arena);
	return err;
}

#define REST                                                                           \
	"From: Me <me@o.test>\r\nDate: Thu, 1 Jan 1970 00:00:00 +0000\r\nMessage-ID: " \
	"<000000000000000000000000@h.test>\r\n"
#define HAS "From: x\nDate: x\nMessage-ID: x\n"
#define HAS_CRLF "From: x\r\nDate: x\r\nMessage-ID: x\r\n"

static void
test_make(void **state)
{
	static const struct {
		const char *text, *want;
		bool takes_rcpts;
	} rows[] = {
	    {"", "|" REST "\r\n", false},
	    {"\n", "|" REST "\r\n", false},
	    {"body", "|" REST "\r\nbody\r\n", false},
	    {"not a field: x\n", "|" REST "\r\nnot a field: x\r\n", false},
	    {" not a fold\n", "|" REST "\r\n not a fold\r\n", false},
	    {"A: b\nbody: with a\n blank : x\nno field\n",
		"|A: b\r\nbody: with a\r\n blank : x\r\n" REST "\r\nno field\r\n",
		false},
	    {HAS "\nb\n", "|" HAS_CRLF "\r\nb\r\n", false},
	    {"from : x\ndate:y\nmessage-id\t: z\n\n\n",
		"|from : x\r\ndate:y\r\nmessage-id\t: z\r\n\r\n\r\n", false},
	    {HAS "Bcc: a@b.test,\n c@d.test\nTo: u\n", "|" HAS_CRLF "To: u\r\n\r\n",
		false},
	    {HAS "Bcc: a@b.test,\n c@d.test\nTo: u\n",
		"a@b.test c@d.test u@o.test |" HAS_CRLF "To: u\r\n\r\n", true},
	    {HAS "To: g: a, b@x.test;, (c) <a@o.test>\nCc: \"q\" <b@x.test>\n",
		"a@o.test b@x.test |" HAS_CRLF
		"To: g: a, b@x.test;, (c) <a@o.test>\r\nCc: \"q\" <b@x.test>\r\n\r\n",
		true},
	    {HAS "To: a\nResent-Cc: b\nResent-Bcc: c\n",
		"b@o.test c@o.test |" HAS_CRLF "To: a\r\nResent-Cc: b\r\n\r\n", true},
	    {"From me\n" HAS "\n", "|" HAS_CRLF "\r\n", false},
	    {">From me\r" HAS "\r\rx\r", "|" HAS_CRLF "\r\n\r\nx\r\n", false},
	    {HAS "Return-Path: x\ncontent-length: 3\n\n\rb\r\n\n",
		"|" HAS_CRLF "\r\n\r\nb\r\n\r\n", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf got = {0};
		assert_int_equal(
		    make(rows[i].text, rows[i].takes_rcpts, 1 << 20, &got), E_OK);
		assert_string_equal(buf_cstr(&got), rows[i].want);
		buf_free(&got);
	}
}

static void
test_faults(void **state)
{
	struct buf got = {0}, head = {0};
	(void)state;
	assert_int_equal(make("To: a@b@c.test\n\n", true, 1 << 20, &got), E_BAD);
	assert_int_equal(make("To: a@b@c.test\n\n", false, 1 << 20, &got), E_OK);
	assert_int_equal(
	    make("To: x@b.test,\n a b@c.test\n , d\n\n", true, 1 << 20, &got), E_BAD);
	assert_true(span_eqs(rcpts.bad, "a b@c.test"));
	assert_int_equal(make("x\n", false, 20, &got), E_LIMIT);
	for (int i = 0; head.len <= LETTER_HEAD_MOST; i++)
		buf_putf(&head, "X-%d: %1000s\n", i, "");
	assert_int_equal(make(buf_cstr(&head), false, 4 << 20, &got), E_LIMIT);
	buf_free(&head);
	buf_free(&got);
}

static void
test_dot(void **state)
{
	static const struct {
		const char *text;
		size_t n;
	} rows[] = {{"", 0}, {".", 0}, {".\n", 0}, {"a\n.\nb\n", 2}, {"a\r\n.\r\nb", 3},
	    {"a\n..\nb\n", 7}, {"a\n. \n", 5}, {"a.\n.b", 5}};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(letter_until_dot(span_of(rows[i].text)).n, rows[i].n);
}

static void
test_sender(void **state)
{
	static const struct {
		const char *text, *want; /* NULL: it is none */
	} rows[] = {{"", ""}, {" ", ""}, {"<>", ""}, {"a", "a@o.test"},
	    {"a@b.test", "a@b.test"}, {"Ann <a@b.test>", "a@b.test"},
	    {"a@b.test, c@d.test", NULL}, {"g: a;", NULL}, {"a@b@c", NULL},
	    {"a b@c.test", NULL}, {"a@b.test c@d.test", NULL}, {"<a@b.test", NULL},
	    {"a@b_c!", NULL}};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena arena = {.max_bytes = 1 << 20};
		struct span out;
		int err =
		    letter_address(span_of(rows[i].text), SPAN("o.test"), &arena, &out);
		assert_int_equal(err, rows[i].want ? E_OK : E_BAD);
		assert_true(!rows[i].want || span_eqs(out, rows[i].want));
		arena_reset(&arena);
	}
}

static void
test_many(void **state)
{
	struct arena arena = {.max_bytes = 64 << 20};
	struct buf list = {0};
	(void)state;
	rcpts = (struct letter_rcpts){.arena = &arena};
	for (int i = 0; i < LETTER_RCPTS_MOST; i++) {
		buf_reset(&list);
		buf_putf(&list, "u%d", i);
		assert_int_equal(
		    letter_rcpts_add(&rcpts, buf_as_span(&list), SPAN("o.test")), E_OK);
	}
	/* again */
	assert_int_equal(
	    letter_rcpts_add(&rcpts, SPAN("u7@o.test"), SPAN("o.test")), E_OK);
	assert_int_equal(
	    letter_rcpts_add(&rcpts, SPAN("one@more.test"), SPAN("o.test")), E_LIMIT);
	/* one list longer than the parser reads: nobody is left out in silence */
	rcpts = (struct letter_rcpts){.arena = &arena};
	buf_reset(&list);
	for (int i = 0; i < 20000; i++)
		buf_str(&list, "u@o.test,");
	assert_int_equal(
	    letter_rcpts_add(&rcpts, buf_as_span(&list), SPAN("o.test")), E_LIMIT);
	buf_free(&list);
	arena_reset(&arena);
}

/* RFC 8689 3 */
static void
test_tls_required(void **state)
{
	static const struct {
		const char *message;
		bool is_optional;
	} rows[] = {
	    {"TLS-Required: No\r\n\r\n", true},
	    {"From: a\r\ntls-required:\r\n no \r\nX: y\r\n\r\nx\r\n", true},
	    {"", false},
	    {"From: a\r\n\r\nTLS-Required: No\r\n", false},
	    {"TLS-Required: Yes\r\n\r\n", false},
	    {"TLS-Required: No, really\r\n\r\n", false},
	    {"TLS-Required: No\r\nTLS-Required: No\r\n\r\n", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (letter_has_tls_optional(span_of(rows[i].message)) !=
		    rows[i].is_optional)
			fail_msg("row %zu", i);
}

int
main(void)
{
	setenv("TZ", "UTC", 1);
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_make),
	    cmocka_unit_test(test_tls_required), cmocka_unit_test(test_faults),
	    cmocka_unit_test(test_dot), cmocka_unit_test(test_sender),
	    cmocka_unit_test(test_many)};
	return cmocka_run_group_tests_name("letter", tests, NULL, NULL);
}
