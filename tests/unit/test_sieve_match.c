/* SPDX-License-Identifier: ISC */
/* test_sieve_match.c - wildcards, regular expressions, mailto URIs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "sieve/mailto.h"
#include "sieve/match.h"
#include "sieve/regex.h"

struct row {
	const char *pattern, *text;
	const char *values; /* with '|' between; NULL: no match */
};

/* clang-format off */
static const struct row wildcards[] = {
	{"",            "",             ""},
	{"",            "a",            NULL},
	{"*",           "",             "|"},
	{"*",           "abc",          "abc|abc"},
	{"a*c",         "abbc",         "abbc|bb"},
	{"a*c",         "abbcd",        NULL},
	{"*a*b*",       "xaybz",        "xaybz|x|y|z"},
	{"*a*",         "aaa",          "aaa||aa"},
	{"**",          "ab",           "ab||ab"},
	{"?",           "",             NULL},
	{"?b?",         "abc",          "abc|a|c"},
	{"?",           "\xc3\xa4",     "\xc3\xa4|\xc3\xa4"},
	{"\\*",         "*",            "*"},
	{"\\*",         "a",            NULL},
	{"\\?\\\\",     "?\\",          "?\\"},
	{"A*B",         "aXb",          "aXb|X"},
	{"*aab",        "aaaab",        "aaaab|aa"},
	{"*.*.*",       "a.b.c.d",      "a.b.c.d|a|b|c.d"},
};

static const struct row regexes[] = {
	{"b",           "abc",          "b"},
	{"^a(b*)(c)$",  "abbc",         "abbc|bb|c"},
	{"^b",          "abc",          NULL},
	{"a|b",         "xb",           "b"},
	{"(a)|(b)",     "b",            "b||b"},
	{"[[:digit:]]+","ab12c",        "12"},
	{"[^]]",        "]a",           "a"},
	{"[\\]",        "\\",           "\\"},
	{"[a-c]{2,3}",  "xabcabc",      "abc"},
	{"a{",          "a{",           "a{"},
	{"a*?",         "aa",           "aa"},
	{"a+*",         "aa",           "aa"},
	{"(ab)+?c",     "ababc",        "ababc|ab"},
	{"\\.",         "a.b",          "."},
	{"\\<b",        "ab bc",        "b"},
	{".",           "\xc3\xa4",     "\xc3\xa4"},
	{"\xc3\xa4+",   "\xc3\xa4\xc3\xa4", "\xc3\xa4\xc3\xa4"},
	{"(.)\\1",      "xaay",         "aa|a"},
	{"ABC",         "abc",          "abc"},
};

/* None of Perl's can be said: what would be one is wrong, or itself. */
static const char *const wrong[] = {
	"(", ")", "a)", "[a", "*a", "+", "a|*", "(?:a)", "(?=a)", "(*COMMIT)", "a{2,1}", "a{300}",
	"((a{100}){100}){100}", "[[:nonsense:]]", "[[.a.]]", "\\", "[b-a]",
};

/* clang-format on */

static void
check_values(const struct row *r, bool is_match, const struct span *values, size_t n)
{
	struct buf text = {0};
	assert_int_equal(is_match, r->values != NULL);
	for (size_t i = 0; is_match && i < n; i++)
		buf_putf(&text, "%s%.*s", i ? "|" : "", SPAN_ARG(values[i]));
	if (is_match)
		assert_string_equal(buf_cstr(&text), r->values);
	buf_free(&text);
}

static void
test_wildcards(void **state)
{
	struct span values[8];
	struct sieve_work work = {.most = UINT64_MAX};
	(void)state;
	for (size_t i = 0; i < COUNT(wildcards); i++) {
		size_t n = 0;
		int err = wildcard_match(span_of(wildcards[i].text),
		    span_of(wildcards[i].pattern), true, false, values, 8, &n, &work);
		assert_int_not_equal(err, E_LIMIT);
		check_values(&wildcards[i], err == E_OK, values, n);
	}
}

