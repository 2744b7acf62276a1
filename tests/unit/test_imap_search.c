/* SPDX-License-Identifier: ISC */
/*
 * test_imap_search.c - what a search looks for, as it is written: each key, RETURN, CHARSET,
 * limits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "imapd/search_parse.h"

enum { ARENA_MAX = 64 << 20, MANY_DEEP = 10000, LONG_BYTES = 1 << 20 };

/* ---- a tree as text: a key is its name, its arguments in brackets, '!' before what is not ---- */

static const char *const names[] = {
    [SEARCH_ALL] = "all",
    [SEARCH_NOTHING] = "nothing",
    [SEARCH_FLAGS] = "flags",
    [SEARCH_KEYWORD] = "keyword",
    [SEARCH_RECENT] = "recent",
    [SEARCH_NUMBERS] = "numbers",
    [SEARCH_UIDS] = "uids",
    [SEARCH_ARRIVED] = "arrived",
    [SEARCH_SAVED] = "saved",
    [SEARCH_OLDER] = "older",
    [SEARCH_YOUNGER] = "younger",
    [SEARCH_LARGER] = "larger",
    [SEARCH_SMALLER] = "smaller",
    [SEARCH_MODSEQ] = "modseq",
    [SEARCH_EMAILID] = "emailid",
    [SEARCH_THREADID] = "threadid",
    [SEARCH_SENT] = "sent",
    [SEARCH_FIELD] = "field",
    [SEARCH_BODY] = "body",
    [SEARCH_TEXT] = "text",
    [SEARCH_AND] = "and",
    [SEARCH_OR] = "or",
};

static void
day_show(struct buf *out, int64_t day)
{
	if (day == INT64_MIN || day == INT64_MAX)
		buf_str(out, "any");
	else
		buf_putf(out, "%lld", (long long)day);
}

static void
set_show(struct buf *out, const struct seqset *set)
{
	buf_str(out, set->is_saved ? "$" : "");
	for (size_t i = 0; i < set->n; i++)
		buf_putf(out, "%s%lld:%lld", i ? "," : "",
		    set->ranges[i].from == SEQ_STAR ? -1LL : set->ranges[i].from,
		    set->ranges[i].to == SEQ_STAR ? -1LL : set->ranges[i].to);
}

static void
argument_show(struct buf *out, const struct search_key *k)
{
	switch (k->what) {
	case SEARCH_FLAGS:
		buf_putf(out, "[%u]", k->flags);
		break;
	case SEARCH_KEYWORD:
	case SEARCH_EMAILID:
	case SEARCH_THREADID:
	case SEARCH_BODY:
	case SEARCH_TEXT:
		buf_putf(out, "[%.*s]", SPAN_ARG(k->text));
		break;
	case SEARCH_FIELD:
		buf_putf(out, "[%.*s %.*s]", SPAN_ARG(k->field), SPAN_ARG(k->text));
		break;
	case SEARCH_NUMBERS:
	case SEARCH_UIDS:
		buf_ch(out, '[');
		set_show(out, &k->set);
		buf_ch(out, ']');
		break;
	case SEARCH_ARRIVED:
	case SEARCH_SAVED:
	case SEARCH_SENT:
		buf_ch(out, '[');
		day_show(out, k->from_day);
		buf_ch(out, ' ');
		day_show(out, k->to_day);
		buf_ch(out, ']');
		break;
	case SEARCH_OLDER:
	case SEARCH_YOUNGER:
	case SEARCH_LARGER:
	case SEARCH_SMALLER:
	case SEARCH_MODSEQ:
		buf_putf(out, "[%llu]", (unsigned long long)k->number);
		break;
	default:
		break;
	}
}

static void
key_show(struct buf *out, const struct search_key *k)
{
	buf_str(out, k->is_not ? "!" : "");
	buf_str(out, names[k->what]);
	argument_show(out, k);
	if (!k->kids)
		return;
	for (const struct search_key *kid = k->kids; kid; kid = kid->next) {
		buf_ch(out, kid == k->kids ? '(' : ' ');
		key_show(out, kid);
	}
	buf_ch(out, ')');
}

