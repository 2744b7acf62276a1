/* SPDX-License-Identifier: ISC */
/* dialect.c - commands and tests of vnd.dovecot.testsuite. */
#include <stdio.h>

#include "mime/header.h"
#include "sieve/check_state.h"
#include "sieve/run_state.h"
#include "suite.h"

static struct suite *
suite_of(struct sieve_run *run)
{
	return run->in->ctx;
}

/* ---- tests ---- */

static int
run_a_test(struct sieve_run *run, const struct sieve_node *node)
{
	struct suite *s = suite_of(run);
	s->test = arena_span(&s->arena, run_arg(run, node->pos[0]));
	s->has_failed = false;
	(void)run_commands(run, node->block);
	if (run->flow == FLOW_BREAK && !run->break_to)
		run->flow = FLOW_GO;
	run->loop = NULL;
	if (run->err != E_OK)
		s->has_failed = true;
	if (s->has_failed) {
		s->n_failed++;
	} else {
		s->n_passed++;
		printf("ok      %.*s\n", SPAN_ARG(s->test));
	}
	s->test = (struct span){NULL, 0};
	return run->err;
}

static int
run_test_fail(struct sieve_run *run, const struct sieve_node *node)
{
	struct suite *s = suite_of(run);
	struct span why = run_arg(run, node->pos[0]);
	printf("FAILED  %.*s: line %u: %.*s\n", SPAN_ARG(s->test), node->line,
	    SPAN_ARG(why));
	s->has_failed = true;
	if (!s->test.p)
		s->n_failed++;
	run->break_to = NULL;
	run->flow = s->test.p ? FLOW_BREAK : FLOW_STOP;
	return run->err;
}

/* ---- the message ---- */

static void
new_message(struct sieve_run *run, struct span text)
{
	struct suite *s = suite_of(run);
	s->input.message = arena_span(&s->arena, text);
	view_begin(run, s->input.message);
}

/* The address of a field, for the envelope; empty: none. */
struct span
suite_address(struct suite *s, const char *name)
{
	struct span value = header_value(header_head(s->input.message), span_of(name));
	struct buf address = {0}, line = {0};
	struct span out = {"", 0};
	header_unfold(&line, value);
	if (value.p && address_one(buf_as_span(&line), &address))
		out = arena_span(&s->arena, buf_as_span(&address));
	buf_free(&address);
	buf_free(&line);
	return out;
}

/* It comes from whom and to whom it says, until something else is set. */
static void
begin_message(struct sieve_run *run, struct span text)
{
	struct suite *s = suite_of(run);
	struct span from, to;
	new_message(run, text);
	from = suite_address(s, "from");
	to = suite_address(s, "to");
	s->input.envelope =
	    (struct sieve_envelope){.from = from.n ? from : SPAN("sender@example.com"),
		.to = to.n ? to : SPAN("recipient@example.com")};
	buf_reset(&run->flags);
	run->has_flags = false;
}

static int
run_test_set(struct sieve_run *run, const struct sieve_node *node)
{
	struct suite *s = suite_of(run);
	struct span name = run_arg(run, node->pos[0]),
		    value = run_arg(run, node->pos[1]);
	struct sieve_envelope *e = &s->input.envelope;
	struct span copy = arena_span(&s->arena, value);
	if (span_eqs(name, "message"))
		begin_message(run, value);
	else if (span_eqs(name, "envelope.from"))
		e->from = span_eqs(copy, "<>") ? (struct span){"", 0} : copy;
	else if (span_eqs(name, "envelope.to"))
		e->to = copy;
	else if (span_eqs(name, "envelope.orig_to"))
		e->orig_to = copy;
	else if (span_eqs(name, "envelope.auth"))
		e->auth = copy;
	else
		return run_error(
		    run, node->line, "test_set knows no '%.*s'", SPAN_ARG(name));
	/* who it came for is who it was sent to, unless that is said, too */
	if (span_eqs(name, "envelope.to"))
		e->orig_to = (struct span){NULL, 0};
	return run->err;
}

static const struct stored *
nth(const struct stored *m, uint64_t n)
{
	for (; m && n; n--)
		m = m->next;
	return m;
}

static bool
select_message(struct sieve_run *run, const struct sieve_node *node)
{
	struct suite *s = suite_of(run);
	const struct sieve_opt *opt = node_opt(node, OPT_DIALECT_A);
	const struct sieve_arg *folder = opt ? opt->value : NULL;
	const struct stored *m;
	if (folder) {
		struct box *b = suite_box(s, run_arg(run, folder), false);
		m = nth(b ? b->messages : NULL, node->pos[0]->number);
	} else {
		m = nth(s->outbox, node->pos[0]->number);
	}
	if (!m)
		return false;
	new_message(run, m->text);
	if (folder) {
		buf_reset(&run->flags);
		flags_put(&run->flags, &m->flags, 1);
	} else {
		s->input.envelope.from = m->from;
		s->input.envelope.to = m->to;
		s->input.envelope.orig_to = (struct span){NULL, 0};
	}
	return true;
}

