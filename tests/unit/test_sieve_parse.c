/* SPDX-License-Identifier: ISC */
/* test_sieve_parse.c - tokens and trees of scripts, RFC 5228 2 and 8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "sieve/lex.h"
#include "sieve/parse.h"

struct token_row {
	const char *in;
	enum sieve_token token;
	const char *text; /* of a name, tag or string */
	uint64_t number;
	size_t n_errors;
};

/* clang-format off */
static const struct token_row tokens[] = {
	{"",                           TOKEN_END,       "",          0,                        0},
	{" # a\n /* b */ ",            TOKEN_END,       "",          0,                        0},
	{"/* b",                       TOKEN_END,       "",          0,                        1},
	{"keep",                       TOKEN_IDENT,     "keep",      0,                        0},
	{"_a1;",                       TOKEN_IDENT,     "_a1",       0,                        0},
	{":Over 1",                    TOKEN_TAG,       "Over",      0,                        0},
	{": over",                     TOKEN_GARBAGE,   "",          0,                        1},
	{"12",                         TOKEN_NUMBER,    "",          12,                       0},
	{"2K",                         TOKEN_NUMBER,    "",          2048,                     0},
	{"3m",                         TOKEN_NUMBER,    "",          3 << 20,                  0},
	{"4G;",                        TOKEN_NUMBER,    "",          UINT64_C(4) << 30,        0},
	{"18446744073709551615",       TOKEN_NUMBER,    "",          UINT64_MAX,               0},
	{"18446744073709551616",       TOKEN_NUMBER,    "",          0,                        1},
	{"17179869183G",               TOKEN_NUMBER,    "",          UINT64_C(17179869183) << 30, 0},
	{"17179869184G",               TOKEN_NUMBER,    "",          0,                        1},
	{"12x",                        TOKEN_NUMBER,    "",          12,                       1},
	{"\"a\\\"b\\\\c\\d\"",           TOKEN_STRING,    "a\"b\\cd",  0,                        0},
	{"\"a\nb\r\nc\"",             TOKEN_STRING,    "a\r\nb\r\nc", 0,                      0},
	{"\"a",                        TOKEN_STRING,    "a",         0,                        1},
	{"\"a\\",                      TOKEN_STRING,    "a\\",       0,                        1},
	{"text:\na\n..b\n.\n",         TOKEN_STRING,    "a\r\n.b\r\n", 0,                       0},
	{"text: # c\r\n.a\r\n.\r\n",   TOKEN_STRING,    ".a\r\n",    0,                        0},
	{"text:\n.",                   TOKEN_STRING,    "",          0,                        0},
	{"text:\na\n",                 TOKEN_STRING,    "a\r\n",     0,                        1},
	{"text",                       TOKEN_IDENT,     "text",      0,                        0},
	{"text:x",                     TOKEN_IDENT,     "text",      0,                        0},
	{"[",                          TOKEN_LIST,      "",          0,                        0},
	{"]",                          TOKEN_LIST_END,  "",          0,                        0},
	{"(",                          TOKEN_TESTS,     "",          0,                        0},
	{")",                          TOKEN_TESTS_END, "",          0,                        0},
	{"{",                          TOKEN_BLOCK,     "",          0,                        0},
	{"}",                          TOKEN_BLOCK_END, "",          0,                        0},
	{",",                          TOKEN_COMMA,     "",          0,                        0},
	{";",                          TOKEN_SEMICOLON, "",          0,                        0},
	{"$$$",                        TOKEN_GARBAGE,   "",          0,                        1},
	{"\xff",                       TOKEN_GARBAGE,   "",          0,                        1},
	{"abcdefghijklmnopqrstuvwxyz_012345", TOKEN_IDENT, "abcdefghijklmnopqrstuvwxyz_01234", 0, 1},
};

/* clang-format on */

static void
test_tokens(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(tokens); i++) {
		const struct token_row *r = &tokens[i];
		struct arena arena = {0};
		struct sieve_errors errors = {0};
		struct sieve_lex l;
		lex_begin(&l, span_of(r->in), &arena, &errors);
		assert_int_equal(l.token, r->token);
		assert_int_equal(errors.total, r->n_errors);
		if (r->token == TOKEN_NUMBER)
			assert_true(l.number == r->number);
		else
			assert_true(span_eqs(l.text, r->text));
		arena_reset(&arena);
		sieve_errors_reset(&errors);
	}
}

