/* SPDX-License-Identifier: ISC */
/* test_budget.c - what was submitted: buckets that slide, what is written down, what is said of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "scratch.h"
#include "smtpd/budget/budget.h"
#include "smtpd/budget/errand.h"

enum { NOW = 1700000000 };

static struct budget
budget_of(const char *items)
{
	struct budget b = {0};
	struct span all = span_of(items);
	while (all.n)
		assert_int_equal(budget_parse(span_cut(&all, ' '), &b), E_OK);
	return budget_join(&b, &b);
}

/* ---- counters ---- */

static void
test_windows(void **st)
{
	struct counters c = {0};
	(void)st;
	counters_advance(&c, NOW);
	counters_add(&c, BUDGET_MESSAGES, 3);
	assert_int_equal(counters_sum(&c, BUDGET_MESSAGES, BUDGET_HOUR), 3);
	assert_int_equal(counters_sum(&c, BUDGET_MESSAGES, BUDGET_DAY), 3);
	assert_int_equal(counters_sum(&c, BUDGET_RECIPIENTS, BUDGET_DAY), 0);
	/* nothing leaves before its window is over, all has left a bucket later */
	counters_advance(&c, NOW + 3600);
	assert_int_equal(counters_sum(&c, BUDGET_MESSAGES, BUDGET_HOUR), 3);
	counters_add(&c, BUDGET_MESSAGES, 4);
	counters_advance(&c, NOW + 3600 + COUNTER_HOUR_SEC);
	assert_int_equal(counters_sum(&c, BUDGET_MESSAGES, BUDGET_HOUR), 4);
	assert_int_equal(counters_sum(&c, BUDGET_MESSAGES, BUDGET_DAY), 7);
	counters_advance(&c, NOW + 86400);
	assert_int_equal(counters_sum(&c, BUDGET_MESSAGES, BUDGET_HOUR), 0);
	assert_int_equal(counters_sum(&c, BUDGET_MESSAGES, BUDGET_DAY), 7);
	counters_advance(&c, NOW + 86400 + COUNTER_DAY_SEC);
	assert_int_equal(counters_sum(&c, BUDGET_MESSAGES, BUDGET_DAY), 4);
	counters_advance(&c, NOW + 3 * 86400);
	assert_int_equal(counters_sum(&c, BUDGET_MESSAGES, BUDGET_DAY), 0);
}

/* Each bucket leaves on its own. */
static void
test_slides(void **st)
{
	struct counters c = {0};
	(void)st;
	for (int i = 0; i < 200; i++) {
		counters_advance(&c, NOW + (int64_t)i * COUNTER_HOUR_SEC);
		counters_add(&c, BUDGET_NEW, 1);
		int hour = i < COUNTER_HOUR_BUCKETS ? i + 1 : COUNTER_HOUR_BUCKETS;
		assert_int_equal(counters_sum(&c, BUDGET_NEW, BUDGET_HOUR), hour);
		assert_int_equal(counters_sum(&c, BUDGET_NEW, BUDGET_DAY), i + 1);
	}
}

static void
test_clock_back(void **st)
{
	struct counters c = {0};
	(void)st;
	counters_advance(&c, NOW);
	counters_add(&c, BUDGET_MESSAGES, 5);
	counters_advance(&c, NOW - 7 * 86400);
	assert_int_equal(counters_sum(&c, BUDGET_MESSAGES, BUDGET_HOUR), 5);
	counters_add(&c, BUDGET_MESSAGES, 1);
	counters_advance(&c, NOW - 7 * 86400 + 3600 + COUNTER_HOUR_SEC);
	assert_int_equal(counters_sum(&c, BUDGET_MESSAGES, BUDGET_HOUR), 0);
	assert_int_equal(counters_sum(&c, BUDGET_MESSAGES, BUDGET_DAY), 6);
}

static void
test_full(void **st)
{
	struct counters c = {0};
	(void)st;
	counters_advance(&c, NOW);
	counters_add(&c, BUDGET_MESSAGES, UINT32_MAX - 1);
	counters_add(&c, BUDGET_MESSAGES, 5);
	assert_int_equal(counters_sum(&c, BUDGET_MESSAGES, BUDGET_HOUR), UINT32_MAX);
}

