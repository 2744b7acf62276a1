/* SPDX-License-Identifier: ISC */
/*
 * test_imap_parse.c - what stands in a command: each parser on what it takes and what it leaves;
 * LIST's patterns.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "imapd/parse.h"
#include "store/pattern.h"

static struct arena arena = {.max_bytes = 16 << 20};

static struct parse
parse_over(const char *text, bool is_utf8)
{
	return (struct parse){.in = span_of(text), .arena = &arena, .is_utf8 = is_utf8};
}

static int
teardown(void **state)
{
	(void)state;
	arena_reset(&arena);
	return 0;
}

/* ---- strings and atoms ---- */

typedef int string_parser(struct parse *, struct span *);

struct string_row {
	string_parser *parser;
	const char *in;
	const char *out; /* NULL: E_BAD, and nothing is taken */
	const char *rest;
};

static const struct string_row string_rows[] = {
    {parse_atom, "abc def", "abc", " def"},
    {parse_atom, "a]b", "a", "]b"},
    {parse_atom, "a%b", "a", "%b"},
    {parse_atom, "a\177b", "a", "\177b"},
    {parse_atom, "(a", NULL, NULL},
    {parse_atom, "", NULL, NULL},
    {parse_atom, "\303\244", NULL, NULL},
    {parse_tag, "A+1 x", "A", "+1 x"},
    {parse_tag, "a]1 x", "a]1", " x"},
    {parse_tag, "+ x", NULL, NULL},
    {parse_astring, "a]b c", "a]b", " c"},
    {parse_astring, "\"a b\" c", "a b", " c"},
    {parse_astring, "\"\" c", "", " c"},
    {parse_astring, "{3}\r\na b c", "a b", " c"},
    {parse_astring, "{3+}\r\na\r\nx", "a\r\n", "x"},
    {parse_astring, "{0}\r\n", "", ""},
    {parse_astring, "a*", "a", "*"},
    {parse_astring, "*", NULL, NULL},
    {parse_string, "\"a\\\"b\\\\c\"", "a\"b\\c", ""},
    {parse_string, "\"a\\b\"", NULL, NULL},
    {parse_string, "\"a", NULL, NULL},
    {parse_string, "\"a\\", NULL, NULL},
    {parse_string, "\"a\r\nb\"", NULL, NULL},
    {parse_string, "abc", NULL, NULL},
    {parse_string, "{4}\r\nabc", NULL, NULL},
    {parse_string, "{3}abc", NULL, NULL},
    {parse_string, "{3}\nabc", NULL, NULL},
    {parse_string, "{}\r\n", NULL, NULL},
    {parse_string, "{+}\r\n", NULL, NULL},
    {parse_string, "{-1}\r\n", NULL, NULL},
    {parse_string, "{18446744073709551615}\r\nabc", NULL, NULL},
    {parse_string, "{99999999999999999999}\r\nabc", NULL, NULL},
    {parse_string, "~{2}\r\nab", "ab", ""},
    {parse_string, "~\"ab\"", NULL, NULL},
    {parse_mailbox, "inbox x", "INBOX", " x"},
    {parse_mailbox, "\"InBox\"", "INBOX", ""},
    {parse_mailbox, "inbox/a", "inbox/a", ""},
    {parse_mailbox, "Entw&APw-rfe", "Entw\303\274rfe", ""},
    {parse_mailbox, "a&-b", "a&b", ""},
    {parse_mailbox, "a&b", NULL, NULL},
    {parse_mailbox, "\"\303\274\"", NULL, NULL},
    {parse_list_mailbox, "a/%* b", "a/%*", " b"},
    {parse_list_mailbox, "\"\" %", "", " %"},
    {parse_list_mailbox, "%", "%", ""},
    {parse_list_mailbox, "]", "]", ""},
    {parse_list_mailbox, "(", NULL, NULL},
};