static int
run_test_message(struct sieve_run *run, const struct sieve_node *node)
{
	struct suite *s = suite_of(run);
	if (select_message(run, node))
		return run->err;
	printf("FAILED  %.*s: line %u: there is no such message\n", SPAN_ARG(s->test),
	    node->line);
	s->has_failed = true;
	run->break_to = NULL;
	run->flow = s->test.p ? FLOW_BREAK : FLOW_STOP;
	return run->err;
}

static int
test_test_message(struct sieve_run *run, const struct sieve_node *node, bool *out)
{
	*out = select_message(run, node);
	return run->err;
}

/* ---- scripts ---- */

static struct span
file_name(struct span path)
{
	size_t at = span_rfind(path, '/'), dot;
	struct span name = at < path.n ? span_from(path, at + 1) : path;
	dot = span_rfind(name, '.');
	return span_head(name, dot);
}

static bool
compile_script(struct sieve_run *run, struct span path)
{
	struct suite *s = suite_of(run);
	struct sieve_checking want = {.limits = &s->limits,
	    .dialect = &suite_dialect,
	    .name = file_name(path),
	    .script = suite_fetch,
	    .ctx = s,
	    .needs_includes = true};
	struct buf text = {.max = SIEVE_SCRIPT_BYTES_MAX}, full = {0};
	bool is_good = false;
	sieve_errors_reset(&s->errors);
	s->has_run = false;
	sieve_program_free(&s->program);
	buf_putf(&full, "%.*s/%.*s", SPAN_ARG(s->dir), SPAN_ARG(path));
	if (!suite_read(buf_cstr(&full), &text))
		sieve_error(&s->errors, 0, "script '%s' not found", buf_cstr(&full));
	else
		is_good = sieve_compile(buf_as_span(&text), &want, &s->errors,
			      &s->program) == E_OK;
	s->has_failed_compile = !is_good;
	buf_free(&text);
	buf_free(&full);
	return is_good;
}

static int
test_compile(struct sieve_run *run, const struct sieve_node *node, bool *out)
{
	*out = compile_script(run, run_arg(run, node->pos[0]));
	return run->err;
}

/* Back to a run of which nothing was decided. */
static void
reset_result(struct sieve_run *run)
{
	struct sieve_result *r = run->result;
	arena_reset(&r->arena);
	*r = (struct sieve_result){.steps = r->steps, .work = 0};
	run->own = run->end = &r->actions;
	run->is_keep_cancelled = false;
	run->taken = (struct sieve_text){0};
}

static bool
run_program(struct sieve_run *run)
{
	struct suite *s = suite_of(run);
	int err;
	sieve_errors_reset(&s->errors);
	s->has_failed_compile = false;
	s->has_run = true;
	if (!s->program) {
		sieve_error(&s->errors, 0, "no script is compiled");
		return false;
	}
	run->result->work = run->result->steps = 0;
	err = sieve_run(s->program, &s->input, run->result, &s->errors);
	run->own = &run->result->actions;
	for (run->end = run->own; *run->end; run->end = &(*run->end)->next)
		;
	run->is_keep_cancelled = true; /* it has its own */
	return err == E_OK;
}

static int
test_script_run(struct sieve_run *run, const struct sieve_node *node, bool *out)
{
	if (!node_opt(node, OPT_DIALECT_A))
		reset_result(run);
	*out = run_program(run);
	return run->err;
}

/* One after the other, as long as one is left to decide. */
static int
test_multiscript(struct sieve_run *run, const struct sieve_node *node, bool *out)
{
	size_t n;
	struct span *rows = run_list(run, node->pos[0], &n);
	reset_result(run);
	*out = true;
	for (size_t i = 0; i < n && *out; i++) {
		*out = compile_script(run, rows[i]) && run_program(run);
		if (!run->result->has_keep)
			break;
	}
	if (*out)
		*out = suite_execute(suite_of(run), run->result);
	return run->err;
}

/* ---- errors and results ---- */

static int
test_test_error(struct sieve_run *run, const struct sieve_node *node, bool *out)
{
	struct suite *s = suite_of(run);
	const struct sieve_arg *index = node_opt_arg(node, OPT_INDEX);
	struct sieve_matcher m;
	uint64_t n = 0;
	if (match_begin(run, node, node->pos[0], &m) != E_OK)
		return run->err;
	for (size_t i = 0; i < s->errors.n; i++) {
		if (s->errors.rows[i].is_warning && !s->has_run)
			continue;
		if (!index || index->number == ++n)
			(void)match_value(run, &m, s->errors.rows[i].text);
	}
	if (s->has_failed_compile && !index) /* what ends a check that failed */
		(void)match_value(run, &m, SPAN("validation failed"));
	return match_end(run, &m, out);
}