/* clang-format off */
static const struct {
	const char *text;
	int err;
	unsigned returns;
	const char *tree;
} rows[] = {
	{"ALL", E_OK, 0, "all"},
	{"all", E_OK, 0, "all"},
	{"ANSWERED DELETED DRAFT FLAGGED SEEN", E_OK, 0, "and(flags[2] flags[8] flags[16] flags[4] flags[1])"},
	{"UNANSWERED UNDELETED UNDRAFT UNFLAGGED UNSEEN", E_OK, 0, "and(!flags[2] !flags[8] !flags[16] !flags[4] !flags[1])"},
	{"NEW", E_OK, 0, "and(recent !flags[1])"},
	{"NOT NEW", E_OK, 0, "!and(recent !flags[1])"},
	{"OLD", E_OK, 0, "!recent"},
	{"RECENT", E_OK, 0, "recent"},
	{"KEYWORD $Junk", E_OK, 0, "keyword[$Junk]"},
	{"UNKEYWORD Work", E_OK, 0, "!keyword[Work]"},
	{"BEFORE 1-Feb-1994", E_OK, 0, "arrived[any 8796]"},
	{"ON 1-Feb-1994", E_OK, 0, "arrived[8797 8797]"},
	{"SINCE \"01-Feb-1994\"", E_OK, 0, "arrived[8797 any]"},
	{"SENTBEFORE 2-Jan-1970", E_OK, 0, "sent[any 0]"},
	{"SENTON 1-Jan-1970", E_OK, 0, "sent[0 0]"},
	{"SENTSINCE 1-Jan-1970", E_OK, 0, "sent[0 any]"},
	{"SAVEDBEFORE 2-Jan-1970", E_OK, 0, "saved[any 0]"},
	{"SAVEDON 2-Jan-1970", E_OK, 0, "saved[1 1]"},
	{"SAVEDSINCE 2-Jan-1970", E_OK, 0, "saved[1 any]"},
	{"SAVEDATESUPPORTED", E_OK, 0, "all"},
	{"OLDER 259200", E_OK, 0, "older[259200]"},
	{"YOUNGER 1", E_OK, 0, "younger[1]"},
	{"YOUNGER 0", E_BAD, 0, ""},
	{"LARGER 50000", E_OK, 0, "larger[50000]"},
	{"SMALLER 0", E_OK, 0, "smaller[0]"},
	{"LARGER 9223372036854775807", E_OK, 0, "larger[9223372036854775807]"},
	{"MODSEQ 620162338", E_OK, 0, "modseq[620162338]"},
	{"MODSEQ 0", E_OK, 0, "modseq[0]"},
	{"MODSEQ \"/flags/\\\\draft\" all 620162338", E_OK, 0, "modseq[620162338]"}, /* RFC 7162 3.1.5 */
	{"MODSEQ \"/flags/\\\\draft\" both 620162338", E_BAD, 0, ""},
	{"OR NOT MODSEQ 720162338 LARGER 50000", E_OK, 0, "or(!modseq[720162338] larger[50000])"},
	{"EMAILID M6d99ac3275bb4e", E_OK, 0, "emailid[M6d99ac3275bb4e]"},
	{"THREADID T64b478a75b7ea9", E_OK, 0, "threadid[T64b478a75b7ea9]"},
	{"FROM smith", E_OK, 0, "field[from SMITH]"},
	{"FROM \"Smith, J\" TO b CC c BCC d SUBJECT e", E_OK, 0,
		"and(field[from SMITH, J] field[to B] field[cc C] field[bcc D] field[subject E])"},
	{"HEADER Message-ID <a@b.test>", E_OK, 0, "field[Message-ID <A@B.TEST>]"},
	{"HEADER X \"\"", E_OK, 0, "field[X ]"},
	{"HEADER X", E_BAD, 0, ""},
	{"BODY {3}\r\nabc TEXT {2+}\r\nde", E_OK, 0, "and(body[ABC] text[DE])"},
	{"TEXT {4}\r\n\xc3\x84\xc3\x9f", E_OK, 0, "text[A\xcc\x88\xc3\x9f]"},
	{"TEXT {1}\r\n\xff", E_BAD, 0, ""},
	{"2,4:7,9,12:*", E_OK, 0, "numbers[2:2,4:7,9:9,12:-1]"},
	{"*", E_OK, 0, "numbers[-1:-1]"},
	{"$", E_OK, 0, "numbers[$]"},
	{"UID 443:557,*", E_OK, 0, "uids[443:557,-1:-1]"},
	{"UID $ SMALLER 4096", E_OK, 0, "and(uids[$] smaller[4096])"},
	{"UID", E_BAD, 0, ""},
	{"0", E_BAD, 0, ""},
	{"NOT SEEN", E_OK, 0, "!flags[1]"},
	{"NOT NOT SEEN", E_OK, 0, "flags[1]"},
	{"NOT (SEEN DRAFT)", E_OK, 0, "!and(flags[1] flags[16])"},
	{"NOT (UNSEEN)", E_OK, 0, "flags[1]"},
	{"OR SEEN DRAFT", E_OK, 0, "or(flags[1] flags[16])"},
	{"OR SEEN OR DRAFT OR FLAGGED ALL", E_OK, 0, "or(flags[1] flags[16] flags[4] all)"},
	{"OR OR SEEN DRAFT FLAGGED", E_OK, 0, "or(or(flags[1] flags[16]) flags[4])"},
	{"OR SEEN NOT OR DRAFT ALL", E_OK, 0, "or(flags[1] !or(flags[16] all))"},
	{"(OR $ 1,3000:3021) ALL", E_OK, 0, "and(or(numbers[$] numbers[1:1,3000:3021]) all)"},
	{"((((ALL))))", E_OK, 0, "all"},
	{"OR SEEN", E_BAD, 0, ""},
	{"OR", E_BAD, 0, ""},
	{"NOT", E_BAD, 0, ""},
	{"()", E_BAD, 0, ""},
	{"(ALL", E_BAD, 0, ""},
	{"ALL)", E_BAD, 0, ""},
	{"ALL  ALL", E_BAD, 0, ""},
	{"ALL ", E_BAD, 0, ""},
	{"", E_BAD, 0, ""},
	{"UN", E_BAD, 0, ""},
	{"SEENX", E_BAD, 0, ""},
	{"ZZZ", E_BAD, 0, ""},
	{"ON 31-Foo-1994", E_BAD, 0, ""},
	/* RETURN */
	{"RETURN (MIN COUNT) FLAGGED", E_OK, RETURN_MIN | RETURN_COUNT, "flags[4]"},
	{"RETURN (max ALL SAVE) ALL", E_OK, RETURN_MAX | RETURN_ALL | RETURN_SAVE, "all"},
	{"RETURN () ALL", E_OK, RETURN_ALL, "all"},
	{"RETURN (SAVE) CHARSET UTF-8 ALL", E_OK, RETURN_SAVE, "all"},
	{"RETURN (partial 1:500 MIN) ALL", E_OK, RETURN_PARTIAL | RETURN_MIN, "all"},
	{"RETURN (PARTIAL -1:-100) ALL", E_OK, RETURN_PARTIAL, "all"},
	{"RETURN (PARTIAL 1:2 ALL) ALL", E_BAD, 0, ""},
	{"RETURN (ALL PARTIAL 1:2) ALL", E_BAD, 0, ""},
	{"RETURN (PARTIAL 1:2 PARTIAL 1:2) ALL", E_BAD, 0, ""},
	{"RETURN (PARTIAL) ALL", E_BAD, 0, ""},
	{"RETURN (PARTIAL 1) ALL", E_BAD, 0, ""},
	{"RETURN (PARTIAL 1:*) ALL", E_BAD, 0, ""},
	{"RETURN (PARTIAL 0:1) ALL", E_BAD, 0, ""},
	{"RETURN (PARTIAL 1:-1) ALL", E_BAD, 0, ""},
	{"RETURN (PARTIAL -1:1) ALL", E_BAD, 0, ""},
	{"RETURN (PARTIAL 1:4294967296) ALL", E_BAD, 0, ""},
	{"RETURN (RELEVANCY) ALL", E_BAD, 0, ""},
	{"RETURN (RELEVANCY ALL) FUZZY FLAGGED", E_OK, RETURN_RELEVANCY | RETURN_ALL, "flags[4]"},
	{"FUZZY", E_BAD, 0, ""},
	{"FUZZY FUZZY (FUZZY FLAGGED)", E_OK, 0, "flags[4]"},
	{"RETURN (FOO) ALL", E_BAD, 0, ""},
	{"RETURN (MIN  MAX) ALL", E_BAD, 0, ""},
	{"RETURN (MIN", E_BAD, 0, ""},
	{"RETURN (MIN)", E_BAD, 0, ""},
	{"RETURN MIN ALL", E_BAD, 0, ""},
	/* CHARSET */
	{"CHARSET UTF-8 ALL", E_OK, 0, "all"},
	{"CHARSET us-ascii ALL", E_OK, 0, "all"},
	{"CHARSET \"utf-8\" ALL", E_OK, 0, "all"},
	{"CHARSET KOI8-R TEXT {4}\r\nXXXX", E_DENY, 0, ""},
	{"RETURN (SAVE) CHARSET KOI8-R ALL", E_DENY, RETURN_SAVE, ""},
	{"CHARSET", E_BAD, 0, ""},
	{"CHARSET UTF-8", E_BAD, 0, ""},
};