static void
check_string(const struct string_row *r)
{
	struct parse p = parse_over(r->in, false);
	struct span out;
	int err = r->parser(&p, &out);
	if (!r->out) {
		assert_int_equal(err, E_BAD);
		assert_true(span_eqs(p.in, r->in));
		assert_non_null(p.expected);
		return;
	}
	assert_int_equal(err, E_OK);
	if (!span_eqs(out, r->out) || !span_eqs(p.in, r->rest))
		fail_msg("%s: got \"%.*s\", left \"%.*s\"", r->in, SPAN_ARG(out),
		    SPAN_ARG(p.in));
}

static void
test_strings(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(string_rows); i++)
		check_string(&string_rows[i]);
}

/* Each input cut short anywhere, in memory of exactly that size: no parser looks behind its end. */
static void
test_cut_anywhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(string_rows); i++) {
		const struct string_row *r = &string_rows[i];
		for (size_t n = 0; n <= strlen(r->in); n++) {
			char *copy = malloc(n + 1);
			memcpy(copy, r->in, n);
			struct parse p = {.in = span_make(copy, n), .arena = &arena};
			struct span out;
			int err = r->parser(&p, &out);
			assert_true(err == E_OK || (err == E_BAD && p.in.n == n));
			free(copy);
		}
	}
}

static void
test_nul_and_utf8(void **state)
{
	struct span out;
	bool is_nil;
	(void)state;
	struct parse p = {.in = SPAN("{3}\r\na\0b"), .arena = &arena};
	assert_int_equal(parse_string(&p, &out), E_BAD);
	p.in = SPAN("~{3}\r\na\0b"); /* literal8: RFC 3516 */
	assert_int_equal(parse_string(&p, &out), E_OK);
	assert_int_equal(out.n, 3);
	p = parse_over("\"\303\274\" x", true);
	assert_int_equal(parse_string(&p, &out), E_OK);
	assert_true(span_eqs(out, "\303\274"));
	p = parse_over("\"\303\"", true);
	assert_int_equal(parse_string(&p, &out), E_BAD);
	p = parse_over("{3+}\r\n\303\274!", true);
	assert_int_equal(parse_mailbox(&p, &out), E_OK);
	assert_true(span_eqs(out, "\303\274!"));
	p = parse_over("{1+}\r\n\303", true);
	assert_int_equal(parse_mailbox(&p, &out), E_BAD);
	p = parse_over("a&-b", true); /* not modified UTF-7 any more: RFC 9051 5.1 */
	assert_int_equal(parse_mailbox(&p, &out), E_OK);
	assert_true(span_eqs(out, "a&-b"));
	p = parse_over("NIL", false);
	assert_int_equal(parse_nstring(&p, &out, &is_nil), E_OK);
	assert_true(is_nil);
	p = parse_over("\"NIL\"", false);
	assert_int_equal(parse_nstring(&p, &out, &is_nil), E_OK);
	assert_false(is_nil);
	p = parse_over("NILS", false);
	assert_int_equal(parse_nstring(&p, &out, &is_nil), E_BAD);
}

static void
test_words(void **state)
{
	(void)state;
	struct parse p = parse_over("Fetch (x", false);
	assert_false(parse_word(&p, "FET"));
	assert_true(parse_word(&p, "FETCH"));
	assert_int_equal(parse_sp(&p), E_OK);
	assert_true(parse_ch(&p, '('));
	assert_false(parse_is_at_end(&p));
	assert_int_equal(parse_end(&p), E_BAD);
	assert_string_equal(p.expected, "the end of the command");
	assert_true(parse_word(&p, "X"));
	assert_true(parse_is_at_end(&p));
	assert_int_equal(parse_end(&p), E_OK);
}

