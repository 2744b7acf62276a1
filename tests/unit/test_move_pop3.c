/* SPDX-License-Identifier: ISC */
/* test_move_pop3.c - which UIDL of a POP3 server belongs to which message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "move/pop3_uidls.h"

enum { N = 4 };

static void
test_lines(void **state)
{
	static const struct {
		const char *line;
		int err;
	} lists
	    [] = {{"1 120", E_OK}, {"1 120", E_BAD}, {"2 0", E_OK},
		{"5 7 and more", E_OK}, {"4 7", E_BAD}, {"0 1", E_BAD}, {"", E_BAD},
		{"6", E_BAD}, {"6 ", E_BAD}, {"6 x", E_BAD}, {"-6 1", E_BAD},
		{"4294967296 1", E_BAD}, {"6 9223372036854775808", E_BAD}},
       uidls[] = {{"1 a", E_OK}, {"1 other", E_OK}, {"3 nobody", E_OK}, {"5 !~", E_OK},
	   {"2 a b", E_BAD}, {"2 ", E_BAD}, {"2", E_BAD}, {"2 a\x7f", E_BAD},
	   {"2 1234567890123456789012345678901234567890123456789012345678901234567890",
	       E_OK},
	   {"2 12345678901234567890123456789012345678901234567890123456789012345678901",
	       E_BAD}};
	struct pop3_messages l = {.n = 0};
	(void)state;
	for (size_t i = 0; i < COUNT(lists); i++)
		assert_int_equal(
		    pop3_list_line(&l, span_of(lists[i].line)), lists[i].err);
	assert_int_equal(l.n, 3);
	for (size_t i = 0; i < COUNT(uidls); i++)
		assert_int_equal(
		    pop3_uidl_line(&l, span_of(uidls[i].line)), uidls[i].err);
	assert_true(span_eqs(l.all[0].uidl, "a"));
	assert_int_equal(l.all[1].uidl.n, 70);
	assert_true(span_eqs(l.all[2].uidl, "!~"));
	pop3_messages_free(&l);
}

static void
fill(struct pop3_messages *theirs, struct listing *ours, size_t n)
{
	struct buf line = {0};
	for (size_t i = 0; i < n; i++) {
		struct source_message m = {
		    .uid = (uint32_t)i + 1, .size_bytes = 100 + i};
		ours->all = mem_grow(ours->all, ours->n + 1, sizeof *ours->all);
		ours->all[ours->n++] = m;
		buf_reset(&line);
		buf_putf(&line, "%zu %zu", i + 1, 100 + i);
		assert_int_equal(pop3_list_line(theirs, buf_as_span(&line)), E_OK);
		buf_reset(&line);
		buf_putf(&line, "%zu u%zu", i + 1, i);
		assert_int_equal(pop3_uidl_line(theirs, buf_as_span(&line)), E_OK);
	}
	buf_free(&line);
}

static void
done(struct pop3_messages *theirs, struct listing *ours)
{
	pop3_messages_free(theirs);
	mem_free(&ours->all);
	arena_reset(&ours->arena);
}

static void
test_by_size(void **state)
{
	struct pop3_messages theirs = {.n = 0};
	struct listing ours = {.n = 0};
	(void)state;
	fill(&theirs, &ours, N);
	ours.all[3].size_bytes++;
	assert_false(uidls_by_size(&theirs, &ours));
	assert_int_equal(ours.all[0].uidl.n, 0); /* all, or none */
	ours.all[3].size_bytes--;
	ours.n--;
	assert_false(uidls_by_size(&theirs, &ours));
	ours.n++;
	assert_true(uidls_by_size(&theirs, &ours));
	assert_true(
	    span_eqs(ours.all[0].uidl, "u0") && span_eqs(ours.all[3].uidl, "u3"));
	done(&theirs, &ours);
}

static void
test_heads_are_the_same(void **state)
{
	static const struct {
		const char *a, *b;
		bool is_same;
	} rows[] = {
	    {"From: a\r\nSubject: b\r\n\r\n", "from:a\nSUBJECT:  b\n\nbody", true},
	    {"Subject: a\r\n b\r\n\r\n", "Subject: a b\r\n", true},
	    {"Return-Path: <x>\r\nFrom: a\r\nX-UIDL: 7\r\n\r\n",
		"From: a\r\nStatus: RO\r\nContent-Length: 12\r\n\r\n", true},
	    {"From: a\r\nTo: b\r\n\r\n", "To: b\r\nFrom: a\r\n\r\n", false},
	    {"From: a\r\n\r\n", "From: A\r\n\r\n", false},
	    {"From: a\r\n\r\n", "From: a\r\nTo: b\r\n\r\n", false},
	    {"A: b\r\nC: d\r\n\r\n", "A: bC: d\r\n\r\n", false}};

	unsigned char a[SHA256_BYTES], b[SHA256_BYTES];
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		head_sum(span_of(rows[i].a), a);
		head_sum(span_of(rows[i].b), b);
		assert_int_equal(memcmp(a, b, sizeof a) == 0, rows[i].is_same);
	}
}

static void
sums(struct head_sum *out, const char *heads)
{
	for (size_t i = 0; heads[i]; i++) {
		char head[] = "Subject: ?\r\n";
		head[9] = heads[i];
		head_sum(span_of(head), out[i].sha256);
		out[i].index = i;
	}
}

/*
 * Theirs are heads a b b d, ours b a b c: "d" is lost, "c" has none, and of the two "b" the first
 * is the first.
 */
static void
test_by_head(void **state)
{
	struct pop3_messages theirs = {.n = 0};
	struct listing ours = {.n = 0};
	struct head_sum a[N], b[N];
	(void)state;
	fill(&theirs, &ours, N);
	sums(a, "abbd");
	sums(b, "babc");
	assert_int_equal(uidls_by_head(&theirs, a, N, &ours, b, N), 1);
	assert_true(span_eqs(ours.all[0].uidl, "u1") &&
		    span_eqs(ours.all[1].uidl, "u0") &&
		    span_eqs(ours.all[2].uidl, "u2"));
	assert_int_equal(ours.all[3].uidl.n, 0);
	assert_int_equal(uidls_by_head(&theirs, a, N, &ours, b, 0), N);
	assert_int_equal(uidls_by_head(&theirs, a, 0, &ours, b, N), 0);
	done(&theirs, &ours);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lines),
	    cmocka_unit_test(test_by_size),
	    cmocka_unit_test(test_heads_are_the_same),
	    cmocka_unit_test(test_by_head),
	};
	return cmocka_run_group_tests_name("move_pop3", tests, NULL, NULL);
}