/* A pattern that is all stars costs what they are long, times each other; and no more than allowed. */
static void
test_wildcard_work(void **state)
{
	struct buf text = {0}, pattern = {0};
	struct sieve_work work = {.most = UINT64_MAX};
	size_t n;
	(void)state;
	for (int i = 0; i < 2000; i++)
		buf_ch(&text, 'a');
	for (int i = 0; i < 500; i++)
		buf_str(&pattern, "*a");
	buf_ch(&pattern, 'b');
	assert_int_equal(wildcard_match(buf_as_span(&text), buf_as_span(&pattern),
			     false, true, NULL, 0, &n, &work),
	    E_MORE);
	assert_true(work.done < 4 * text.len * pattern.len);
	work = (struct sieve_work){.most = 10000};
	assert_int_equal(wildcard_match(SPAN("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
			     SPAN("*a*a*ab"), false, true, NULL, 0, &n, &work),
	    E_MORE);
	work = (struct sieve_work){.most = 1000};
	buf_reset(&pattern);
	buf_ch(&pattern, '*');
	for (int i = 0; i < 500; i++)
		buf_ch(&pattern, 'a');
	buf_ch(&pattern, 'b');
	assert_int_equal(wildcard_match(buf_as_span(&text), buf_as_span(&pattern),
			     false, true, NULL, 0, &n, &work),
	    E_LIMIT);
	assert_int_equal(work.done, work.most + 1);
	buf_free(&text);
	buf_free(&pattern);
}

static void
test_regexes(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(regexes); i++) {
		struct arena arena = {0};
		struct regex *regex;
		struct buf why = {0};
		struct span values[8];
		size_t n = 0;
		assert_int_equal(regex_compile(span_of(regexes[i].pattern), true, false,
				     &arena, &regex, &why),
		    E_OK);
		struct sieve_work work = {.most = UINT64_MAX};
		int err = regex_match(
		    regex, span_of(regexes[i].text), &arena, values, 8, &n, &work);
		check_values(&regexes[i], err == E_OK, values, n);
		buf_free(&why);
		arena_reset(&arena);
	}
}

static void
test_wrong_regexes(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		struct arena arena = {0};
		struct regex *regex;
		struct buf why = {0};
		assert_int_not_equal(regex_compile(span_of(wrong[i]), false, false,
					 &arena, &regex, &why),
		    E_OK);
		assert_true(why.len > 0);
		buf_free(&why);
		arena_reset(&arena);
	}
}

/* Against 20,000 times "a" and a "!": how it ends, and that all places where it may begin count. */
static const struct dear {
	const char *pattern;
	uint64_t most;
	int result;
} dear[] = {
    {"^(a+)+$", UINT64_MAX, E_LIMIT}, /* past what one match may do */
    {"^(a+)+$", 100000, E_LIMIT},
    {"(a|aa)+[bc]", 1000000, E_LIMIT}, /* little from each place, from each of them */
    {"a{1,20}a{1,20}[bc]", 1000000, E_LIMIT}, {"(a*)\\1[bc]", 10000000, E_LIMIT},
    {"[a-z]*[0-9]", UINT64_MAX,
	E_MORE}, /* what is longer than may be looked at is cut */
    {"!", UINT64_MAX, E_MORE}, {"a$", UINT64_MAX, E_MORE}, /* and that is no end */
    {"^([a-z]|[0-9])+", UINT64_MAX, E_OK}, /* deep, but no deeper than there is text */
};

static int
match_dear(const char *pattern, struct span text, struct sieve_work *work)
{
	struct arena arena = {0}, scratch = {0};
	struct regex *regex;
	struct buf why = {0};
	struct span values[2];
	size_t n;
	int err;
	assert_int_equal(
	    regex_compile(span_of(pattern), false, false, &arena, &regex, &why), E_OK);
	err = regex_match(regex, text, &scratch, values, 2, &n, work);
	buf_free(&why);
	arena_reset(&arena);
	arena_reset(&scratch);
	return err;
}

