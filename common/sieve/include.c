/* SPDX-License-Identifier: ISC */
/* include.c - include, return, global.  RFC 6609. */
#include "sieve/check_state.h"
#include "sieve/run_state.h"

/* RFC 6609 3.2 and RFC 5804 1.6: no control characters, no separators of lines; no path. */
static bool
script_name_ok(struct span name)
{
	if (!name.n || name.n > SIEVE_SCRIPT_NAME_MAX || !utf8_valid(name) ||
	    name.p[0] == '.')
		return false;
	for (size_t i = 0; i < name.n; i++) {
		struct span rest = span_from(name, i);
		unsigned char next = rest.n > 1 ? (unsigned char)rest.p[1] : 0;
		if (ch_ctl(rest.p[0]) || rest.p[0] == '/')
			return false;
		if (span_starts(rest, SPAN("\xc2")) && next >= 0x80 && next < 0xa0)
			return false;
		if (span_starts(rest, SPAN("\xe2\x80\xa8")) ||
		    span_starts(rest, SPAN("\xe2\x80\xa9")))
			return false;
	}
	return true;
}

static struct span
location_of(const struct sieve_node *node)
{
	return node_opt_value(node, OPT_LOCATION, 0) ? SPAN("global")
	                                             : SPAN("personal");
}

static struct sieve_script *
find_script(struct sieve_check *c, struct span location, struct span name)
{
	for (struct sieve_script *s = c->program->main->next; s; s = s->next)
		if (span_eq(s->name, name) && span_eq(s->location, location))
			return s;
	return NULL;
}

static struct sieve_script *
script_new(struct sieve_check *c, struct span location, struct span name)
{
	struct sieve_script *s = arena_get(&c->program->arena, sizeof(*s)), *last;
	if (!s)
		return NULL;
	*s = (struct sieve_script){
	    .name = name, .location = location, .id = c->program->n_scripts++};
	for (last = c->program->main; last->next; last = last->next)
		;
	last->next = s;
	return s;
}

static int
missing(struct sieve_check *c, const struct sieve_node *node, struct span name)
{
	if (!c->want->needs_includes || node_opt(node, OPT_OPTIONAL))
		return E_OK;
	return check_error(c, node->line, "included %.*s script '%.*s' does not exist",
	    SPAN_ARG(location_of(node)), SPAN_ARG(name));
}

static int
check_text(struct sieve_check *c, struct sieve_node *node, struct span text)
{
	int err;
	c->include_depth++;
	err = check_script(c, text, node->script);
	c->include_depth--;
	if (err != E_OK)
		return check_error(c, node->line,
		    "failed to compile included script '%.*s'",
		    SPAN_ARG(node->script->name));
	return E_OK;
}

static int
fetch(struct sieve_check *c, struct sieve_node *node, struct span name)
{
	struct buf text = {.max = SIEVE_SCRIPT_BYTES_MAX};
	int err = c->want->script(c->want->ctx, location_of(node), name, &text);
	if (err == E_OK && c->program->n_scripts > c->limits->includes)
		err = check_error(c, node->line,
		    "failed to include script '%.*s': no more than %zu nested scripts "
		    "can be included",
		    SPAN_ARG(name), c->limits->includes);
	else if (err == E_OK && buf_done(&text) != E_OK)
		err = check_error(c, node->line,
		    "included script '%.*s' is longer than %d octets", SPAN_ARG(name),
		    SIEVE_SCRIPT_BYTES_MAX);
	else if (err == E_MORE)
		err = missing(c, node, name);
	else if (err != E_OK)
		err = check_error(c, node->line,
		    "included script '%.*s' cannot be read", SPAN_ARG(name));
	else if ((node->script = script_new(c, location_of(node), name)))
		err = check_text(c, node, buf_as_span(&text));
	else
		err = check_error(c, node->line, SIEVE_NO_MEMORY);
	buf_free(&text);
	return err;
}

int
check_include(struct sieve_check *c, struct sieve_node *node)
{
	struct span name = node->pos[0]->strings->text;
	if (!script_name_ok(name))
		return check_error(c, node->line,
		    "invalid script name '%.*s' for the include command",
		    SPAN_ARG(span_head(name, 80)));
	if (!c->want->script)
		return E_OK;
	if (c->include_depth >= c->limits->include_depth)
		return check_error(c, node->line,
		    "cannot nest includes deeper than %zu levels",
		    c->limits->include_depth);
	if ((node->script = find_script(c, location_of(node), name))) {
		if (node->script->is_being_checked && !node_opt(node, OPT_ONCE))
			return check_error(c, node->line,
			    "circular include: '%.*s' includes itself", SPAN_ARG(name));
		return E_OK;
	}
	return fetch(c, node, name);
}

int
check_global_command(struct sieve_check *c, struct sieve_node *node)
{
	int err = E_OK;
	if (!check_has(c, EXT_BIT(VARIABLES)))
		return check_error(
		    c, node->line, "the global command needs require of \"variables\"");
	for (const struct sieve_string *s = node->pos[0]->strings; s && err == E_OK;
	     s = s->next)
		err = check_global(c, s->line, s->text);
	return err;
}

/* ---- run ---- */

/* In a scope of its own; what stops it stops all, what returns from it returns here. */
static int
run_script(struct sieve_run *run, const struct sieve_node *node)
{
	struct sieve_frame frame = {.outer = run->frame,
	    .script = node->script,
	    .n_locals = node->script->n_locals};
	if (run->include_depth >= run->program->limits.include_depth)
		return run_limit(run, node->line,
		    "cannot nest includes deeper than %zu levels",
		    run->program->limits.include_depth);
	frame.locals = mem_new((frame.n_locals + 1) * sizeof(struct buf));
	run->frame = &frame;
	run->include_depth++;
	(void)run_commands(run, node->script->commands);
	if (run->flow == FLOW_RETURN)
		run->flow = FLOW_GO;
	run->include_depth--;
	run->frame = frame.outer;
	for (unsigned i = 0; i < frame.n_locals; i++)
		buf_free(&frame.locals[i]);
	mem_free(&frame.locals);
	return run->err;
}

int
run_include(struct sieve_run *run, const struct sieve_node *node)
{
	struct span name = node->pos[0]->strings->text;
	if (!node->script) {
		run_trace(run, node->line, "include: there is no script '%.*s'",
		    SPAN_ARG(name));
		if (node_opt(node, OPT_OPTIONAL))
			return run->err;
		return run_error(run, node->line,
		    "included %.*s script '%.*s' does not exist",
		    SPAN_ARG(location_of(node)), SPAN_ARG(name));
	}
	if (node_opt(node, OPT_ONCE) && run->was_included[node->script->id]) {
		run_trace(run, node->line, "include: script '%.*s' ran before",
		    SPAN_ARG(name));
		return run->err;
	}
	run->was_included[node->script->id] = 1;
	run_trace(run, node->line, "include script '%.*s'", SPAN_ARG(name));
	return run_script(run, node);
}

int
run_return(struct sieve_run *run, const struct sieve_node *node)
{
	run_trace(run, node->line, "return");
	run->flow = FLOW_RETURN;
	return run->err;
}
