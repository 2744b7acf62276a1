/* SPDX-License-Identifier: ISC */
/* test_imap_sort.c - SORT: its keys as they are written, and the order they give. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "imapd/sort.h"

enum { MESSAGES_MOST = 8, MANY = 10000, MANY_ALIKE = 3000 };

static const struct {
	const char *text;
	int err;
	const char *keys, *rest; /* a letter a key, '-' before a reverse one */
} parsed[] = {
    {"(SUBJECT)", E_OK, "s", ""},
    {"(subject REVERSE Date) UTF-8 ALL", E_OK, "s-d", " UTF-8 ALL"},
    {"(ARRIVAL CC DATE FROM SIZE SUBJECT TO DISPLAYFROM DISPLAYTO)", E_OK, "acdfzstFT",
	""},
    {"(DATE REVERSE DATE DATE)", E_OK, "d", ""},
    {"(REVERSE SIZE SIZE)", E_OK, "-z", ""},
    {"()", E_BAD, "", "()"},
    {"DATE", E_BAD, "", "DATE"},
    {"(DATE", E_BAD, "", "(DATE"},
    {"(DATE  SIZE)", E_BAD, "", "(DATE  SIZE)"},
    {"(DATE )", E_BAD, "", "(DATE )"},
    {"(REVERSE)", E_BAD, "", "(REVERSE)"},
    {"(REVERSE REVERSE DATE)", E_BAD, "", "(REVERSE REVERSE DATE)"},
    {"(DATES)", E_BAD, "", "(DATES)"},
    {"", E_BAD, "", ""},
};

static void
test_parse(void **state)
{
	static const char letters[SORT_BYS] = {[SORT_ARRIVAL] = 'a',
	    [SORT_CC] = 'c',
	    [SORT_DATE] = 'd',
	    [SORT_FROM] = 'f',
	    [SORT_SIZE] = 'z',
	    [SORT_SUBJECT] = 's',
	    [SORT_TO] = 't',
	    [SORT_DISPLAYFROM] = 'F',
	    [SORT_DISPLAYTO] = 'T'};
	(void)state;
	for (size_t i = 0; i < COUNT(parsed); i++) {
		struct parse p = {.in = span_of(parsed[i].text)};
		struct sort_order order;
		struct buf keys = {0};
		assert_int_equal(sort_parse(&p, &order), parsed[i].err);
		for (size_t k = 0; k < order.n && parsed[i].err == E_OK; k++) {
			buf_str(&keys, order.keys[k].is_reverse ? "-" : "");
			buf_ch(&keys, letters[order.keys[k].by]);
		}
		assert_string_equal(buf_cstr(&keys), parsed[i].keys);
		assert_true(span_eqs(p.in, parsed[i].rest));
		assert_true((p.expected != NULL) == (parsed[i].err == E_BAD));
		buf_free(&keys);
	}
}

struct row {
	const char *subject;
	int64_t date;
};

/* clang-format off */
static const struct {
	const char *order;
	struct row rows[MESSAGES_MOST];
	const char *out;
} sorted[] = {
	{"(SUBJECT)", {{"B", 0}, {"A", 0}, {"", 0}, {"AA", 0}}, "3 2 4 1"},
	{"(REVERSE SUBJECT)", {{"B", 0}, {"A", 0}, {"", 0}, {"AA", 0}}, "1 4 2 3"},
	/* longer than the head, equal in it, one the beginning of the other */
	{"(SUBJECT)", {{"ABCDEFGHIJ", 0}, {"ABCDEFGH", 0}, {"ABCDEFGHI", 0}, {"ABCDEFG", 0}}, "4 2 3 1"},
	{"(REVERSE SUBJECT)", {{"ABCDEFGHIJ", 0}, {"ABCDEFGH", 0}, {"ABCDEFGHI", 0}, {"ABCDEFG", 0}}, "1 3 2 4"},
	/* octets, not chars with a sign */
	{"(SUBJECT)", {{"\xc3\x84", 0}, {"Z", 0}}, "2 1"},
	/* equal ones stay as they are, whatever is reversed */
	{"(SUBJECT)", {{"A", 3}, {"A", 2}, {"A", 1}}, "1 2 3"},
	{"(REVERSE SUBJECT)", {{"A", 3}, {"A", 2}, {"A", 1}}, "1 2 3"},
	/* RFC 5256 3: SUBJECT REVERSE DATE */
	{"(SUBJECT REVERSE DATE)", {{"B", 1}, {"B", 2}, {"A", 5}, {"A", 4}, {"A", 6}}, "5 3 4 2 1"},
	{"(DATE)", {{"", 5}, {"", -5}, {"", INT64_MAX}, {"", INT64_MIN}, {"", 0}}, "4 2 5 1 3"},
	{"(REVERSE DATE SUBJECT)", {{"A", 1}, {"C", 2}, {"B", 2}}, "3 2 1"},
};