static void
test_literal_at_end(void **state)
{
	static const struct {
		const char *line;
		bool is_one, is_plus;
		uint64_t n;
	} rows[] = {{"a {3}", true, false, 3}, {"a {3+}", true, true, 3},
	    {"{0}", true, false, 0}, {"a ~{12}", true, false, 12},
	    {"a {99999999999999999999999}", true, false, UINT64_MAX},
	    {"a {3} ", false, false, 0}, {"a {}", false, false, 0},
	    {"a {+}", false, false, 0}, {"a {x}", false, false, 0},
	    {"a }", false, false, 0}, {"", false, false, 0}, {"}", false, false, 0},
	    {"+}", false, false, 0}, {"a \"{3}\"", false, false, 0}};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint64_t n = 0;
		bool is_plus = false;
		assert_int_equal(
		    parse_literal_at_end(span_of(rows[i].line), &n, &is_plus),
		    rows[i].is_one);
		if (rows[i].is_one) {
			assert_int_equal(is_plus, rows[i].is_plus);
			assert_true(n == rows[i].n);
		}
	}
}

/* ---- numbers and sets ---- */

static void
test_numbers(void **state)
{
	uint32_t n;
	uint64_t big;
	(void)state;
	struct parse p = parse_over("4294967295 4294967296", false);
	assert_int_equal(parse_number(&p, &n), E_OK);
	assert_true(n == UINT32_MAX);
	assert_int_equal(parse_sp(&p), E_OK);
	assert_int_equal(parse_number(&p, &n), E_BAD);
	assert_int_equal(parse_number64(&p, &big), E_OK);
	assert_true(big == UINT64_C(4294967296));
	p = parse_over("9223372036854775807", false);
	assert_int_equal(parse_number64(&p, &big), E_OK);
	p = parse_over("9223372036854775808", false);
	assert_int_equal(parse_number64(&p, &big), E_BAD);
	p = parse_over("00000000000000000000000001", false);
	assert_int_equal(parse_number64(&p, &big), E_BAD);
	p = parse_over("-1", false);
	assert_int_equal(parse_number64(&p, &big), E_BAD);
}

