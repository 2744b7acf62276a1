/* SPDX-License-Identifier: ISC */
/* test_imap_fuzzy.c - words, days and sizes that are about what was looked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "imapd/fuzzy.h"
#include "mime/casemap.h"

static unsigned
score_of(const char *wanted, const char *text, unsigned percent)
{
	struct buf w = {0}, t = {0};
	struct fuzzy f;
	casemap_fold(&w, span_of(wanted));
	casemap_fold(&t, span_of(text));
	fuzzy_init(&f, buf_as_span(&w));
	bool is_best = fuzzy_look(&f, buf_as_span(&t), percent);
	unsigned score = fuzzy_score(&f);
	assert_true(!is_best || f.n == 0 || score == FUZZY_SCORE_MAX);
	buf_free(&w);
	buf_free(&t);
	return score;
}

/* least 0: not found */
static const struct {
	const char *wanted, *text;
	unsigned least, most;
} rows[] = {
    {"IMAP break", "imap break", 100, 100},
    {"IMAP break", "Break, of IMAP!", 100, 100},
    {"IMAP break", "broken IMAP", 0, 0},
    {"IMAP break", "breaking IMAP", 80, 99},
    {"IMAP", "", 0, 0},
    {"IMAP break", "imap", 0, 0},
    /* a beginning: the more of it, the better */
    {"meet", "meeting", 60, 65},
    {"meet", "meets", 70, 80},
    {"meeting", "meet", 0, 0},
    {"m", "meet", 0, 0},
    {"m", "m", 100, 100},
    /* a mistake, in words of five letters or more */
    {"Helol", "hello", 20, 20},
    {"hallo", "hello", 20, 20},
    {"helllo", "hello", 20, 20},
    {"hello", "helo", 20, 20},
    {"hello", "ello", 20, 20},
    {"hello", "xhello", 20, 20},
    {"hello", "hell", 20, 20},
    {"hello", "ehllo", 20, 20},
    {"hello", "halla", 0, 0},
    {"hello", "olleh", 0, 0},
    {"helo", "hello", 0, 0},
    {"helo", "halo", 0, 0},
    /* marks and case are nothing */
    {"cafe", "Caf\303\251", 100, 100},
    {"CAF\303\211", "cafe", 100, 100},
    {"uber", "\303\234ber alles", 100, 100},
    {"\320\277\321\200\320\270\320\262\320\265\321\202",
	"\320\237\320\240\320\230\320\222\320\225\320\242", 100, 100},
    /* no blanks between words */
    {"\346\234\254\350\252\236", "\346\227\245\346\234\254\350\252\236", 80, 80},
    {"\346\234\254\346\227\245", "\346\227\245\346\234\254\350\252\236", 0, 0},
    /* what is no letter parts words; what is no text harms nothing */
    {"a-b", "b a", 100, 100},
    {"a", "\377\376\200", 0, 0},
    {"...", "...", 0, 0},
};

static void
test_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		unsigned score = score_of(rows[i].wanted, rows[i].text, 100);
		if (score < rows[i].least || score > rows[i].most)
			fail_msg("%s in %s: %u", rows[i].wanted, rows[i].text, score);
	}
}

static void
test_worth(void **state)
{
	(void)state;
	assert_int_equal(score_of("hello", "hello", 80), 80);
	assert_int_equal(score_of("hello", "hallo", 1), 1);
}

/* The best of several texts; what was found in one is not forgotten. */
static void
test_texts(void **state)
{
	struct fuzzy f;
	(void)state;
	fuzzy_init(&f, SPAN("ONE OTHER"));
	assert_false(fuzzy_look(&f, SPAN("ONCE AND ONE"), 80));
	assert_int_equal(fuzzy_score(&f), 0);
	assert_false(fuzzy_look(&f, SPAN("OTHER"), 100));
	assert_int_equal(fuzzy_score(&f), 90);
	assert_true(fuzzy_look(&f, SPAN("ONE"), 100));
	assert_int_equal(fuzzy_score(&f), 100);
	fuzzy_begin(&f);
	assert_int_equal(fuzzy_score(&f), 0);
}

static void
test_limits(void **state)
{
	struct buf long_word = {0}, many = {0};
	struct fuzzy f;
	(void)state;
	for (unsigned i = 0; i < 100000; i++)
		buf_ch(&long_word, 'A');
	fuzzy_init(&f, buf_as_span(&long_word));
	assert_int_equal(f.n, 1);
	assert_int_equal(f.words[0].n, FUZZY_LETTERS_MAX);
	assert_true(fuzzy_look(&f, buf_as_span(&long_word), 100));
	fuzzy_begin(&f);
	assert_false(
	    fuzzy_look(&f, span_head(buf_as_span(&long_word), FUZZY_LETTERS_MAX), 100));
	for (unsigned i = 0; i < 2 * FUZZY_WORDS_MAX; i++)
		buf_putf(&many, "W%u ", i);
	fuzzy_init(&f, buf_as_span(&many));
	assert_int_equal(f.n, FUZZY_WORDS_MAX);
	buf_free(&long_word);
	buf_free(&many);
}

static void
test_near(void **state)
{
	(void)state;
	assert_int_equal(fuzzy_near(5, 5, 7, 10), 100);
	assert_int_equal(fuzzy_near(7, 5, 7, 10), 100);
	assert_int_equal(fuzzy_near(17, 5, 7, 10), 1);
	assert_int_equal(fuzzy_near(18, 5, 7, 10), 0);
	assert_true(fuzzy_near(8, 5, 7, 10) > fuzzy_near(9, 5, 7, 10));
	assert_true(fuzzy_near(8, 5, 7, 10) < 100);
	assert_int_equal(fuzzy_near(4, 5, 7, 10), fuzzy_near(8, 5, 7, 10));
	assert_int_equal(fuzzy_near(INT64_MAX, INT64_MIN, 7, INT64_MAX), 1);
	assert_int_equal(fuzzy_near(INT64_MAX, INT64_MIN, INT64_MIN, 10), 0);
	assert_int_equal(fuzzy_near(6, 7, 5, 10), 0);
	assert_int_equal(fuzzy_near(8, 5, 7, 0), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_words),
	    cmocka_unit_test(test_worth), cmocka_unit_test(test_texts),
	    cmocka_unit_test(test_limits), cmocka_unit_test(test_near)};
	return cmocka_run_group_tests_name("imap_fuzzy", tests, NULL, NULL);
}
