/* SPDX-License-Identifier: ISC */
/* duplicate.c - test duplicate.  RFC 7352. */
#include "mime/header.h"
#include "sieve/check_state.h"
#include "sieve/run_state.h"

/* What tells this message from others; p NULL: it has nothing, and is no duplicate. */
static struct span
unique_id(struct sieve_run *run, const struct sieve_node *node)
{
	const struct sieve_opt *opt = node_opt(node, OPT_UNIQUE);
	struct span name = SPAN("message-id"), value, head;
	struct buf line = {.max = SIEVE_VALUE_BYTES_MAX};
	if (opt && opt->tag->value == 1)
		return run_arg(run, opt->value);
	if (opt)
		name = run_arg(run, opt->value);
	head = view_head_seen(view_head(run));
	value = header_value(head, name);
	if (run_spend(run, node->line, head.n + value.n) != E_OK || !value.p)
		return (struct span){NULL, 0};
	header_unfold(&line, span_head(value, SIEVE_VALUE_BYTES_MAX));
	value = run_copy(run, &line);
	buf_free(&line);
	return value;
}

static uint64_t
period_of(const struct sieve_run *run, const struct sieve_node *node)
{
	const struct sieve_arg *seconds = node_opt_arg(node, OPT_SECONDS);
	const struct sieve_limits *limits = &run->program->limits;
	uint64_t period = seconds ? seconds->number : limits->duplicate_default_sec;
	return limits->duplicate_max_sec && period > limits->duplicate_max_sec
	           ? limits->duplicate_max_sec
	           : period;
}

/* Is it to be remembered already, by a test of this run?  n: how many are */
static bool
is_noted(const struct sieve_run *run, struct span handle, struct span id, size_t *n)
{
	*n = 0;
	for (const struct sieve_action *a = run->result->actions; a; a = a->next) {
		*n += a->kind == ACTION_DUPLICATE;
		if (a->kind == ACTION_DUPLICATE &&
		    span_eq(a->duplicate.handle, handle) &&
		    span_eq(a->duplicate.id, id))
			return true;
	}
	return false;
}

int
test_duplicate(struct sieve_run *run, const struct sieve_node *node, bool *out)
{
	struct span handle = run_arg(run, node_opt_arg(node, OPT_HANDLE));
	struct span id = unique_id(run, node);
	struct sieve_action a = {.kind = ACTION_DUPLICATE};
	bool is_last = node_opt(node, OPT_AT_END) != NULL;
	size_t n_noted;
	if (!id.p || run->err != E_OK)
		return run->err;
	a.duplicate.period_sec = period_of(run, node);
	if (run_spend(run, node->line, CALL_WORK + handle.n + id.n) != E_OK)
		return run->err;
	*out = run->in->is_duplicate && run->in->is_duplicate(run->in->ctx, handle, id,
					    a.duplicate.period_sec, is_last);
	run_trace(run, node->line, "  \"%.*s\" under \"%.*s\" is %s",
	    SPAN_ARG(span_head(id, 200)), SPAN_ARG(handle),
	    *out ? "a duplicate" : "new");
	if ((*out && !is_last) || is_noted(run, handle, id, &n_noted))
		return run->err;
	if (n_noted == SIEVE_DUPLICATES_MAX)
		return run_limit(run, node->line,
		    "number of ids to be remembered exceeds the limit (%d)",
		    SIEVE_DUPLICATES_MAX);
	a.duplicate.handle = action_span(run, handle);
	a.duplicate.id = action_span(run, id);
	return run->err == E_OK ? action_add(run, node, &a) : run->err;
}