/* clang-format on */

static void
test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct arena arena = {.max_bytes = ARENA_MAX};
		struct span text = span_of(rows[i].text);
		struct parse p = {.in = text, .arena = &arena};
		struct search search;
		struct buf tree = {0};
		assert_int_equal(search_parse(&p, &search), rows[i].err);
		if (rows[i].err == E_OK)
			key_show(&tree, search.root);
		assert_string_equal(buf_cstr(&tree), rows[i].tree);
		if (rows[i].err != E_BAD)
			assert_int_equal(search.returns, rows[i].returns);
		assert_int_equal(p.in.n, rows[i].err == E_OK ? 0 : text.n);
		assert_true((p.expected != NULL) == (rows[i].err == E_BAD));
		buf_free(&tree);
		arena_reset(&arena);
	}
}

static void
test_facts_of_the_whole(void **state)
{
	struct arena arena = {.max_bytes = ARENA_MAX};
	struct search search;
	struct parse p = {
	    .in = SPAN("RETURN () CHARSET UTF-8 OR MODSEQ 5 ALL"), .arena = &arena};
	(void)state;
	assert_int_equal(search_parse(&p, &search), E_OK);
	assert_true(search.has_return && search.has_charset && search.has_modseq);
	p = (struct parse){.in = SPAN("ALL"), .arena = &arena};
	assert_int_equal(search_parse(&p, &search), E_OK);
	assert_false(search.has_return || search.has_charset || search.has_modseq);
	arena_reset(&arena);
}