static void
test_fit(void **st)
{
	struct counters c = {0};
	struct budget b = budget_of("messages=2/hour recipients=5/day new=1/hour");
	const uint32_t one[BUDGET_WHATS] = {1, 2, 0}, none[BUDGET_WHATS] = {0},
		       fresh[BUDGET_WHATS] = {1, 2, 2};
	struct overrun over;
	(void)st;
	counters_advance(&c, NOW);
	assert_true(counters_fit(&c, one, &b, &over));
	assert_false(counters_fit(&c, fresh, &b, &over));
	assert_int_equal(over.what, BUDGET_NEW);
	assert_int_equal(over.window, BUDGET_HOUR);
	counters_add(&c, BUDGET_MESSAGES, 2);
	counters_add(&c, BUDGET_RECIPIENTS, 4);
	assert_true(counters_fit(&c, none, &b, &over));
	assert_false(counters_fit(&c, one, &b, &over));
	assert_int_equal(over.what, BUDGET_MESSAGES);
	assert_int_equal(over.most, 2);
	counters_advance(&c, NOW + 2 * 3600);
	assert_false(counters_fit(&c, one, &b, &over));
	assert_int_equal(over.what, BUDGET_RECIPIENTS);
	assert_int_equal(over.window, BUDGET_DAY);
	b = budget_of("");
	assert_true(counters_fit(&c, fresh, &b, &over));
}

static void
test_bytes(void **st)
{
	struct counters c = {.used_sec = NOW, .n_known = 7}, again;
	struct buf b = {0};
	(void)st;
	for (int i = 0; i < 40; i++) {
		counters_advance(&c, NOW + i * 1000);
		counters_add(&c, (enum budget_what)(i % BUDGET_WHATS), (uint32_t)i);
	}
	counters_put(&b, &c);
	for (size_t n = 0; n < b.len; n++)
		assert_int_equal(
		    counters_get(span_head(buf_as_span(&b), n), &again), E_BAD);
	assert_int_equal(counters_get(buf_as_span(&b), &again), E_OK);
	assert_int_equal(again.n_known, 7);
	for (int i = 0; i < BUDGET_WHATS; i++)
		for (int w = 0; w < BUDGET_WINDOWS; w++)
			assert_int_equal(
			    counters_sum(&again, i, w), counters_sum(&c, i, w));
	buf_ch(&b, 0);
	assert_int_equal(counters_get(buf_as_span(&b), &again), E_BAD);
	buf_free(&b);
}

/* ---- the book ---- */

static struct book book;
static char dir[64];

static void
scratch_new(void)
{
	strcpy(dir, "/tmp/merpati-budget-XXXXXX");
	assert_non_null(mkdtemp(dir));
}

static enum take
take(const char *account, const uint64_t *rcpts, size_t n, const char *own,
    const char *wide, int64_t now_sec, struct overrun *over)
{
	struct budget a = budget_of(own), d = budget_of(wide);
	enum take how;
	assert_int_equal(
	    book_take(&book, span_of(account), rcpts, n, &a, &d, now_sec, &how, over),
	    E_OK);
	return how;
}

