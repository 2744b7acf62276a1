/* SPDX-License-Identifier: ISC */
/* parse.c - the grammar of commands, tests and arguments. */
#include "sieve/parse.h"

#include "sieve/lex.h"

struct parser {
	struct sieve_lex lex;
	struct arena *arena;
	struct sieve_errors *errors;
	size_t n_nodes;
	bool is_full; /* of memory or nodes: said once */
};

static int parse_commands(struct parser *p, unsigned depth, struct sieve_node **out);
static int parse_arguments(
    struct parser *p, struct sieve_node *node, unsigned test_depth);

static void *
get(struct parser *p, size_t bytes)
{
	void *m = arena_get(p->arena, bytes);
	if (!m && !p->is_full) {
		sieve_error(p->errors, p->lex.line, SIEVE_NO_MEMORY);
		p->is_full = true;
	}
	return m;
}

static int
unexpected(struct parser *p, const char *where)
{
	if (p->lex.is_full)
		return E_LIMIT;
	sieve_error(
	    p->errors, p->lex.line, "unexpected %s %s", lex_name(p->lex.token), where);
	return E_BAD;
}

static struct sieve_string *
parse_string(struct parser *p)
{
	struct sieve_string *s = get(p, sizeof(*s));
	if (!s)
		return NULL;
	s->text = p->lex.text;
	s->line = p->lex.line;
	lex_next(&p->lex);
	return s;
}

/* Behind the '['.  An empty list is none of the grammar, but harms nobody. */
static int
parse_list(struct parser *p, struct sieve_string **out)
{
	size_t n = 0;
	if (p->lex.token == TOKEN_LIST_END) {
		lex_next(&p->lex);
		return E_OK;
	}
	for (;; lex_next(&p->lex)) {
		if (p->lex.token != TOKEN_STRING)
			return unexpected(p, "in a list of strings");
		if (++n > SIEVE_LIST_MAX) {
			sieve_error(p->errors, p->lex.line,
			    "a list has more than %d strings", SIEVE_LIST_MAX);
			return E_LIMIT;
		}
		if (!(*out = parse_string(p)))
			return E_LIMIT;
		out = &(*out)->next;
		if (p->lex.token == TOKEN_LIST_END)
			break;
		if (p->lex.token != TOKEN_COMMA)
			return unexpected(
			    p, "in a list of strings, where ',' or ']' should be");
	}
	lex_next(&p->lex);
	return E_OK;
}

static bool
begins_arg(enum sieve_token token)
{
	return token == TOKEN_NUMBER || token == TOKEN_STRING || token == TOKEN_TAG ||
	       token == TOKEN_LIST;
}

static int
parse_arg(struct parser *p, struct sieve_arg **out)
{
	struct sieve_arg *arg = *out = get(p, sizeof(*arg));
	if (!arg)
		return E_LIMIT;
	arg->line = p->lex.line;
	switch (p->lex.token) {
	case TOKEN_NUMBER:
		arg->kind = ARG_NUMBER;
		arg->number = p->lex.number;
		break;
	case TOKEN_TAG:
		arg->kind = ARG_TAG;
		arg->text = p->lex.text;
		break;
	case TOKEN_STRING:
		arg->kind = ARG_STRING;
		return (arg->strings = parse_string(p)) ? E_OK : E_LIMIT;
	default:
		arg->kind = ARG_LIST;
		lex_next(&p->lex);
		return parse_list(p, &arg->strings);
	}
	lex_next(&p->lex);
	return E_OK;
}

static struct sieve_node *
node_new(struct parser *p)
{
	struct sieve_node *node;
	if (++p->n_nodes > SIEVE_NODES_MAX) {
		if (!p->is_full)
			sieve_error(p->errors, p->lex.line,
			    "the script has more than %d commands and tests",
			    SIEVE_NODES_MAX);
		p->is_full = true;
		return NULL;
	}
	if (!(node = get(p, sizeof(*node))))
		return NULL;
	node->line = p->lex.line;
	node->name = p->lex.text;
	lex_next(&p->lex);
	return node;
}

static int
parse_test(struct parser *p, unsigned depth, struct sieve_node **out)
{
	if (p->lex.token != TOKEN_IDENT)
		return unexpected(p, "where a test should be");
	if (depth > SIEVE_TEST_NEST_MAX) {
		sieve_error(p->errors, p->lex.line,
		    "tests are nested deeper than %d levels", SIEVE_TEST_NEST_MAX);
		return E_LIMIT;
	}
	if (!(*out = node_new(p)))
		return E_LIMIT;
	return parse_arguments(p, *out, depth + 1);
}

/* Behind the '('. */
static int
parse_tests(struct parser *p, unsigned depth, struct sieve_node **out)
{
	int err;
	for (;; lex_next(&p->lex)) {
		if ((err = parse_test(p, depth, out)) != E_OK)
			return err;
		out = &(*out)->next;
		if (p->lex.token == TOKEN_TESTS_END)
			break;
		if (p->lex.token != TOKEN_COMMA)
			return unexpected(
			    p, "in a list of tests, where ',' or ')' should be");
	}
	lex_next(&p->lex);
	return E_OK;
}