static struct span
action_word(const struct sieve_action *a)
{
	return a->kind == ACTION_FILEINTO ? SPAN("store")
	                                  : span_of(sieve_action_name(a->kind));
}

static int
test_result_action(struct sieve_run *run, const struct sieve_node *node, bool *out)
{
	const struct sieve_arg *index = node_opt_arg(node, OPT_INDEX);
	struct sieve_matcher m;
	uint64_t n = 0;
	if (match_begin(run, node, node->pos[0], &m) != E_OK)
		return run->err;
	for (const struct sieve_action *a = run->result->actions; a; a = a->next) {
		if (a->kind == ACTION_DUPLICATE || a->is_implicit)
			continue;
		if (!index || index->number == ++n)
			(void)match_value(run, &m, action_word(a));
	}
	return match_end(run, &m, out);
}

/* The implicit keep of the test script itself comes with its first execution. */
static int
test_result_execute(struct sieve_run *run, const struct sieve_node *node, bool *out)
{
	(void)node;
	if (!run->is_keep_cancelled) {
		struct sieve_action keep = {.kind = ACTION_KEEP, .is_implicit = true};
		view_take(run, &keep);
		keep.store.has_flags = run->has_flags;
		keep.store.flags = flags_taken(run, buf_as_span(&run->flags));
		if (action_add(run, NULL, &keep) != E_OK)
			return run->err;
		run->is_keep_cancelled = true;
	}
	*out = suite_execute(suite_of(run), run->result);
	return run->err;
}

static int
run_result_print(struct sieve_run *run, const struct sieve_node *node)
{
	(void)node;
	for (const struct sieve_action *a = run->result->actions; a; a = a->next) {
		struct buf text = {0};
		sieve_action_put(a, &text);
		printf("        %s\n", buf_cstr(&text));
		buf_free(&text);
	}
	return run->err;
}

static int
run_result_reset(struct sieve_run *run, const struct sieve_node *node)
{
	struct suite *s = suite_of(run);
	(void)node;
	reset_result(run);
	s->outbox = NULL;
	return run->err;
}

/* ---- mailboxes, settings ---- */

static int
run_mailbox_create(struct sieve_run *run, const struct sieve_node *node)
{
	(void)suite_box(suite_of(run), run_arg(run, node->pos[0]), true);
	return run->err;
}

static int
run_mailbox_delete(struct sieve_run *run, const struct sieve_node *node)
{
	struct suite *s = suite_of(run);
	struct span name = run_arg(run, node->pos[0]);
	for (struct box **b = &s->boxes; *b; b = &(*b)->next)
		if (span_eq((*b)->name, name)) {
			*b = (*b)->next;
			break;
		}
	return run->err;
}

static int
run_metadata_set(struct sieve_run *run, const struct sieve_node *node)
{
	struct suite *s = suite_of(run);
	const struct sieve_arg *mailbox = node_opt_arg(node, OPT_DIALECT_A);
	struct note *n = arena_get(&s->arena, sizeof(*n));
	n->name = arena_span(&s->arena, run_arg(run, node->pos[0]));
	n->value = arena_span(&s->arena, run_arg(run, node->pos[1]));
	if (mailbox)
		n->mailbox = arena_span(&s->arena, run_arg(run, mailbox));
	n->next = s->notes;
	s->notes = n;
	return run->err;
}

static int
run_config_set(struct sieve_run *run, const struct sieve_node *node)
{
	struct span value =
	    node->pos[1] ? run_arg(run, node->pos[1]) : (struct span){"", 0};
	struct suite *s = suite_of(run);
	suite_set(s, run_arg(run, node->pos[0]), value);
	/* the limits of the test script change while it runs */
	((struct sieve_program *)(uintptr_t)run->program)->limits.variable_bytes =
	    s->limits.variable_bytes;
	((struct sieve_program *)(uintptr_t)run->program)->limits.header_bytes =
	    s->limits.header_bytes;
	return run->err;
}

/* "${tst.path}" */
static struct span
variable(void *ctx, struct span name)
{
	const struct suite *s = ctx;
	return span_eqs(name, "path") ? s->dir : (struct span){"", 0};
}

static int
run_debug_log(struct sieve_run *run, const struct sieve_node *node)
{
	struct span text = run_arg(run, node->pos[0]);
	printf("        debug: %.*s\n", SPAN_ARG(text));
	return run->err;
}

/* ---- the rows ---- */

#define MATCHES (OPT_BIT(COMPARATOR) | OPT_BIT(MATCH))
#define IN_DIALECT EXT_BIT(DIALECT)