/* clang-format on */

static size_t
fill(struct sorter *s, const struct row *rows, const struct sort_order *order)
{
	size_t n = 0;
	while (n < MESSAGES_MOST && rows[n].subject)
		n++;
	sorter_init(s, order, n);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < order->n; k++)
			sorter_row(s, i)[k] = order->keys[k].by == SORT_SUBJECT
			                          ? sort_text(span_of(rows[i].subject))
			                          : sort_number(rows[i].date);
	return n;
}

static void
test_order(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(sorted); i++) {
		struct parse p = {.in = span_of(sorted[i].order)};
		struct sort_order order;
		struct sorter s;
		struct buf text = {0};
		uint32_t out[MESSAGES_MOST];
		assert_int_equal(sort_parse(&p, &order), E_OK);
		size_t n = fill(&s, sorted[i].rows, &order);
		sorter_run(&s, out);
		for (size_t k = 0; k < n; k++)
			buf_putf(&text, "%s%u", k ? " " : "", out[k] + 1);
		assert_string_equal(buf_cstr(&text), sorted[i].out);
		sorter_done(&s);
		buf_free(&text);
	}
}

/* Many that begin alike, longer than what is compared first: against a plain comparison of all. */
static void
test_alike(void **state)
{
	static const char *const beginnings[] = {"", "THE SAME BEGINNING OF MANY ",
	    "THE SAME BEGINNING OF MANY AND OF MORE, AND OF EVEN MORE THAN THAT, WHICH "
	    "GOES ON "};
	static char texts[MANY_ALIKE][128];
	static uint32_t out[MANY_ALIKE];
	(void)state;
	for (int i = 0; i < MANY_ALIKE; i++)
		snprintf(texts[i], sizeof texts[i], "%s%d", beginnings[i % 3],
		    i * 7919 % (MANY_ALIKE / 2));
	for (int is_reverse = 0; is_reverse < 2; is_reverse++) {
		struct sort_order order = {
		    .keys = {{.by = SORT_SUBJECT, .is_reverse = is_reverse}}, .n = 1};
		struct sorter s;
		sorter_init(&s, &order, MANY_ALIKE);
		for (size_t i = 0; i < MANY_ALIKE; i++)
			*sorter_row(&s, i) = sort_text(span_of(texts[i]));
		sorter_run(&s, out);
		for (size_t i = 1; i < MANY_ALIKE; i++) {
			int cmp = strcmp(texts[out[i - 1]], texts[out[i]]) *
			          (is_reverse ? -1 : 1);
			assert_true(cmp < 0 || (cmp == 0 && out[i - 1] < out[i]));
		}
		sorter_done(&s);
	}
}

static void
test_by_record(void **state)
{
	(void)state;
	assert_true(sort_by_record(&(struct sort_order){
	    .keys = {{SORT_ARRIVAL, true}, {SORT_SIZE, false}}, .n = 2}));
	assert_false(sort_by_record(&(struct sort_order){
	    .keys = {{SORT_ARRIVAL, true}, {SORT_DATE, false}}, .n = 2}));
}

/* With TIMES set: how long the sorting of 10,000 takes. */
static void
time_of(const char *what, const char (*texts)[32])
{
	static uint32_t out[MANY];
	struct sort_order order = {
	    .keys = {{.by = SORT_SUBJECT, .is_reverse = true}}, .n = 1};
	struct sorter s;
	int64_t from = clock_mono_us();
	sorter_init(&s, &order, MANY);
	for (size_t i = 0; i < MANY; i++)
		*sorter_row(&s, i) = texts ? sort_text(span_of(texts[i]))
		                           : sort_number((int64_t)(i * 7919 % MANY));
	sorter_run(&s, out);
	sorter_done(&s);
	printf("%s: %lld us\n", what, (long long)(clock_mono_us() - from));
}

static void
test_times(void **state)
{
	static char texts[MANY][32];
	(void)state;
	if (!getenv("TIMES"))
		return;
	for (int i = 0; i < MANY; i++)
		snprintf(texts[i], sizeof texts[i], "THE SAME BEGINNING %d",
		    i * 7919 % MANY);
	time_of("numbers", NULL);
	time_of("texts", (const char(*)[32])texts);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_parse),
	    cmocka_unit_test(test_order),
	    cmocka_unit_test(test_alike),
	    cmocka_unit_test(test_by_record),
	    cmocka_unit_test(test_times),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