static int
parse_arguments(struct parser *p, struct sieve_node *node, unsigned test_depth)
{
	struct sieve_arg **end = &node->args;
	size_t n = 0;
	int err;
	for (; begins_arg(p->lex.token); end = &(*end)->next) {
		if (++n > SIEVE_ARGS_MAX) {
			sieve_error(p->errors, p->lex.line,
			    "'%.*s' has more than %d arguments", SPAN_ARG(node->name),
			    SIEVE_ARGS_MAX);
			return E_LIMIT;
		}
		if ((err = parse_arg(p, end)) != E_OK)
			return err;
	}
	if (p->lex.token == TOKEN_IDENT)
		return parse_test(p, test_depth, &node->tests);
	if (p->lex.token != TOKEN_TESTS)
		return E_OK;
	lex_next(&p->lex);
	node->has_test_list = true;
	return parse_tests(p, test_depth, &node->tests);
}

/* Behind the '{': over all of the block. */
static void
skip_block(struct parser *p)
{
	for (size_t depth = 1; p->lex.token != TOKEN_END; lex_next(&p->lex)) {
		depth += p->lex.token == TOKEN_BLOCK;
		depth -= p->lex.token == TOKEN_BLOCK_END;
		if (!depth)
			break;
	}
	if (p->lex.token == TOKEN_BLOCK_END)
		lex_next(&p->lex);
}

/* To where the next command begins. */
static void
recover(struct parser *p)
{
	for (;; lex_next(&p->lex))
		switch (p->lex.token) {
		case TOKEN_SEMICOLON:
			lex_next(&p->lex);
			return;
		case TOKEN_BLOCK:
			lex_next(&p->lex);
			skip_block(p);
			return;
		case TOKEN_BLOCK_END:
		case TOKEN_END:
			return;
		default:
			break;
		}
}

/* At the '{'. */
static int
parse_block(struct parser *p, unsigned depth, struct sieve_node *node)
{
	unsigned line = p->lex.line;
	int err;
	node->has_block = true;
	lex_next(&p->lex);
	if (depth > SIEVE_NEST_MAX) {
		sieve_error(p->errors, line, "blocks are nested deeper than %d levels",
		    SIEVE_NEST_MAX);
		skip_block(p);
		return E_OK; /* said, and behind it */
	}
	if ((err = parse_commands(p, depth, &node->block)) != E_OK)
		return err;
	if (p->lex.token != TOKEN_BLOCK_END) {
		sieve_error(p->errors, node->line,
		    "the block of '%.*s' that begins here has no '}'",
		    SPAN_ARG(node->name));
		return E_BAD;
	}
	lex_next(&p->lex);
	return E_OK;
}

static int
parse_command(struct parser *p, unsigned depth, struct sieve_node **out)
{
	struct sieve_node *node;
	int err;
	if (p->lex.token != TOKEN_IDENT)
		return unexpected(p, "where a command should be");
	if (!(*out = node = node_new(p)))
		return E_LIMIT;
	if ((err = parse_arguments(p, node, 0)) != E_OK)
		return err;
	if (p->lex.token == TOKEN_SEMICOLON) {
		lex_next(&p->lex);
		return E_OK;
	}
	if (p->lex.token == TOKEN_BLOCK)
		return parse_block(p, depth + 1, node);
	if (p->lex.is_full)
		return E_LIMIT;
	sieve_error(p->errors, p->lex.line,
	    "missing ';' or '{' behind '%.*s' of line %u, where %s stands",
	    SPAN_ARG(node->name), node->line, lex_name(p->lex.token));
	return E_BAD;
}

static int
parse_commands(struct parser *p, unsigned depth, struct sieve_node **out)
{
	while (p->lex.token != TOKEN_END && !p->is_full && !p->lex.is_full) {
		if (p->lex.token == TOKEN_BLOCK_END && depth > 0)
			return E_OK;
		if (parse_command(p, depth, out) != E_OK) {
			recover(p);
			if (depth == 0 && p->lex.token == TOKEN_BLOCK_END)
				lex_next(&p->lex);
		}
		if (*out)
			out = &(*out)->next;
	}
	return p->is_full || p->lex.is_full ? E_LIMIT : E_OK;
}

int
sieve_parse(struct span script, struct arena *arena, struct sieve_errors *errors,
    struct sieve_node **out)
{
	struct parser p = {.arena = arena, .errors = errors};
	size_t before = errors->total;
	*out = NULL;
	if (script.n > SIEVE_SCRIPT_BYTES_MAX) {
		sieve_error(errors, 0, "the script has %zu octets; %d are the most",
		    script.n, SIEVE_SCRIPT_BYTES_MAX);
		return E_LIMIT;
	}
	lex_begin(&p.lex, script, arena, errors);
	if (parse_commands(&p, 0, out) == E_LIMIT)
		return E_LIMIT;
	return errors->total > before ? E_BAD : E_OK;
}
