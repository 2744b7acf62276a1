/* SPDX-License-Identifier: ISC */
/*
 * test_imap_thread.c - THREAD: each algorithm, its output, chains and combs as long as a mailbox.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "imapd/thread.h"

enum { MESSAGES_MOST = 12, LONG = 10000 };

struct row {
	int sent, arrived;
	const char *subject; /* "Re: " before it: a reply */
	const char *id, *references;
};

typedef void algorithm(const struct thread_message *, size_t, struct thread_forest *);

static bool
go_on(void *ctx)
{
	++*(unsigned *)ctx;
	return true;
}

static void
told(algorithm *fn, const struct thread_message *messages, size_t n, struct buf *out)
{
	struct thread_forest f;
	unsigned flushes = 0;
	fn(messages, n, &f);
	assert_true(thread_put(out, &f, messages, go_on, &flushes));
	assert_int_equal(flushes, n / THREAD_FLUSH_EACH);
	thread_done(&f);
}

static struct thread_message
message_of(const struct row *r, uint32_t number)
{
	bool is_reply = strncmp(r->subject, "Re: ", 4) == 0;
	return (struct thread_message){.number = number,
	    .sent_sec = r->sent,
	    .arrived_sec = r->arrived,
	    .is_reply = is_reply,
	    .base_subject = span_of(r->subject + (is_reply ? 4 : 0)),
	    .message_id = span_of(r->id),
	    .references = span_of(r->references)};
}

static void
assert_told(algorithm *fn, const struct row *rows, const char *text)
{
	struct thread_message messages[MESSAGES_MOST];
	struct buf b = {0};
	uint32_t n = 0;
	for (; n < MESSAGES_MOST && rows[n].subject; n++)
		messages[n] = message_of(&rows[n], n + 1);
	told(fn, messages, n, &b);
	assert_string_equal(buf_cstr(&b), text);
	buf_free(&b);
}