static void
test_book_takes(void **st)
{
	const uint64_t ab[] = {1, 2}, bc[] = {2, 3}, d[] = {4};
	struct overrun over;
	(void)st;
	scratch_new();
	assert_int_equal(book_open(&book, dir), E_OK);
	assert_int_equal(
	    take("u1@a.test", ab, 2, "new=3/day", "", NOW, &over), TAKE_OK);
	assert_int_equal(
	    take("u1@a.test", bc, 2, "new=3/day", "", NOW, &over), TAKE_OK);
	assert_int_equal(
	    take("u1@a.test", d, 1, "new=3/day", "", NOW, &over), TAKE_OVER);
	assert_int_equal(over.what, BUDGET_NEW);
	/* what was refused is not known, and was not counted */
	assert_int_equal(
	    take("u1@a.test", d, 1, "new=4/day recipients=5/day", "", NOW, &over),
	    TAKE_OK);
	assert_int_equal(
	    take("u1@a.test", ab, 1, "recipients=5/day", "", NOW, &over), TAKE_OVER);
	assert_int_equal(over.what, BUDGET_RECIPIENTS);
	/* an account's name is no other's beginning */
	assert_int_equal(take("u1@a.tes", ab, 2, "new=2/day", "", NOW, &over), TAKE_OK);
	/* all of a domain together */
	assert_int_equal(
	    take("u2@a.test", ab, 1, "", "messages=4/hour", NOW, &over), TAKE_OK);
	assert_int_equal(take("u3@a.test", ab, 1, "", "messages=4/hour", NOW, &over),
	    TAKE_OVER_DOMAIN);
	assert_int_equal(
	    take("u3@b.test", ab, 1, "", "messages=4/hour", NOW, &over), TAKE_OK);
	book_close(&book);
	/* another process */
	assert_int_equal(book_open(&book, dir), E_OK);
	assert_int_equal(
	    take("u3@a.test", ab, 1, "", "messages=4/hour", NOW + 1, &over),
	    TAKE_OVER_DOMAIN);
	assert_int_equal(
	    take("u1@a.test", d, 1, "new=4/day", "", NOW + 2 * 86400, &over), TAKE_OK);
	book_close(&book);
	scratch_remove(dir);
}

static void
test_book_forgets(void **st)
{
	static uint64_t many[BOOK_RCPTS_MOST];
	struct overrun over;
	struct buf row = {0};
	struct counters c;
	uint64_t next = 1;
	(void)st;
	scratch_new();
	assert_int_equal(book_open(&book, dir), E_OK);
	for (int round = 0; round < BOOK_KNOWN_MOST / BOOK_RCPTS_MOST + 3; round++) {
		for (size_t i = 0; i < COUNT(many); i++)
			many[i] =
			    (next = next * 6364136223846793005u + 1442695040888963407u);
		assert_int_equal(
		    take("u1@a.test", many, COUNT(many), "", "", NOW, &over), TAKE_OK);
	}
	assert_int_equal(
	    db_get(book.shelf.tables[0], NULL, SPAN("u1@a.test"), &row), E_OK);
	assert_int_equal(counters_get(buf_as_span(&row), &c), E_OK);
	assert_int_equal(c.n_known, BOOK_KNOWN_MOST);
	/* the last ones are known, of the others as many as there is room for */
	assert_int_equal(
	    take("u1@a.test", many, COUNT(many), "new=13000/day", "", NOW, &over),
	    TAKE_OK);
	/* who does not send for long is forgotten with all that he knew, a slice at a time */
	assert_int_equal(
	    take("u2@a.test", many, 1, "", "", NOW + BOOK_FORGET_SEC, &over), TAKE_OK);
	for (int i = 0; i < 50; i++)
		book_sweep(&book, NOW + BOOK_FORGET_SEC + 1);
	assert_int_equal(
	    db_get(book.shelf.tables[0], NULL, SPAN("u1@a.test"), &row), E_BAD);
	assert_int_equal(
	    db_get(book.shelf.tables[0], NULL, SPAN("u2@a.test"), &row), E_OK);
	buf_free(&row);
	book_close(&book);
	scratch_remove(dir);
}

static int
count_trip(void *ctx, struct span account, const struct trip *t)
{
	(void)account, (void)t;
	++*(unsigned *)ctx;
	return E_OK;
}