static void
test_lines(void **state)
{
	struct arena arena = {0};
	struct sieve_errors errors = {0};
	struct sieve_lex l;
	static const unsigned lines[] = {1, 3, 3, 6, 6, 9};
	(void)state;
	lex_begin(
	    &l, SPAN("a\n# x\nb \"c\n\n\" /* \n */ d text:\nq\n.\ne"), &arena, &errors);
	for (size_t i = 0; i < COUNT(lines); i++, lex_next(&l))
		assert_int_equal(l.line, lines[i]);
	arena_reset(&arena);
	sieve_errors_reset(&errors);
}

static int
parse(const char *text, struct arena *arena, struct sieve_errors *errors,
    struct sieve_node **out)
{
	return sieve_parse(span_of(text), arena, errors, out);
}

static void
test_tree(void **state)
{
	struct arena arena = {0};
	struct sieve_errors errors = {0};
	struct sieve_node *n, *t;
	(void)state;
	assert_int_equal(
	    parse("if anyof(not a 1 :b \"c\", d [\"e\",\"f\"]) {\nkeep;\n}\nstop;",
		&arena, &errors, &n),
	    E_OK);
	assert_true(span_eqs(n->name, "if") && n->has_block && !n->args);
	t = n->tests;
	assert_true(span_eqs(t->name, "anyof") && t->has_test_list);
	t = t->tests->tests; /* of the not */
	assert_true(span_eqs(t->name, "a") && t->args->number == 1 &&
		    t->args->next->kind == ARG_TAG);
	assert_true(span_eqs(t->args->next->next->strings->text, "c"));
	t = n->tests->tests->next;
	assert_true(span_eqs(t->args->strings->next->text, "f") && !t->next);
	assert_true(span_eqs(n->block->name, "keep") && n->block->line == 2);
	assert_true(
	    span_eqs(n->next->name, "stop") && n->next->line == 4 && !n->next->next);
	arena_reset(&arena);
	sieve_errors_reset(&errors);
}

struct error_row {
	const char *in;
	size_t n_errors;
	unsigned line; /* of the first */
};

static const struct error_row wrong[] = {
    {"keep", 1, 1},
    {"keep;\nstop", 1, 2},
    {"keep }", 1, 1},
    {"} keep;", 1, 1},
    {"if true {\nkeep;\n", 1, 1},
    {"a [\"x\" \"y\"];\nkeep", 2, 1},
    {"a [\"x\",];", 1, 1},
    {"a [1];", 1, 1},
    {"if allof(true, ) {}", 1, 1},
    {"if allof(true {}", 1, 1},
    {"a $;\nb;\nc $;", 4, 1},
    {"; keep;", 1, 1},
    {"\"a\";", 1, 1},
    {"if true { $ } keep;", 2, 1},
};

static void
test_errors(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		struct arena arena = {0};
		struct sieve_errors errors = {0};
		struct sieve_node *n;
		if (parse(wrong[i].in, &arena, &errors, &n) != E_BAD)
			fail_msg("%s", wrong[i].in);
		assert_int_equal(errors.total, wrong[i].n_errors);
		assert_int_equal(errors.rows[0].line, wrong[i].line);
		arena_reset(&arena);
		sieve_errors_reset(&errors);
	}
}

/* Each beginning of a script ends, with errors or without. */
static void
test_cut(void **state)
{
	static const char text[] = "require [\"a\", \"b\"];\nif allof (not x :y 5K "
				   "\"z\", u) { v text:\nw\n.\n; } # c\n/* d */ stop;";
	(void)state;
	for (size_t n = 0; n < sizeof(text); n++) {
		struct arena arena = {0};
		struct sieve_errors errors = {0};
		struct sieve_node *out;
		int err = sieve_parse(span_make(text, n), &arena, &errors, &out);
		assert_int_equal(err == E_OK, errors.total == 0);
		arena_reset(&arena);
		sieve_errors_reset(&errors);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_tokens),
	    cmocka_unit_test(test_lines),
	    cmocka_unit_test(test_tree),
	    cmocka_unit_test(test_errors),
	    cmocka_unit_test(test_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