/* clang-format off */
static const struct {
	struct row rows[MESSAGES_MOST];
	const char *orderedsubject, *references, *refs;
} cases[] = {
	/* sent, arrived, subject, id, references */
	{{{0, 0, NULL, NULL, NULL}}, "", "", ""},
	{{{1, 1, "A", "a", ""}}, "(1)", "(1)", "(1)"},
	/* RFC 5256 4: "(2)(3 6 (4 23)(44 7 96))" as 1; 2, 4; 3, 6; 5, 7, 8 */
	{{{1, 1, "", "m2", ""}, {2, 2, "", "m3", ""}, {4, 4, "", "m4", "m3\nm6"}, {3, 3, "", "m6", "m3"}, {5, 5, "", "m44", "m6"},
	  {6, 6, "", "m23", "m4"}, {7, 7, "", "m7", "m44"}, {8, 8, "", "m96", "m7"}},
		"(1 (2)(4)(3)(5)(6)(7)(8))", "(1)(2 4 (3 6)(5 7 8))", "(1)(2 4 (3 6)(5 7 8))"},
	/* RFC 5256 4: "((3)(5))", a parent that is not there */
	{{{1, 1, "A", "a", "gone"}, {2, 2, "B", "b", "gone"}}, "(1)(2)", "((1)(2))", "((1)(2))"},
	/* one child of a parent that is not there needs none */
	{{{1, 1, "A", "a", "gone\nalso gone"}}, "(1)", "(1)", "(1)"},
	/* dummies in the middle go, whatever hangs on them moves up */
	{{{1, 1, "A", "a", ""}, {2, 2, "B", "b", "a\ngone\nmore"}, {3, 3, "C", "c", "gone"}}, "(1)(2)(3)", "(1 (2)(3))", "(1 (2)(3))"},
	/* a comb of dummies: g1 over g2 over g3, a message at each */
	{{{1, 1, "A", "a", "g1"}, {2, 2, "B", "b", "g1\ng2"}, {3, 3, "C", "c", "g1\ng2\ng3"}}, "(1)(2)(3)", "((1)(2)(3))", "((1)(2)(3))"},
	/* by sent date, ties by number; REFS by the last arrival of a thread */
	{{{9, 1, "A", "a", ""}, {5, 2, "B", "b", ""}, {5, 3, "C", "c", ""}, {6, 9, "Re: B", "d", "b"}},
		"(2 4)(3)(1)", "(2 4)(3)(1)", "(1)(3)(2 4)"},
	/* children by sent date too */
	{{{1, 1, "A", "a", ""}, {9, 2, "x", "b", "a"}, {4, 3, "y", "c", "a"}, {6, 4, "z", "d", "a"}}, "(1)(3)(4)(2)", "(1 (3)(4)(2))", "(1 (3)(4)(2))"},
	/* a dummy is where its first child is */
	{{{5, 5, "A", "a", "gone"}, {1, 1, "B", "b", ""}, {9, 9, "C", "c", "gone"}, {7, 7, "D", "d", ""}},
		"(2)(1)(4)(3)", "(2)((1)(3))(4)", "(2)(4)((1)(3))"},
	/* who has a parent keeps it, but for what the message itself says (1.B) */
	{{{1, 1, "A", "a", ""}, {2, 2, "B", "b", "a"}, {3, 3, "C", "c", "x\nb"}}, "(1)(2)(3)", "(1 2 3)", "(1 2 3)"},
	{{{1, 1, "A", "a", "z\nc\nb"}, {2, 2, "B", "b", ""}, {3, 3, "C", "c", ""}}, "(1)(2)(3)", "(2 1)(3)", "(2 1)(3)"},
	/* no loop: of two that answer each other the first link holds */
	{{{1, 1, "A", "a", "b"}, {2, 2, "B", "b", "a"}}, "(1)(2)", "(2 1)", "(2 1)"},
	{{{1, 1, "A", "a", "a"}}, "(1)", "(1)", "(1)"},
	{{{1, 1, "A", "a", "c"}, {2, 2, "B", "b", "a"}, {3, 3, "C", "c", "b"}}, "(1)(2)(3)", "(3 1 2)", "(3 1 2)"},
	/* of one id twice the first has it; ids are compared in their case */
	{{{1, 1, "A", "a", ""}, {2, 2, "B", "a", ""}, {3, 3, "C", "c", "a"}, {4, 4, "D", "d", "A"}}, "(1)(2)(3)(4)", "(1 3)(2)(4)", "(2)(1 3)(4)"},
	/* no id at all */
	{{{1, 1, "A", "", ""}, {2, 2, "B", "", "c"}, {3, 3, "C", "c", ""}}, "(1)(2)(3)", "(1)(3 2)", "(1)(3 2)"},
	/* 5.C: a reply goes under the message, whichever came first */
	{{{1, 1, "A", "a", ""}, {2, 2, "Re: A", "b", ""}}, "(1 2)", "(1 2)", "(1)(2)"},
	{{{1, 1, "Re: A", "a", ""}, {2, 2, "A", "b", ""}}, "(1 2)", "(2 1)", "(1)(2)"},
	/* two of one kind become siblings */
	{{{1, 1, "A", "a", ""}, {2, 2, "A", "b", ""}}, "(1 2)", "((1)(2))", "(1)(2)"},
	{{{1, 1, "Re: A", "a", ""}, {2, 2, "Re: A", "b", ""}}, "(1 2)", "((1)(2))", "(1)(2)"},
	{{{1, 1, "A", "a", ""}, {2, 2, "A", "b", ""}, {3, 3, "A", "c", ""}}, "(1 (2)(3))", "((1)(2)(3))", "(1)(2)(3)"},
	{{{1, 1, "A", "a", ""}, {2, 2, "A", "b", ""}, {3, 3, "Re: A", "c", ""}}, "(1 (2)(3))", "((1)(2)(3))", "(1)(2)(3)"},
	/* a dummy takes them in, and another dummy's children */
	{{{1, 1, "A", "a", "gone"}, {2, 2, "B", "b", "gone"}, {3, 3, "Re: A", "c", ""}}, "(1 3)(2)", "((1)(2)(3))", "((1)(2))(3)"},
	{{{1, 1, "A", "a", "gone"}, {2, 2, "B", "b", "gone"}, {3, 3, "A", "c", "lost"}, {4, 4, "C", "d", "lost"}},
		"(1 3)(2)(4)", "((1)(2)(3)(4))", "((1)(2))((3)(4))"},
	/* an empty subject joins nothing (5.B.ii) */
	{{{1, 1, "", "a", ""}, {2, 2, "", "b", ""}}, "(1 2)", "(1)(2)", "(1)(2)"},
	/* the subject of an answer deep down joins nothing */
	{{{1, 1, "A", "a", ""}, {2, 2, "B", "b", "a"}, {3, 3, "B", "c", ""}}, "(1)(2 3)", "(1 2)(3)", "(1 2)(3)"},
};

/* clang-format on */

static void
test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_told(
		    thread_orderedsubject, cases[i].rows, cases[i].orderedsubject);
		assert_told(thread_references, cases[i].rows, cases[i].references);
		assert_told(thread_refs, cases[i].rows, cases[i].refs);
	}
}

/* ---- long ones ---- */

struct mailbox {
	struct thread_message messages[LONG];
	char ids[LONG][32], references[LONG][64];
};