static int
check_optional_keys(struct sieve_check *c, struct sieve_node *node)
{
	return check_match(c, node);
}

/* clang-format off */
static const struct sieve_tag tags[] = {
	{"folder",	OPT_DIALECT_A,	's',	false,	0,	0},
	{"smtp",	OPT_DIALECT_A,	'-',	false,	1,	0},
	{"append_result", OPT_DIALECT_A, '-',	false,	0,	0},
	{"mailbox",	OPT_DIALECT_A,	's',	false,	0,	0},
	{"extension",	OPT_DIALECT_B,	's',	false,	0,	0},
};

static const struct sieve_word commands[] = {
	{"test", IN_DIALECT, 0, "sname", TESTS_NONE, BLOCK_NEEDED, NULL, run_a_test, NULL},
	{"test_fail", IN_DIALECT, 0, "sreason", TESTS_NONE, BLOCK_NONE, NULL, run_test_fail, NULL},
	{"test_set", IN_DIALECT, 0, "sname|svalue", TESTS_NONE, BLOCK_NONE, NULL, run_test_set, NULL},
	{"test_message", IN_DIALECT, OPT_BIT(DIALECT_A), "nindex", TESTS_NONE, BLOCK_NONE, NULL, run_test_message, NULL},
	{"test_result_print", IN_DIALECT, 0, "", TESTS_NONE, BLOCK_NONE, NULL, run_result_print, NULL},
	{"test_result_reset", IN_DIALECT, 0, "", TESTS_NONE, BLOCK_NONE, NULL, run_result_reset, NULL},
	{"test_mailbox_create", IN_DIALECT, 0, "smailbox", TESTS_NONE, BLOCK_NONE, NULL, run_mailbox_create, NULL},
	{"test_mailbox_delete", IN_DIALECT, 0, "smailbox", TESTS_NONE, BLOCK_NONE, NULL, run_mailbox_delete, NULL},
	{"test_imap_metadata_set", IN_DIALECT, OPT_BIT(DIALECT_A), "sannotation|svalue", TESTS_NONE, BLOCK_NONE, NULL, run_metadata_set, NULL},
	{"test_config_set", IN_DIALECT, 0, "ssetting|svalue", TESTS_NONE, BLOCK_NONE, NULL, run_config_set, NULL},
	{"test_config_unset", IN_DIALECT, 0, "ssetting", TESTS_NONE, BLOCK_NONE, NULL, run_config_set, NULL},
	{"test_config_reload", IN_DIALECT, OPT_BIT(DIALECT_B), "", TESTS_NONE, BLOCK_NONE, NULL, run_nothing, NULL},
	{"test_binary_load", IN_DIALECT, 0, "sname", TESTS_NONE, BLOCK_NONE, NULL, run_nothing, NULL},
	{"debug_log", IN_DIALECT, 0, "stext", TESTS_NONE, BLOCK_NONE, NULL, run_debug_log, NULL},
	{"test_binary_save", IN_DIALECT, 0, "sname", TESTS_NONE, BLOCK_NONE, NULL, run_nothing, NULL},
};

static const struct sieve_word tests[] = {
	{"test_script_compile", IN_DIALECT, 0, "sscript", TESTS_NONE, BLOCK_NONE, NULL, NULL, test_compile},
	{"test_script_run", IN_DIALECT, OPT_BIT(DIALECT_A), "", TESTS_NONE, BLOCK_NONE, NULL, NULL, test_script_run},
	{"test_multiscript", IN_DIALECT, 0, "lscripts", TESTS_NONE, BLOCK_NONE, NULL, NULL, test_multiscript},
	{"test_error", IN_DIALECT, MATCHES | OPT_BIT(INDEX), "lkey list", TESTS_NONE, BLOCK_NONE, check_optional_keys, NULL, test_test_error},
	{"test_result_action", IN_DIALECT, MATCHES | OPT_BIT(INDEX), "lkey list", TESTS_NONE, BLOCK_NONE, check_optional_keys, NULL, test_result_action},
	{"test_result_execute", IN_DIALECT, 0, "", TESTS_NONE, BLOCK_NONE, NULL, NULL, test_result_execute},
	{"test_message", IN_DIALECT, OPT_BIT(DIALECT_A), "nindex", TESTS_NONE, BLOCK_NONE, NULL, NULL, test_test_message},
};
/* clang-format on */

const struct sieve_dialect suite_dialect = {
    .name = "vnd.dovecot.testsuite",
    .also = "vnd.dovecot.debug",
    .name_space = "tst",
    .variable = variable,
    .commands = commands,
    .n_commands = COUNT(commands),
    .tests = tests,
    .n_tests = COUNT(tests),
    .tags = tags,
    .n_tags = COUNT(tags),
};
