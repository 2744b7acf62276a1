/* SPDX-License-Identifier: ISC */
/* check.c - walks the tree: is each word known here, may it stand here, is what it is given right? */
#include "sieve/check.h"

#include "sieve/check_state.h"
#include "sieve/parse.h"

static int check_commands(struct sieve_check *c, struct sieve_node *first);
static int check_test(struct sieve_check *c, struct sieve_node *node);

typedef const struct sieve_word *find_fn(
    struct span name, const struct sieve_dialect *);

int
check_error(struct sieve_check *c, unsigned line, const char *fmt, ...)
{
	struct buf text = {.max = SIEVE_ERROR_BYTES_MAX};
	va_list ap;
	va_start(ap, fmt);
	buf_vputf(&text, fmt, ap);
	va_end(ap);
	sieve_error(c->errors, line, "%s", buf_cstr(&text));
	buf_free(&text);
	return E_BAD;
}

bool
check_has(const struct sieve_check *c, uint64_t exts)
{
	return (c->exts & exts) != 0;
}

const char *
check_kind(const struct sieve_word *word)
{
	return word->test ? "test" : "command";
}

static int
not_required(
    struct sieve_check *c, const struct sieve_node *node, const struct sieve_word *word)
{
	struct buf names = {0};
	sieve_ext_names_put(word->exts, &names);
	sieve_error(c->errors, node->line,
	    "unknown %s '%.*s' without require of \"%s\"", check_kind(word),
	    SPAN_ARG(node->name), buf_cstr(&names));
	buf_free(&names);
	return E_BAD;
}

/* Is the name of a test that stands behind a command the next command, and a ';' is missing? */
static bool
is_forgotten_semicolon(const struct sieve_check *c, const struct sieve_node *test)
{
	return !word_find_test(test->name, c->want->dialect);
}

/* Is it a tag of the word, written without its colon? */
static bool
is_forgotten_colon(const struct sieve_check *c, const struct sieve_node *node)
{
	return !node->has_test_list &&
	       sieve_tag_find(node->tests->name, node->word, c->want->dialect);
}

static int
check_shape(struct sieve_check *c, struct sieve_node *node)
{
	const struct sieve_word *w = node->word;
	const char *kind = check_kind(w);
	if (w->tests == TESTS_NONE && node->tests) {
		if (is_forgotten_colon(c, node))
			return check_error(c, node->tests->line,
			    "missing colon ':' before '%.*s' tag in %.*s %s",
			    SPAN_ARG(node->tests->name), SPAN_ARG(node->name), kind);
		if (!w->test && !node->has_test_list &&
		    is_forgotten_semicolon(c, node->tests))
			return check_error(c, node->line,
			    "missing semicolon ';' after %.*s command",
			    SPAN_ARG(node->name));
		return check_error(c, node->line,
		    "the %.*s %s accepts no sub-tests, but tests are specified",
		    SPAN_ARG(node->name), kind);
	}
	if (w->tests == TESTS_ONE && (!node->tests || node->has_test_list))
		return check_error(c, node->line,
		    "the %.*s %s requires one test, but %s specified",
		    SPAN_ARG(node->name), kind,
		    node->tests ? "a list of tests is" : "none is");
	if (w->tests == TESTS_LIST && !node->has_test_list)
		return check_error(c, node->line,
		    "the %.*s %s requires a list of tests in parentheses, but %s "
		    "specified",
		    SPAN_ARG(node->name), kind,
		    node->tests ? "one test is" : "none is");
	if (w->block == BLOCK_NEEDED && !node->has_block)
		return check_error(c, node->line,
		    "the %.*s command requires a command block, but none is specified",
		    SPAN_ARG(node->name));
	if (w->block == BLOCK_NONE && node->has_block)
		return check_error(c, node->line,
		    "the %.*s command accepts no command block, but one is specified",
		    SPAN_ARG(node->name));
	return E_OK;
}

/*
 * Arguments first: of what is wrong in one word the first is said.  But where tests stand that do not
 * belong there, that is said, too: one may be a tag without its colon, or the next command.
 */
static int
check_word(struct sieve_check *c, struct sieve_node *node)
{
	int bound = check_bind(c, node), shape;
	if (bound != E_OK && (node->word->tests != TESTS_NONE || !node->tests))
		return E_BAD;
	if (bound == E_MORE && !is_forgotten_colon(c, node))
		return E_BAD;
	shape = check_shape(c, node);
	if (bound != E_OK || shape != E_OK)
		return E_BAD;
	return node->word->check ? node->word->check(c, node) : E_OK;
}

/* No test from here on is run, whatever the message: RFC 5463 4. */
static bool
is_decided(const struct sieve_node *node, const struct sieve_node *until)
{
	enum sieve_truth truth;
	if (node->word->check == check_allof)
		truth = TRUTH_FALSE;
	else if (node->word->check == check_anyof)
		truth = TRUTH_TRUE;
	else
		return false;
	for (const struct sieve_node *t = node->tests; t != until; t = t->next)
		if (t->truth == truth)
			return true;
	return false;
}

static int
check_subtests(struct sieve_check *c, struct sieve_node *node)
{
	int err = E_OK;
	if (node->word->tests == TESTS_NONE)
		return E_OK;
	for (struct sieve_node *t = node->tests; t && !is_decided(node, t); t = t->next)
		if (check_test(c, t) != E_OK)
			err = E_BAD;
	return err;
}

