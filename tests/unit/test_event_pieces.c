/* SPDX-License-Identifier: ISC */
/* test_event_pieces.c - letters of many accounts at once, and the memory that they have together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "deliver/events.h"

static char chunk[1 + ORDER_CHUNK]; /* u8 is_last, bytes */

static int
take(struct event_pieces *p, size_t n, bool is_last)
{
	chunk[0] = is_last;
	struct rd r = rd_of(span_make(chunk, 1 + n));
	return event_pieces_take(p, &r);
}

/* One of so many bytes, but for its end. */
static int
fill(struct event_pieces *p, size_t bytes)
{
	int err = E_MORE;
	for (size_t at = 0; at < bytes && err == E_MORE; at += ORDER_CHUNK)
		err = take(p, ORDER_CHUNK, false);
	return err;
}

static void
test_whole(void **state)
{
	struct event_pieces p = {.is_left_out = false};
	(void)state;
	memset(chunk, 'x', sizeof chunk);
	assert_int_equal(take(&p, 3, false), E_MORE);
	assert_int_equal(take(&p, 4, true), E_OK);
	assert_true(span_eqs(buf_as_span(&p.bytes), "xxxxxxx"));
	event_pieces_reset(&p);
	assert_int_equal(take(&p, 0, true), E_OK);
	assert_int_equal(p.bytes.len, 0);
	event_pieces_reset(&p);
	chunk[0] = 2;
	struct rd bad = rd_of(span_make(chunk, 2)), none = rd_of(SPAN(""));
	assert_int_equal(event_pieces_take(&p, &bad), E_BAD);
	assert_int_equal(event_pieces_take(&p, &none), E_BAD);
	event_pieces_free(&p);
}

/* An agent that says more than a letter is long is no agent. */
static void
test_too_long(void **state)
{
	struct event_pieces p = {.is_left_out = false};
	(void)state;
	assert_int_equal(fill(&p, TURN_LETTER_BYTES_MAX + ORDER_CHUNK), E_BAD);
	event_pieces_free(&p);
}

/* The one that goes past the bound is left out, and those that were there before are not. */
static void
test_together(void **state)
{
	enum { N = 16, EACH = 40 << 20 };
	struct event_pieces all[N] = {{.is_left_out = false}};
	size_t n_whole = 0, bytes = 0;
	(void)state;
	for (size_t at = 0; at < EACH; at += ORDER_CHUNK) {
		bytes = 0;
		for (size_t i = 0; i < N; i++) {
			assert_int_equal(take(&all[i], ORDER_CHUNK, false), E_MORE);
			bytes += all[i].bytes.cap;
			assert_false(all[i].is_left_out && all[i].bytes.cap);
		}
		assert_true(bytes <= EVENTS_LETTERS_BYTES_MOST);
	}
	for (size_t i = 0; i < N; i++) {
		int err = take(&all[i], 1, true);
		assert_int_equal(err, all[i].is_left_out ? E_LIMIT : E_OK);
		n_whole += err == E_OK;
		event_pieces_reset(&all[i]);
		assert_false(all[i].is_left_out);
	}
	assert_in_range(n_whole, 1, N - 1);
	/* and then there is room again, for the longest that there is */
	assert_int_equal(
	    fill(&all[0], TURN_LETTER_BYTES_MAX - 2 * ORDER_CHUNK), E_MORE);
	assert_int_equal(take(&all[0], 1, true), E_OK);
	for (size_t i = 0; i < N; i++)
		event_pieces_free(&all[i]);
}

/* What is done has no memory, however many have sent something. */
static void
test_many(void **state)
{
	enum { N = 400, EACH = 1 << 20 };
	static struct event_pieces all[N];
	struct event_pieces longest = {.is_left_out = false};
	(void)state;
	for (size_t i = 0; i < N; i++) {
		assert_int_equal(fill(&all[i], EACH - 2 * ORDER_CHUNK), E_MORE);
		assert_int_equal(take(&all[i], 1, true), E_OK);
		event_pieces_reset(&all[i]);
		assert_int_equal(all[i].bytes.cap, 0);
	}
	assert_int_equal(
	    fill(&longest, TURN_LETTER_BYTES_MAX - 2 * ORDER_CHUNK), E_MORE);
	assert_int_equal(take(&longest, 1, true), E_OK);
	event_pieces_free(&longest);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_whole),
	    cmocka_unit_test(test_too_long), cmocka_unit_test(test_together),
	    cmocka_unit_test(test_many)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