/* SORT and THREAD: the charset stands alone, and must */
static void
test_criteria(void **state)
{
	struct arena arena = {.max_bytes = ARENA_MAX};
	struct search search = {.returns = 0};
	struct parse p = {.in = SPAN("UTF-8 SEEN"), .arena = &arena};
	(void)state;
	assert_int_equal(search_parse_criteria(&p, &search), E_OK);
	assert_int_equal(search.root->what, SEARCH_FLAGS);
	p = (struct parse){.in = SPAN("KOI8-R SEEN"), .arena = &arena};
	assert_int_equal(search_parse_criteria(&p, &search), E_DENY);
	p = (struct parse){.in = SPAN("UTF-8"), .arena = &arena};
	assert_int_equal(search_parse_criteria(&p, &search), E_BAD);
	arena_reset(&arena);
}

/* ---- limits ---- */

/* before, n times; middle; behind, n times */
static int
nested(const char *before, const char *middle, const char *behind, size_t n)
{
	struct arena arena = {.max_bytes = ARENA_MAX};
	struct buf text = {0};
	struct search search;
	for (size_t i = 0; i < n; i++)
		buf_str(&text, before);
	buf_str(&text, middle);
	for (size_t i = 0; i < n; i++)
		buf_str(&text, behind);
	struct parse p = {.in = buf_as_span(&text), .arena = &arena};
	int err = search_parse(&p, &search);
	buf_free(&text);
	arena_reset(&arena);
	return err;
}

static void
test_depth(void **state)
{
	(void)state;
	assert_int_equal(nested("(", "ALL", ")", SEARCH_DEPTH_MAX - 1), E_OK);
	assert_int_equal(nested("(", "ALL", ")", SEARCH_DEPTH_MAX), E_BAD);
	assert_int_equal(nested("(", "ALL", ")", MANY_DEEP), E_BAD);
	assert_int_equal(nested("NOT ", "ALL", "", MANY_DEEP), E_BAD);
	assert_int_equal(nested("OR ", "ALL", " ALL", SEARCH_DEPTH_MAX - 1), E_OK);
	assert_int_equal(nested("OR ", "ALL", " ALL", MANY_DEEP), E_BAD);
}

static void
test_length(void **state)
{
	(void)state;
	/* the usual way to write many: as deep as it is long, but for us */
	assert_int_equal(nested("OR ALL ", "ALL", "", SEARCH_KEYS_MAX - 3), E_OK);
	assert_int_equal(nested("ALL ", "ALL", "", SEARCH_KEYS_MAX - 2), E_OK);
	assert_int_equal(nested("ALL ", "ALL", "", SEARCH_KEYS_MAX - 1), E_BAD);
	assert_int_equal(nested("ALL ", "ALL", "", LONG_BYTES / 4), E_BAD);
	assert_int_equal(nested("OR ALL ", "ALL", "", LONG_BYTES / 7), E_BAD);
}

static void
test_arena_that_is_full(void **state)
{
	(void)state;
	for (size_t most = 1; most < 20000; most += 97) {
		struct arena arena = {.max_bytes = most};
		struct search search;
		struct parse p = {
		    .in = SPAN(
			"NEW OR 1:5 TEXT \"a\\\"b\" (SUBJECT hello NOT BODY world)"),
		    .arena = &arena};
		int err = search_parse(&p, &search);
		assert_true(err == E_OK || (err == E_BAD && p.expected));
		arena_reset(&arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_facts_of_the_whole),
	    cmocka_unit_test(test_criteria),
	    cmocka_unit_test(test_depth),
	    cmocka_unit_test(test_length),
	    cmocka_unit_test(test_arena_that_is_full),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
