/* SPDX-License-Identifier: ISC */
/* test_deliver_pipe.c - what a program is told, and what its status means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "deliver/pipe.h"

static struct pipe_order
sample(void)
{
	return (struct pipe_order){.id = {{1, 2, 3}},
	    .number = 7,
	    .words = {SPAN("name"), SPAN("one"), SPAN("")},
	    .n_words = 3,
	    .sender = SPAN("a@far.test"),
	    .recipient = SPAN("u1+x@example.test"),
	    .orig_recipient = SPAN("list@example.test")};
}

static void
test_there_and_back(void **state)
{
	struct pipe_order o = sample(), back;
	struct buf b = {0};
	(void)state;
	pipe_order_put(&b, &o);
	size_t head = b.len;
	buf_str(&b, "message");
	assert_int_equal(pipe_order_get(buf_as_span(&b), &back), E_OK);
	assert_true(file_id_eq(o.id, back.id) && back.number == 7 && back.n_words == 3);
	for (size_t i = 0; i < 3; i++)
		assert_true(span_eq(o.words[i], back.words[i]));
	assert_true(span_eq(o.sender, back.sender));
	assert_true(span_eq(o.recipient, back.recipient));
	assert_true(span_eq(o.orig_recipient, back.orig_recipient));
	assert_true(span_eqs(back.message, "message"));
	for (size_t n = 0; n < head; n++) {
		char *cut = malloc(n ? n : 1);
		assert_non_null(cut);
		memcpy(cut, b.p, n);
		assert_int_equal(pipe_order_get(span_make(cut, n), &back), E_BAD);
		free(cut);
	}
	buf_free(&b);
}

static void
refused(const struct pipe_order *o)
{
	struct pipe_order back;
	struct buf b = {0};
	pipe_order_put(&b, o);
	assert_int_equal(pipe_order_get(buf_as_span(&b), &back), E_BAD);
	buf_free(&b);
}

/* Nothing of it could be a text of C, or be more than there is room for. */
static void
test_refused(void **state)
{
	const struct span nul = span_make("a\0b", 3);
	struct pipe_order o = sample();
	(void)state;
	o.n_words = 0;
	refused(&o);
	for (size_t i = 0; i < 4; i++) {
		o = sample();
		*(i == 0     ? &o.words[1]
		    : i == 1 ? &o.sender
		    : i == 2 ? &o.recipient
			     : &o.orig_recipient) = nul;
		refused(&o);
	}
}

static void
test_words(void **state)
{
	struct pipe_order o;
	struct buf b = {0};
	(void)state;
	assert_int_equal(pipe_words(SPAN(""), &o), E_BAD);
	for (size_t n = 1; n <= PIPE_WORDS_MAX + 1; n++) {
		buf_bytes(&b, SPAN("word"));
		assert_int_equal(pipe_words(buf_as_span(&b), &o),
		    n <= PIPE_WORDS_MAX ? E_OK : E_BAD);
		if (n <= PIPE_WORDS_MAX)
			assert_int_equal(o.n_words, n);
	}
	buf_reset(&b);
	buf_bytes(&b, span_make("a\0b", 3));
	assert_int_equal(pipe_words(buf_as_span(&b), &o), E_BAD);
	assert_int_equal(pipe_words(span_head(buf_as_span(&b), b.len - 1), &o), E_BAD);
	buf_free(&b);
}

static void
test_status(void **state)
{
	const char *code;
	unsigned n_failed = 0;
	(void)state;
	assert_int_equal(pipe_outcome_of(0, &code), PIPE_DONE);
	assert_int_equal(pipe_outcome_of(EX_TEMPFAIL, &code), PIPE_LATER);
	assert_string_equal(code, "4.3.0");
	assert_int_equal(pipe_outcome_of(EX_NOUSER, &code), PIPE_REFUSED);
	assert_string_equal(code, "5.1.1");
	assert_int_equal(pipe_outcome_of(1, &code), PIPE_FAILED);
	for (unsigned i = 0; i < 256; i++) {
		enum pipe_outcome o = pipe_outcome_of(i, &code);
		n_failed += o == PIPE_FAILED;
		assert_int_equal(code[0] == '5', o == PIPE_REFUSED);
		assert_int_equal(code[0] == '4', o == PIPE_LATER);
	}
	assert_int_equal(n_failed, 256 - 9);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_there_and_back),
	    cmocka_unit_test(test_refused), cmocka_unit_test(test_words),
	    cmocka_unit_test(test_status)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