static void
test_book_trips(void **st)
{
	const uint64_t a[] = {1};
	struct trip t = {.since_sec = NOW,
	    .over = {BUDGET_NEW, BUDGET_DAY, 9},
	    .notice = id_new(),
	    .done = TRIP_KICKED};
	struct trip have;
	struct overrun over;
	unsigned n = 0;
	(void)st;
	scratch_new();
	assert_int_equal(book_open(&book, dir), E_OK);
	assert_int_equal(book_trip_get(&book, SPAN("u1@a.test"), &have), E_BAD);
	assert_int_equal(book_trip_end(&book, SPAN("u1@a.test")), E_BAD);
	assert_int_equal(
	    take("u1@a.test", a, 1, "messages=1/hour", "", NOW, &over), TAKE_OK);
	assert_int_equal(book_trip_put(&book, SPAN("u1@a.test"), &t), E_OK);
	assert_int_equal(book_trip_put(&book, SPAN("u2@a.test"), &t), E_OK);
	book_close(&book);
	assert_int_equal(book_open(&book, dir), E_OK);
	assert_int_equal(book.shelf.n, 2);
	assert_int_equal(book_trip_get(&book, SPAN("u1@a.test"), &have), E_OK);
	assert_int_equal(have.over.what, BUDGET_NEW);
	assert_int_equal(have.over.most, 9);
	assert_int_equal(have.done, TRIP_KICKED);
	assert_true(id_eq(have.notice, t.notice));
	assert_int_equal(book_trips(&book, SPAN("u1@a.test"), count_trip, &n), E_OK);
	assert_int_equal(n, 1); /* those behind it */
	assert_int_equal(book_trip_end(&book, SPAN("u1@a.test")), E_OK);
	assert_int_equal(book_trip_get(&book, SPAN("u1@a.test"), &have), E_BAD);
	/* with a new budget; to whom it wrote is still known */
	assert_int_equal(
	    take("u1@a.test", a, 1, "messages=1/hour new=1/day", "", NOW, &over),
	    TAKE_OK);
	assert_int_equal(
	    take("u1@a.test", a, 1, "messages=1/hour", "", NOW, &over), TAKE_OVER);
	book_close(&book);
	scratch_remove(dir);
}

/* ---- what is said ---- */

static void
test_answer(void **st)
{
	struct buf b = {0};
	(void)st;
	for (int said = 0; said < BUDGET_SAIDS; said++) {
		struct budget_answer a = {said, {BUDGET_NEW, BUDGET_DAY, 5}}, have;
		buf_reset(&b);
		budget_answer_put(&b, &a);
		for (size_t n = 0; n < b.len; n++) {
			struct rd r = rd_of(span_head(buf_as_span(&b), n));
			assert_int_equal(budget_answer_get(&r, &have), E_BAD);
		}
		struct rd r = rd_of(buf_as_span(&b));
		assert_int_equal(budget_answer_get(&r, &have), E_OK);
		assert_int_equal(have.said, said);
		assert_int_equal(have.over.most, 5);
	}
	b.p[0] = BUDGET_SAIDS;
	struct budget_answer have;
	struct rd r = rd_of(buf_as_span(&b));
	assert_int_equal(budget_answer_get(&r, &have), E_BAD);
	buf_free(&b);
}

static void
test_notice(void **st)
{
	struct trip t = {.since_sec = NOW, .over = {BUDGET_MESSAGES, BUDGET_HOUR, 9}};
	struct buf b = {0};
	uint32_t head;
	(void)st;
	notice_put(&b, SPAN("a\r\nBcc: x@y \xc3\xa4@a.test"), &t, "postmaster@a.test",
	    "mail.a.test", &head);
	const char *text = buf_cstr(&b);
	assert_int_equal(head, strlen("Return-Path: <>\r\n"));
	assert_null(strstr(text, "\nBcc"));
	assert_non_null(strstr(text, "a??Bcc:?x@y???@a.test sent too much"));
	assert_non_null(strstr(text, "more than 9 messages an hour."));
	for (size_t i = 0; i < b.len; i++)
		assert_true(text[i] != '\n' || (i && text[i - 1] == '\r'));
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_windows),
	    cmocka_unit_test(test_slides),
	    cmocka_unit_test(test_clock_back),
	    cmocka_unit_test(test_full),
	    cmocka_unit_test(test_fit),
	    cmocka_unit_test(test_bytes),
	    cmocka_unit_test(test_book_takes),
	    cmocka_unit_test(test_book_forgets),
	    cmocka_unit_test(test_book_trips),
	    cmocka_unit_test(test_answer),
	    cmocka_unit_test(test_notice),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
