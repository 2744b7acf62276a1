/* SPDX-License-Identifier: ISC */
/* run.c - walks the tree: the machine, its budget and its end. */
#include "sieve/run.h"

#include "mime/header.h"
#include "sieve/run_state.h"

enum {
	STEP_WORK = 100, /* what a step costs besides what it looks at */
	TRACE_BYTES_MAX = 4000,
};

/* The first failure of a run is the one that is told. */
static int
fail(struct sieve_run *run, int err, unsigned line, const char *fmt, va_list ap)
{
	struct buf text = {.max = SIEVE_ERROR_BYTES_MAX};
	if (run->err != E_OK)
		return run->err;
	buf_vputf(&text, fmt, ap);
	run->err = err;
	run->errors->script =
	    run->frame ? run->frame->script->name : run->errors->script;
	sieve_error(run->errors, line, "%s", buf_cstr(&text));
	buf_free(&text);
	return err;
}

int
run_error(struct sieve_run *run, unsigned line, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int err = fail(run, E_BAD, line, fmt, ap);
	va_end(ap);
	return err;
}

int
run_limit(struct sieve_run *run, unsigned line, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int err = fail(run, E_LIMIT, line, fmt, ap);
	va_end(ap);
	return err;
}

int
run_step(struct sieve_run *run, unsigned line)
{
	const struct sieve_limits *limits = &run->program->limits;
	if (++run->result->steps > limits->steps)
		return run_limit(run, line,
		    "execution exceeded the limit of %llu steps",
		    (unsigned long long)limits->steps);
	return run_spend(run, line, STEP_WORK);
}

struct sieve_work
run_work(const struct sieve_run *run)
{
	uint64_t most = run->program->limits.work, done = run->result->work;
	return (struct sieve_work){.most = most > done ? most - done : 0};
}

int
run_spend(struct sieve_run *run, unsigned line, uint64_t work)
{
	const struct sieve_limits *limits = &run->program->limits;
	run->result->work += work;
	if (run->result->work > limits->work)
		return run_limit(run, line,
		    "execution exceeded resource limits: too much to compare");
	return run->err;
}

void *
run_get(struct sieve_run *run, size_t bytes)
{
	void *p = arena_get(&run->tmp, bytes);
	if (!p)
		(void)run_limit(run, 0, "execution exceeded the limit of memory");
	return p;
}

struct span
run_copy(struct sieve_run *run, const struct buf *b)
{
	char *p = run_get(run, b->len + 1);
	if (!p)
		return (struct span){"", 0};
	for (size_t i = 0; i < b->len; i++)
		p[i] = b->p[i];
	return (struct span){p, b->len};
}

bool
run_traces(const struct sieve_run *run)
{
	return run->in->trace != NULL;
}

void
run_trace(struct sieve_run *run, unsigned line, const char *fmt, ...)
{
	struct buf text = {.max = TRACE_BYTES_MAX};
	va_list ap;
	if (!run_traces(run))
		return;
	va_start(ap, fmt);
	buf_vputf(&text, fmt, ap);
	va_end(ap);
	if (buf_done(&text) != E_OK) {
		buf_reset(&text);
		buf_str(&text, "...");
	}
	run->in->trace(
	    run->in->ctx, run->frame->script->name, line, buf_as_span(&text));
	buf_free(&text);
}

/* RFC 6785 3.11: also where the script that requires one never gets to it. */
static const uint64_t only_new_mail =
    EXT_BIT(REJECT) | EXT_BIT(EREJECT) | EXT_BIT(VACATION) | EXT_BIT(VACATION_SECONDS);

/* RFC 6785 4.6: there is no envelope, and no sender. */
static bool
is_for_new_mail(const struct sieve_run *run, const struct sieve_word *word)
{
	return run->in->is_event && (word->exts & (only_new_mail | EXT_BIT(ENVELOPE)));
}

static int
refuse_new_mail(struct sieve_run *run)
{
	struct buf names = {0};
	uint64_t exts = run->program->exts & only_new_mail;
	if (!run->in->is_event || !exts)
		return E_OK;
	sieve_ext_names_put(exts, &names);
	int err = run_error(run, 1,
	    "\"%s\" is about mail that comes, and not for events of IMAP",
	    buf_cstr(&names));
	buf_free(&names);
	return err;
}

int
run_test(struct sieve_run *run, const struct sieve_node *node, bool *out)
{
	*out = false;
	if (run_step(run, node->line) != E_OK)
		return run->err;
	if (!node->word)
		return run_error(run, node->line, "the test '%.*s' cannot be run here",
		    SPAN_ARG(node->name));
	if (is_for_new_mail(run, node->word))
		return run_error(run, node->line,
		    "the test '%.*s' is about mail that comes, and not for events of "
		    "IMAP",
		    SPAN_ARG(node->name));
	(void)node->word->test(run, node, out);
	if (run->err == E_OK && !node->tests)
		run_trace(run, node->line, "test %.*s: %s", SPAN_ARG(node->name),
		    *out ? "true" : "false");
	return run->err;
}