static void
test_regex_limit(void **state)
{
	const uint64_t n_text = SIEVE_REGEX_TEXT_BYTES_MAX;
	struct buf text = {0};
	(void)state;
	for (int i = 0; i < 20000; i++)
		buf_ch(&text, 'a');
	buf_ch(&text, '!');
	for (size_t i = 0; i < COUNT(dear); i++) {
		struct sieve_work work = {.most = dear[i].most};
		uint64_t most = dear[i].most < SIEVE_REGEX_WORK_MAX
		                    ? dear[i].most
		                    : SIEVE_REGEX_WORK_MAX;
		int err = match_dear(dear[i].pattern, buf_as_span(&text), &work);
		if (err != dear[i].result)
			fail_msg("%s: %d", dear[i].pattern, err);
		/* the step that ends it may be as long as the text, and reading it counts, too */
		assert_true(work.done <= most + 10 * n_text);
		assert_true(work.done >= n_text);
		if (err == E_LIMIT)
			assert_true(work.done > most);
	}
	buf_free(&text);
}

struct uri {
	const char *text;
	int result;
	size_t n_to, n_cc, n_fields;
	const char *subject, *body;
};

/* clang-format off */
static const struct uri uris[] = {
	{"mailto:a@b.c",                              E_OK,   1, 0, 0, "",      ""},
	{"MAILTO:a@b.c%2Cd@e.f?cc=g@h.i",             E_OK,   2, 1, 0, "",      ""},
	{"mailto:a@b.c?to=A@B.c&cc=a@b.c",            E_OK,   1, 0, 0, "",      ""},
	{"mailto:?to=a@b.c&subject=x%20y&body=l%0D%0A", E_OK, 1, 0, 0, "x y",   "l\r\n"},
	{"mailto:a@b.c?From=x@y.z&X-A=1&Received=q",  E_OK,   1, 0, 1, "",      ""},
	{"mailto:a@b.c?X-A=1%0D%0AEvil:%202",         E_OK,   1, 0, 1, "",      ""},
	{"mailto:",                                   E_OK,   0, 0, 0, "",      ""},
	{"mailto:a",                                  E_BAD,  0, 0, 0, NULL,    NULL},
	{"mailto:a@b.c?x y=1",                        E_BAD,  0, 0, 0, NULL,    NULL},
	{"mailto:a@b.c?x=%00",                        E_BAD,  0, 0, 0, NULL,    NULL},
	{"mailto:a@b.c?x=<",                          E_BAD,  0, 0, 0, NULL,    NULL},
	{"xmpp:a@b.c",                                E_DENY, 0, 0, 0, NULL,    NULL},
};

/* clang-format on */

static void
test_mailto(void **state)
{
	struct mailto *m = malloc(sizeof(*m));
	(void)state;
	for (size_t i = 0; i < COUNT(uris); i++) {
		struct arena arena = {0};
		struct buf why = {0};
		assert_int_equal(mailto_parse(span_of(uris[i].text), &arena, m, &why),
		    uris[i].result);
		if (uris[i].result == E_OK) {
			assert_int_equal(m->n_to, uris[i].n_to);
			assert_int_equal(m->n_cc, uris[i].n_cc);
			assert_int_equal(m->n_fields, uris[i].n_fields);
			assert_true(span_eqs(m->subject, uris[i].subject));
			assert_true(span_eqs(m->body, uris[i].body));
			for (size_t k = 0; k < m->n_fields;
			     k++) /* no field makes another one */
				assert_int_equal(
				    span_find(m->fields[k], '\n'), m->fields[k].n);
		}
		buf_free(&why);
		arena_reset(&arena);
	}
	free(m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_wildcards),
	    cmocka_unit_test(test_wildcard_work),
	    cmocka_unit_test(test_regexes),
	    cmocka_unit_test(test_wrong_regexes),
	    cmocka_unit_test(test_regex_limit),
	    cmocka_unit_test(test_mailto),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