/* Message k answers what parent_of says; -1: nobody. */
static struct mailbox *
mailbox_make(int (*parent_of)(int))
{
	struct mailbox *b = mem_new(sizeof *b);
	for (int i = 0; i < LONG; i++) {
		int parent = parent_of(i);
		snprintf(b->ids[i], sizeof b->ids[i], "%d.merpati@a.test", i);
		if (parent >= 0)
			snprintf(b->references[i], sizeof b->references[i],
			    "%d.merpati@a.test", parent);
		b->messages[i] = (struct thread_message){.number = (uint32_t)i + 1,
		    .sent_sec = i,
		    .arrived_sec = i,
		    .message_id = span_of(b->ids[i]),
		    .references = span_of(b->references[i]),
		    .base_subject = SPAN("HELLO"),
		    .is_reply = parent >= 0};
	}
	return b;
}

static int
before(int i)
{
	return i - 1;
}

static int
behind(int i)
{
	return i + 1 < LONG ? i + 1 : -1;
}

/* A comb: each message of the spine has a tooth and the next one. */
static int
comb(int i)
{
	return i % 2 ? i - 1 : i - 2;
}

static int
flat(int i)
{
	return i ? 0 : -1;
}

static size_t
count(struct span s, char c)
{
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == c;
	return n;
}

static size_t
numbers(struct span s)
{
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++)
		n += ch_digit(s.p[i]) && !(i + 1 < s.n && ch_digit(s.p[i + 1]));
	return n;
}

/* How deep the parentheses are, and that they close. */
static size_t
nesting(struct span s)
{
	size_t deep = 0, most = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '(' && ++deep > most)
			most = deep;
		if (s.p[i] == ')')
			assert_true(deep-- > 0);
	}
	assert_int_equal(deep, 0);
	return most;
}

static void
assert_long(int (*parent_of)(int), size_t nest_least, size_t nest_most)
{
	static algorithm *const all[] = {
	    thread_references, thread_refs, thread_orderedsubject};
	struct mailbox *b = mailbox_make(parent_of);
	for (size_t i = 0; i < COUNT(all); i++) {
		struct buf out = {0};
		told(all[i], b->messages, LONG, &out);
		struct span s = buf_as_span(&out);
		assert_int_equal(numbers(s), LONG);
		if (all[i] != thread_orderedsubject) {
			assert_in_range(nesting(s), nest_least, nest_most);
			assert_null(memmem(s.p, s.n, "( ", 2));
			assert_null(memmem(s.p, s.n, "()", 2));
			assert_null(memmem(s.p, s.n, " )", 2));
		}
		buf_free(&out);
	}
	mem_free(&b);
}

static void
test_long(void **state)
{
	(void)state;
	assert_long(before, 1, 1);
	assert_long(behind, 1, 1);
	assert_long(flat, 2, 2);
	assert_long(comb, THREAD_NEST_MAX, THREAD_NEST_MAX);
}

static bool
stop(void *ctx)
{
	(void)ctx;
	return false;
}

static void
test_flush_that_fails_ends_it(void **state)
{
	struct mailbox *b = mailbox_make(before);
	struct thread_forest f;
	struct buf out = {0};
	(void)state;
	thread_references(b->messages, LONG, &f);
	assert_false(thread_put(&out, &f, b->messages, stop, NULL));
	assert_true(count(buf_as_span(&out), ' ') <= THREAD_FLUSH_EACH);
	thread_done(&f);
	buf_free(&out);
	mem_free(&b);
}

/* One message that refers to more than anybody keeps: the rest is as if it were not there. */
static void
test_dummies_have_a_limit(void **state)
{
	struct buf ids = {.max = (size_t)256 << 20};
	struct thread_forest f;
	(void)state;
	for (int i = 0; i < THREAD_DUMMIES_MAX + 10; i++)
		buf_putf(&ids, "%d\n", i);
	struct thread_message m = {.number = 1, .references = buf_as_span(&ids)};
	thread_references(&m, 1, &f);
	assert_int_equal(f.n, 1 + THREAD_DUMMIES_MAX);
	assert_int_equal(f.root, 0);
	thread_done(&f);
	buf_free(&ids);
}

/* With TIMES set: how long 10,000 messages take, in threads of ten. */
static int
tens(int i)
{
	return i % 10 ? i - 1 : -1;
}

static void
test_times(void **state)
{
	(void)state;
	if (!getenv("TIMES"))
		return;
	struct mailbox *b = mailbox_make(tens);
	static algorithm *const all[] = {
	    thread_orderedsubject, thread_references, thread_refs};
	for (size_t i = 0; i < COUNT(all); i++) {
		struct buf out = {0};
		int64_t from = clock_mono_us();
		told(all[i], b->messages, LONG, &out);
		printf(
		    "algorithm %zu: %lld us\n", i, (long long)(clock_mono_us() - from));
		buf_free(&out);
	}
	mem_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cases),
	    cmocka_unit_test(test_long),
	    cmocka_unit_test(test_flush_that_fails_ends_it),
	    cmocka_unit_test(test_dummies_have_a_limit),
	    cmocka_unit_test(test_times),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