/* Which word it is: one of the kind that may stand here.  E_OK, E_BAD (said) */
static int
find_word(
    struct sieve_check *c, struct sieve_node *node, find_fn *find, find_fn *find_other)
{
	const struct sieve_word *word = find(node->name, c->want->dialect);
	const struct sieve_word *other = find_other(node->name, c->want->dialect);
	const char *kind = find == word_find_test ? "test" : "command";
	if (!word && other)
		return check_error(c, node->line, "attempted to use %s '%.*s' as %s",
		    check_kind(other), SPAN_ARG(node->name), kind);
	if (!word)
		return check_error(
		    c, node->line, "unknown %s '%.*s'", kind, SPAN_ARG(node->name));
	if (word->exts && !check_has(c, word->exts))
		return not_required(c, node, word);
	node->word = word;
	return E_OK;
}

/* What tests inside say about is known when the word is looked at. */
static int
check_inside(struct sieve_check *c, struct sieve_node *node)
{
	int err = check_subtests(c, node);
	return check_word(c, node) == E_OK ? err : E_BAD;
}

static int
check_test(struct sieve_check *c, struct sieve_node *node)
{
	int err = find_word(c, node, word_find_test, word_find_command);
	return err == E_OK ? check_inside(c, node) : err;
}

/* The block of a test that is never true is not looked at: RFC 5463 4. */
static int
check_block(struct sieve_check *c, struct sieve_node *node)
{
	const struct sieve_node *before = c->before;
	int err;
	if (!node->has_block)
		return E_OK;
	if (node->tests && node->tests->truth == TRUTH_FALSE)
		return E_OK;
	c->depth++;
	err = check_commands(c, node->block);
	c->depth--;
	c->before = before;
	return err;
}

static bool
is_require(const struct sieve_node *node)
{
	return span_ieqs(node->name, "require");
}

static int
check_command(struct sieve_check *c, struct sieve_node *node)
{
	const struct sieve_loop *loop = c->loop;
	struct sieve_loop own;
	int err = find_word(c, node, word_find_command, word_find_test);
	if (err != E_OK)
		return err;
	err = check_inside(c, node);
	if (node->word->check == check_foreverypart) {
		own = (struct sieve_loop){.outer = loop};
		if (node_opt_arg(node, OPT_NAME))
			(void)check_constant(node_opt_arg(node, OPT_NAME), &own.name);
		c->loop = &own;
	}
	if (node->word->block == BLOCK_NEEDED && check_block(c, node) != E_OK)
		err = E_BAD;
	c->loop = loop;
	return err;
}

static int
check_commands(struct sieve_check *c, struct sieve_node *first)
{
	int err = E_OK;
	c->before = NULL;
	for (struct sieve_node *node = first; node; node = node->next) {
		if (check_command(c, node) != E_OK) {
			node->word = NULL;
			err = E_BAD;
		}
		c->is_past_requires |= !is_require(node);
		c->before = node;
	}
	return err;
}

/* Names in the tree point into the text, which may go.  E_OK, E_LIMIT (said) */
static int
take_text(struct sieve_check *c, struct span text, struct span *out)
{
	*out = text;
	if (text.n > SIEVE_SCRIPT_BYTES_MAX) /* the parser says it */
		return E_OK;
	*out = arena_span(&c->program->arena, text);
	if (out->n == text.n)
		return E_OK;
	sieve_error(c->errors, 1, SIEVE_NO_MEMORY);
	return E_LIMIT;
}

int
check_script(struct sieve_check *c, struct span text, struct sieve_script *script)
{
	struct sieve_check outer = *c;
	struct span name = c->errors->script;
	struct sieve_scope scope = {0};
	struct span copy;
	int err;
	c->errors->script = script->name;
	if ((err = take_text(c, text, &copy)) == E_OK)
		err =
		    sieve_parse(copy, &c->program->arena, c->errors, &script->commands);
	if (err == E_OK) {
		script->scope = &scope;
		script->is_being_checked = true;
		c->script = script;
		c->exts = EXT_BIT(OCTET) | EXT_BIT(CASEMAP);
		c->is_past_requires = false;
		c->depth = 0;
		c->loop = NULL;
		err = check_commands(c, script->commands);
		if (check_has(c, EXT_BIT(EXTRACTTEXT)) &&
		    !check_has(c, EXT_BIT(FOREVERYPART)))
			err = check_error(c, 1,
			    "extracttext cannot be required without \"foreverypart\"");
		script->exts = c->exts;
		script->n_locals = scope.n;
		script->is_being_checked = false;
		script->scope = NULL;
	}
	outer.globals = c->globals;
	*c = outer;
	c->errors->script = name;
	c->program->exts |= script->exts;
	return err;
}

int
sieve_compile(struct span text, const struct sieve_checking *want,
    struct sieve_errors *errors, struct sieve_program **out)
{
	struct sieve_program *p = mem_new(sizeof(*p));
	struct sieve_check c = {.want = want, .errors = errors, .program = p};
	struct span name = errors->script;
	int err = E_LIMIT;
	*out = NULL;
	c.limits = want->limits ? want->limits : &sieve_limits_default;
	p->limits = *c.limits;
	p->dialect = want->dialect;
	p->arena.max_bytes = SIEVE_TREE_BYTES_MAX;
	if ((p->main = arena_get(&p->arena, sizeof(*p->main)))) {
		p->main->name = arena_span(&p->arena, want->name);
		p->n_scripts = 1;
		err = check_script(&c, text, p->main);
		p->n_globals = c.globals.n;
	}
	errors->script = name;
	if (err != E_OK)
		sieve_program_free(&p);
	*out = p;
	return err;
}

void
sieve_program_free(struct sieve_program **p)
{
	if (*p)
		arena_reset(&(*p)->arena);
	mem_free(p);
}