int
run_commands(struct sieve_run *run, const struct sieve_node *first)
{
	for (const struct sieve_node *n = first; n && run->flow == FLOW_GO;
	     n = n->next) {
		arena_reset(&run->tmp);
		if (run_step(run, n->line) != E_OK)
			return run->err;
		if (!n->word)
			return run_error(run, n->line,
			    "the command '%.*s' cannot be run here", SPAN_ARG(n->name));
		if (n->word->command(run, n) != E_OK && run->err == E_OK)
			bug("a command of sieve failed in silence");
		if (run->err != E_OK)
			return run->err;
	}
	return run->err;
}

/* The message as an earlier script left it. */
static void
take_message(struct sieve_run *run, const struct sieve_action *a)
{
	struct buf text = {.max = SIEVE_REMADE_BYTES_MAX};
	if (a->body.p) {
		buf_span(&text, a->head);
		buf_span(&text, a->body);
		(void)view_remake(run, 0, &text);
	} else if (a->head.p) {
		buf_reset(&run->edited);
		buf_span(&run->edited, a->head);
		run->is_edited = true;
		run->head = buf_as_span(&run->edited);
	}
}

/* What an earlier script kept is this one's to decide; its flags are there from the beginning. */
static void
take_over(struct sieve_run *run)
{
	struct sieve_action **at = &run->result->actions;
	flags_put(&run->flags, &run->in->flags, 1);
	while (*at) {
		struct sieve_action *a = *at;
		if (a->kind != ACTION_KEEP) {
			at = &a->next;
			continue;
		}
		run->has_flags = a->store.has_flags;
		if (run->has_flags) {
			buf_reset(&run->flags);
			flags_put(&run->flags, a->store.flags.rows, a->store.flags.n);
		}
		take_message(run, a);
		run->result->n_actions -= !a->is_implicit;
		*at = a->next;
	}
	run->result->has_keep = false;
	run->own = run->end = at;
}

static void
keep_implicitly(struct sieve_run *run)
{
	struct sieve_action keep = {.kind = ACTION_KEEP, .is_implicit = true};
	if (run->is_keep_cancelled)
		return;
	view_take(run, &keep);
	keep.store.has_flags = run->has_flags;
	keep.store.flags = flags_taken(run, buf_as_span(&run->flags));
	if (action_add(run, NULL, &keep) == E_OK && run_traces(run))
		run->in->trace(
		    run->in->ctx, run->program->main->name, 0, SPAN("implicit keep"));
}

/* RFC 5228 2.10.6: as if this script had not run. */
static void
give_up(struct sieve_run *run, struct sieve_action **end, size_t n_actions,
    size_t n_redirects, bool was_enclosed)
{
	struct sieve_action *keep;
	run->result->arena.max_bytes = 0; /* what is gone may have filled it */
	keep = arena_get(&run->result->arena, sizeof(*keep));
	run->result->n_actions = n_actions;
	run->result->n_redirects = n_redirects;
	run->result->is_enclosed = was_enclosed;
	run->result->has_keep = true;
	*keep = (struct sieve_action){.kind = ACTION_KEEP, .is_implicit = true};
	*end = keep;
}

static void
free_values(struct buf *values, unsigned n)
{
	for (unsigned i = 0; values && i < n; i++)
		buf_free(&values[i]);
}

static void
run_done(struct sieve_run *run, struct sieve_frame *frame)
{
	free_values(frame->locals, frame->n_locals);
	free_values(run->globals, run->program->n_globals);
	buf_free(&run->match_text);
	buf_free(&run->edited);
	buf_free(&run->remade);
	arena_reset(&run->tree_arena);
	buf_free(&run->flags);
	arena_reset(&run->tmp);
	arena_reset(&run->arena);
}

int
sieve_run(const struct sieve_program *program, const struct sieve_input *in,
    struct sieve_result *result, struct sieve_errors *errors)
{
	struct sieve_run run = {.program = program,
	    .in = in,
	    .result = result,
	    .errors = errors,
	    .tmp.max_bytes = SIEVE_RUN_BYTES_MAX,
	    .arena.max_bytes = SIEVE_RUN_BYTES_MAX,
	    .tree_arena.max_bytes = SIEVE_RUN_BYTES_MAX};
	struct sieve_frame frame = {
	    .script = program->main, .n_locals = program->main->n_locals};
	struct span name = errors->script;
	struct sieve_action **end;
	size_t n_actions, n_redirects;
	bool was_enclosed = result->is_enclosed;
	result->arena.max_bytes = SIEVE_RUN_BYTES_MAX;
	view_begin(&run, in->message);
	run.tree = in->tree;
	take_over(&run);
	end = run.end;
	n_actions = result->n_actions;
	n_redirects = result->n_redirects;
	frame.locals = arena_get(&run.arena, (frame.n_locals + 1) * sizeof(struct buf));
	run.globals =
	    arena_get(&run.arena, (program->n_globals + 1) * sizeof(struct buf));
	run.was_included = arena_get(&run.arena, program->n_scripts + 1);
	run.frame = &frame;
	if (refuse_new_mail(&run) == E_OK)
		(void)run_commands(&run, program->main->commands);
	if (run.err == E_OK)
		keep_implicitly(&run);
	if (run.err != E_OK)
		give_up(&run, end, n_actions, n_redirects, was_enclosed);
	errors->script = name;
	run_done(&run, &frame);
	return run.err;
}
