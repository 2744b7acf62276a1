/* SPDX-License-Identifier: ISC */
/* parts.c - foreverypart, break, extracttext.  RFC 5703 3, 7. */
#include "sieve/body.h"
#include "sieve/check_state.h"
#include "sieve/run_state.h"

enum { LOOPS_MAX = 4 }; /* foreverypart in each other */

static unsigned
count_loops(const struct sieve_loop *loop)
{
	unsigned n = 0;
	for (; loop; loop = loop->outer)
		n++;
	return n;
}

int
check_foreverypart(struct sieve_check *c, struct sieve_node *node)
{
	if (count_loops(c->loop) >= LOOPS_MAX)
		return check_error(c, node->line,
		    "the nested foreverypart loop exceeds the nesting limit (%d "
		    "levels)",
		    LOOPS_MAX);
	return E_OK;
}

int
check_break(struct sieve_check *c, struct sieve_node *node)
{
	const struct sieve_arg *arg = node_opt_arg(node, OPT_NAME);
	struct span name;
	if (!c->loop)
		return check_error(c, node->line,
		    "the break command is not placed inside a foreverypart loop");
	if (!check_constant(arg, &name))
		return E_OK;
	for (const struct sieve_loop *l = c->loop; l; l = l->outer)
		if (l->name.n && span_eq(l->name, name))
			return E_OK;
	return check_error(c, arg->line,
	    "the break command is not placed inside a loop named '%.*s'",
	    SPAN_ARG(span_head(name, 80)));
}

static unsigned
depth_of(const struct sieve_part_loop *loop)
{
	unsigned n = 0;
	for (; loop; loop = loop->outer)
		n++;
	return n;
}

/* Asked for at each turn: parts are others when the message was made anew. */
static const struct part *
end_of(const struct sieve_part_loop *loop)
{
	return loop->outer ? part_next_over(loop->outer->part) : NULL;
}

/* Outside of a loop all parts, the message first; inside, those of the part that is looked at. */
int
run_foreverypart(struct sieve_run *run, const struct sieve_node *node)
{
	struct sieve_part_loop loop = {.outer = run->loop};
	const struct part *first =
	    run->loop ? run->loop->part->child : &view_tree(run)->root;
	unsigned n_turns = 0;
	if (depth_of(run->loop) >= LOOPS_MAX)
		return run_error(run, node->line,
		    "new foreverypart loop exceeds the nesting limit (%d levels)",
		    LOOPS_MAX);
	if (node_opt_arg(node, OPT_NAME))
		loop.name = node_opt_arg(node, OPT_NAME)->strings->text;
	run->loop = &loop;
	for (loop.part = first; loop.part && loop.part != end_of(&loop);
	     loop.part = part_next(loop.part)) {
		struct buf path = {0};
		part_path(&path, loop.part);
		run_trace(run, node->line, "foreverypart: part %s, %.*s/%.*s",
		    path.len ? buf_cstr(&path) : "0", SPAN_ARG(loop.part->fields.type),
		    SPAN_ARG(loop.part->fields.subtype));
		buf_free(&path);
		if (run_commands(run, node->block) != E_OK || run->flow != FLOW_GO ||
		    loop.is_over)
			break;
		if (run_step(run, node->line) != E_OK)
			break;
		if (++n_turns == SIEVE_LOOP_PARTS_MAX) {
			run_trace(run, node->line,
			    "foreverypart: no further than %d parts",
			    SIEVE_LOOP_PARTS_MAX);
			break;
		}
	}
	if (run->flow == FLOW_BREAK && run->break_to == &loop)
		run->flow = FLOW_GO;
	run->loop = loop.outer;
	return run->err;
}

int
run_break(struct sieve_run *run, const struct sieve_node *node)
{
	const struct sieve_arg *arg = node_opt_arg(node, OPT_NAME);
	const struct sieve_part_loop *loop = run->loop;
	for (; arg && loop; loop = loop->outer)
		if (loop->name.n && span_eq(loop->name, arg->strings->text))
			break;
	if (!loop)
		return run_error(run, node->line, "break: there is no such loop");
	run_trace(run, node->line, "break");
	run->break_to = loop;
	run->flow = FLOW_BREAK;
	return run->err;
}

/* The first that many characters, or all; what is no text gives nothing (RFC 5703 7). */
int
run_extracttext(struct sieve_run *run, const struct sieve_node *node)
{
	const struct sieve_arg *first = node_opt_arg(node, OPT_FIRST);
	struct buf out = {.max = SIEVE_EXPANDED_BYTES_MAX};
	struct span text = {"", 0};
	const struct part *part = view_part(run);
	size_t n = 0;
	if (part->kind == PART_LEAF &&
	    (part_is(part, "text", NULL) || body_is_html(part)))
		text = body_text(run, node->line, part, true, SIEVE_BODY_BYTES_MAX);
	for (uint64_t chars = first ? first->number : UINT64_MAX; chars && n < text.n;
	     chars--)
		for (n++; n < text.n && ((unsigned char)text.p[n] & 0xc0) == 0x80;)
			n++;
	if (n > run->program->limits.variable_bytes * 4)
		n = run->program->limits.variable_bytes * 4;
	modify(run, node, span_head(text, n), &out);
	variable_set(run, node->is_global, node->slot, buf_as_span(&out));
	run_trace(run, node->line, "extracttext \"%.*s\": \"%.*s\"",
	    SPAN_ARG(node->pos[0]->strings->text),
	    SPAN_ARG(span_head(buf_as_span(&out), 200)));
	buf_free(&out);
	return run->err;
}