static void
test_sets(void **state)
{
	static const struct {
		const char *in, *out, *rest; /* out NULL: E_BAD */
	} rows[] = {
	    {"1", "1-1", ""},
	    {"1:3,5 x", "1-3 5-5", " x"},
	    {"*", "*-*", ""},
	    {"3:*,*:2)", "3-* *-2", ")"},
	    {"5:2", "5-2", ""},
	    {"4294967295", "4294967294-4294967294", ""},
	    {"$", "$", ""},
	    {"0", NULL, NULL},
	    {"1:0", NULL, NULL},
	    {"1,", NULL, NULL},
	    {"1::2", NULL, NULL},
	    {",1", NULL, NULL},
	    {"4294967296", NULL, NULL},
	    {"", NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct parse p = parse_over(rows[i].in, false);
		struct seqset set;
		struct buf out = {0};
		int err = parse_seqset(&p, &set);
		assert_int_equal(err, rows[i].out ? E_OK : E_BAD);
		if (err != E_OK) {
			assert_true(span_eqs(p.in, rows[i].in));
			continue;
		}
		buf_str(&out, set.is_saved ? "$" : "");
		for (size_t k = 0; k < set.n; k++) {
			uint32_t from = set.ranges[k].from, to = set.ranges[k].to;
			buf_putf(&out, k ? " " : "");
			buf_putf(&out, from == SEQ_STAR ? "*-" : "%u-", from);
			buf_putf(&out, to == SEQ_STAR ? "*" : "%u", to);
		}
		assert_string_equal(buf_cstr(&out), rows[i].out);
		assert_true(span_eqs(p.in, rows[i].rest));
		buf_free(&out);
	}
}

static void
test_too_many_ranges(void **state)
{
	struct buf text = {0};
	struct seqset set;
	(void)state;
	for (int i = 0; i < PARSE_SETS_MOST; i++)
		buf_str(&text, i ? ",7" : "7");
	struct parse p = {.in = buf_as_span(&text), .arena = &arena};
	assert_int_equal(parse_seqset(&p, &set), E_OK);
	assert_int_equal(set.n, PARSE_SETS_MOST);
	buf_str(&text, ",7");
	p.in = buf_as_span(&text);
	assert_int_equal(parse_seqset(&p, &set), E_BAD);
	buf_free(&text);
}

/* ---- flags ---- */

static void
test_flags(void **state)
{
	struct flag_list l;
	(void)state;
	struct parse p = parse_over("(\\Seen \\dElEtEd $Junk work $junk) x", false);
	assert_int_equal(parse_flag_list(&p, &l), E_OK);
	assert_int_equal(l.flags, FLAG_SEEN | FLAG_DELETED);
	assert_int_equal(l.n_keywords, 2);
	assert_true(span_eqs(l.keywords[0], "$Junk"));
	assert_true(span_eqs(p.in, " x"));
	p = parse_over("()", false);
	assert_int_equal(parse_flag_list(&p, &l), E_OK);
	assert_int_equal(l.flags | l.n_keywords, 0);
	p = parse_over("\\Seen a", false);
	assert_int_equal(parse_flags(&p, &l), E_OK);
	assert_int_equal(l.n_keywords, 1);
	static const char *const bad[] = {"(\\Recent)", "(\\Foo)", "(\\*)", "(a",
	    "( a)", "(a  b)", "(a b )", "\\Seen", ""};
	for (size_t i = 0; i < COUNT(bad); i++) {
		p = parse_over(bad[i], false);
		assert_int_equal(parse_flag_list(&p, &l), E_BAD);
		assert_true(span_eqs(p.in, bad[i]));
	}
}

static void
test_too_many_keywords(void **state)
{
	struct flag_list l;
	struct buf text = {0};
	(void)state;
	for (int i = 0; i <= PARSE_FLAGS_MOST; i++)
		buf_putf(&text, "%sk%d", i ? " " : "", i);
	struct parse p = {.in = buf_as_span(&text), .arena = &arena};
	assert_int_equal(parse_flags(&p, &l), E_BAD);
	assert_string_equal(p.expected, "fewer keywords");
	buf_reset(&text);
	for (int i = 0; i <= STORE_KEYWORD_MAX; i++)
		buf_ch(&text, 'k');
	p = (struct parse){.in = buf_as_span(&text), .arena = &arena};
	assert_int_equal(parse_flags(&p, &l), E_BAD);
	assert_string_equal(p.expected, "a shorter keyword");
	buf_free(&text);
}

/* ---- dates, ID ---- */

static void
test_dates(void **state)
{
	int64_t sec;
	int32_t day;
	(void)state;
	struct parse p = parse_over("\" 1-Jan-1970 01:00:00 +0100\" x", false);
	assert_int_equal(parse_date_time(&p, &sec), E_OK);
	assert_true(sec == 0);
	assert_true(span_eqs(p.in, " x"));
	static const char *const bad[] = {"1-Jan-1970 01:00:00 +0100",
	    "\"32-Jan-1970 01:00:00 +0100\"", "\"\"", "{1}\r\nx"};
	for (size_t i = 0; i < COUNT(bad); i++) {
		p = parse_over(bad[i], false);
		assert_int_equal(parse_date_time(&p, &sec), E_BAD);
		assert_true(span_eqs(p.in, bad[i]));
	}
	p = parse_over("2-Jan-1970)", false);
	assert_int_equal(parse_date(&p, &day), E_OK);
	assert_int_equal(day, 1);
	assert_true(span_eqs(p.in, ")"));
	p = parse_over("\"31-Dec-1969\"", false);
	assert_int_equal(parse_date(&p, &day), E_OK);
	assert_int_equal(day, -1);
	p = parse_over("31-Foo-1969", false);
	assert_int_equal(parse_date(&p, &day), E_BAD);
}

static void
test_id(void **state)
{
	static const struct {
		const char *in;
		int err;
	} rows[] = {{"NIL", E_OK}, {"()", E_OK},
	    {"(\"name\" \"x\" \"version\" NIL)", E_OK}, {"(\"name\")", E_BAD},
	    {"", E_BAD}, {"(\"a\" \"b\"", E_BAD}, {"(a \"b\")", E_BAD}};
	struct buf many = {0};
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct parse p = parse_over(rows[i].in, false);
		assert_int_equal(parse_id(&p), rows[i].err);
	}
	for (int i = 0; i < 31; i++)
		buf_str(&many, i ? " \"k\" NIL" : "(\"k\" NIL");
	buf_ch(&many, ')');
	struct parse p = {.in = buf_as_span(&many), .arena = &arena};
	assert_int_equal(parse_id(&p), E_BAD); /* RFC 2971 3.3: 30 at most */
	buf_free(&many);
}

