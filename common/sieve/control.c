/* SPDX-License-Identifier: ISC */
/* control.c - require, if, stop, and the tests that are made of tests.  RFC 5228 3, 5.2 to 5.8. */
#include "sieve/check_state.h"
#include "sieve/run_state.h"

int
check_require(struct sieve_check *c, struct sieve_node *node)
{
	int err = E_OK;
	if (c->depth > 0)
		return check_error(c, node->line,
		    "the require command can only stand at the top level of a script");
	if (c->is_past_requires)
		return check_error(c, node->line,
		    "the require command can only be used at the beginning of a "
		    "script");
	for (const struct sieve_string *s = node->pos[0]->strings; s; s = s->next) {
		uint64_t ext = sieve_ext_find(s->text);
		const struct sieve_dialect *dialect = c->want->dialect;
		if (dialect && (span_eqs(s->text, dialect->name) ||
				   span_eqs(s->text, dialect->also)))
			ext = EXT_BIT(DIALECT);
		else if (c->want->exts && !(c->want->exts & ext))
			ext = 0;
		if (!ext)
			err = check_error(c, s->line, "unknown Sieve capability '%.*s'",
			    SPAN_ARG(span_head(s->text, 100)));
		c->exts |= ext;
		if (ext &
		    EXT_BIT(
			VACATION_SECONDS)) /* RFC 6131 2: it brings vacation along */
			c->exts |= EXT_BIT(VACATION);
	}
	return err;
}

/* elsif and else: a chain that began wrong is said once. */
int
check_elsif(struct sieve_check *c, struct sieve_node *node)
{
	const struct sieve_node *before = c->before;
	if (before &&
	    (span_ieqs(before->name, "if") || span_ieqs(before->name, "elsif")))
		return E_OK;
	return check_error(c, node->line,
	    "the %.*s command must follow an if or elsif command, but follows %s%.*s",
	    SPAN_ARG(node->name), before ? "" : "nothing",
	    before ? (int)before->name.n : 0, before ? before->name.p : "");
}

int
check_true(struct sieve_check *c, struct sieve_node *node)
{
	(void)c;
	node->truth = TRUTH_TRUE;
	return E_OK;
}

int
check_false(struct sieve_check *c, struct sieve_node *node)
{
	(void)c;
	node->truth = TRUTH_FALSE;
	return E_OK;
}

int
check_not(struct sieve_check *c, struct sieve_node *node)
{
	(void)c;
	if (node->tests->truth != TRUTH_UNKNOWN)
		node->truth =
		    node->tests->truth == TRUTH_TRUE ? TRUTH_FALSE : TRUTH_TRUE;
	return E_OK;
}

/* One that is decides; all the others together say the other thing. */
static enum sieve_truth
truth_of(const struct sieve_node *tests, enum sieve_truth one, enum sieve_truth all)
{
	enum sieve_truth truth = all;
	for (const struct sieve_node *t = tests; t; t = t->next) {
		if (t->truth == one)
			return one;
		if (t->truth != all)
			truth = TRUTH_UNKNOWN;
	}
	return truth;
}

int
check_allof(struct sieve_check *c, struct sieve_node *node)
{
	(void)c;
	node->truth = truth_of(node->tests, TRUTH_FALSE, TRUTH_TRUE);
	return E_OK;
}

int
check_anyof(struct sieve_check *c, struct sieve_node *node)
{
	(void)c;
	node->truth = truth_of(node->tests, TRUTH_TRUE, TRUTH_FALSE);
	return E_OK;
}

int
check_ihave(struct sieve_check *c, struct sieve_node *node)
{
	node->truth = TRUTH_TRUE;
	for (const struct sieve_string *s = node->pos[0]->strings; s; s = s->next) {
		uint64_t ext = sieve_ext_find(s->text);
		/* what changes how strings are read cannot be asked for in the middle: RFC 5463 4 */
		if (!ext || (c->want->exts && !(c->want->exts & ext)) ||
		    (ext & (EXT_BIT(VARIABLES) | EXT_BIT(ENCODED))))
			node->truth = TRUTH_FALSE;
	}
	for (const struct sieve_string *s = node->pos[0]->strings;
	     s && node->truth == TRUTH_TRUE; s = s->next)
		c->exts |= sieve_ext_find(s->text);
	return E_OK;
}

int
run_nothing(struct sieve_run *run, const struct sieve_node *node)
{
	(void)node;
	return run->err;
}

/* An if and the elsif and else behind it. */
int
run_if(struct sieve_run *run, const struct sieve_node *node)
{
	for (bool is_true = false; node; node = node->next) {
		if (span_ieqs(node->name, "else"))
			is_true = true;
		else if (run_test(run, node->tests, &is_true) != E_OK)
			return run->err;
		run_trace(run, node->line, "%.*s: %s", SPAN_ARG(node->name),
		    is_true ? "taken" : "not taken");
		if (is_true)
			return run_commands(run, node->block);
		if (!node->next || !(span_ieqs(node->next->name, "elsif") ||
				       span_ieqs(node->next->name, "else")))
			break;
	}
	return run->err;
}

int
run_stop(struct sieve_run *run, const struct sieve_node *node)
{
	run_trace(run, node->line, "stop");
	run->flow = FLOW_STOP;
	return run->err;
}

/* RFC 5463 5 */
int
run_error_command(struct sieve_run *run, const struct sieve_node *node)
{
	struct span text = run_arg(run, node->pos[0]);
	return run_error(run, node->line, "%.*s",
	    SPAN_ARG(span_head(text, SIEVE_ERROR_BYTES_MAX / 2)));
}

int
test_true(struct sieve_run *run, const struct sieve_node *node, bool *out)
{
	(void)node;
	*out = true;
	return run->err;
}

int
test_false(struct sieve_run *run, const struct sieve_node *node, bool *out)
{
	(void)node;
	*out = false;
	return run->err;
}

int
test_ihave(struct sieve_run *run, const struct sieve_node *node, bool *out)
{
	*out = node->truth == TRUTH_TRUE;
	return run->err;
}

int
test_not(struct sieve_run *run, const struct sieve_node *node, bool *out)
{
	bool inner;
	if (run_test(run, node->tests, &inner) == E_OK)
		*out = !inner;
	return run->err;
}

int
test_allof(struct sieve_run *run, const struct sieve_node *node, bool *out)
{
	*out = true;
	for (const struct sieve_node *t = node->tests; t && *out; t = t->next)
		if (run_test(run, t, out) != E_OK)
			return run->err;
	return run->err;
}

int
test_anyof(struct sieve_run *run, const struct sieve_node *node, bool *out)
{
	*out = false;
	for (const struct sieve_node *t = node->tests; t && !*out; t = t->next)
		if (run_test(run, t, out) != E_OK)
			return run->err;
	return run->err;
}