/* ---- patterns of LIST ---- */

static void
test_patterns(void **state)
{
	static const struct {
		const char *reference, *pattern, *name;
		bool matches;
	} rows[] = {
	    {"", "*", "a/b", true},
	    {"", "%", "a/b", false},
	    {"", "%", "a", true},
	    {"", "%/%", "a/b", true},
	    {"", "%/%", "a/b/c", false},
	    {"", "a*c", "a/b/c", true},
	    {"", "a*c", "ac", true},
	    {"", "a%c", "a/c", false},
	    {"", "a%c", "abc", true},
	    {"a/", "%", "a/b", true},
	    {"a", "/%", "a/b", true},
	    {"", "", "a", false},
	    {"", "inbox", "INBOX", true},
	    {"", "iNb%", "INBOX", true},
	    {"", "inbox/x", "INBOX/x", true},
	    {"", "inbox/X", "INBOX/x", false},
	    {"", "inboxes", "INBOXES", false},
	    {"", "%*%", "a/b", true},
	    {"", "*%", "a/b", true},
	    {"", "a", "a", true},
	    {"", "a", "ab", false},
	    {"", "%b", "a/b", false},
	    {"", "*b", "a/b", true},
	    {"", "a/%", "a/", true},
	    {"", "*/*/*", "a/b", false},
	    {"", "a%b%c", "axbxc", true},
	    {"", "a%b%c", "axbx/c", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct pattern w;
		pattern_make(&w, span_of(rows[i].reference), span_of(rows[i].pattern));
		if (pattern_matches(&w, span_of(rows[i].name)) != rows[i].matches)
			fail_msg("%s%s %s", rows[i].reference, rows[i].pattern,
			    rows[i].name);
	}
}

/* What a stranger may send: no time that grows beyond name by pattern. */
static void
test_long_patterns(void **state)
{
	struct buf text = {0};
	struct pattern w;
	char name[STORE_NAME_MAX];
	(void)state;
	memset(name, 'a', sizeof name);
	for (int i = 0; i < 60000; i++)
		buf_ch(&text, '*');
	pattern_make(&w, SPAN(""), buf_as_span(&text));
	assert_int_equal(w.n, 1);
	buf_reset(&text);
	for (int i = 0; i < STORE_NAME_MAX; i++)
		buf_str(&text, "*a");
	pattern_make(&w, SPAN(""), buf_as_span(&text));
	assert_true(pattern_matches(&w, span_make(name, sizeof name)));
	name[0] = 'b';
	assert_false(pattern_matches(&w, span_make(name, sizeof name)));
	buf_str(&text, "*a*a");
	pattern_make(&w, SPAN(""), buf_as_span(&text));
	assert_true(w.matches_none);
	buf_free(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(test_strings, teardown),
	    cmocka_unit_test_teardown(test_cut_anywhere, teardown),
	    cmocka_unit_test_teardown(test_nul_and_utf8, teardown),
	    cmocka_unit_test(test_words),
	    cmocka_unit_test(test_literal_at_end),
	    cmocka_unit_test(test_numbers),
	    cmocka_unit_test_teardown(test_sets, teardown),
	    cmocka_unit_test_teardown(test_too_many_ranges, teardown),
	    cmocka_unit_test_teardown(test_flags, teardown),
	    cmocka_unit_test_teardown(test_too_many_keywords, teardown),
	    cmocka_unit_test_teardown(test_dates, teardown),
	    cmocka_unit_test_teardown(test_id, teardown),
	    cmocka_unit_test(test_patterns),
	    cmocka_unit_test(test_long_patterns),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
