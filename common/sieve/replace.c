/* SPDX-License-Identifier: ISC */
/* replace.c - replace: another text in the place of a part, or of all of the message.  RFC 5703 5. */
#include "mime/header.h"
#include "sieve/check_state.h"
#include "sieve/field.h"
#include "sieve/run_state.h"

int
check_replace(struct sieve_check *c, struct sieve_node *node)
{
	struct span from;
	if (node_opt(node, OPT_BODY_IS_MIME) &&
	    (node_opt(node, OPT_SUBJECT) || node_opt(node, OPT_FROM)))
		return check_error(c, node->line,
		    "the :mime tag of the replace command excludes :subject and :from");
	if (check_constant(node_opt_arg(node, OPT_FROM), &from) &&
	    !address_list_ok(from))
		return check_error(c, node->line,
		    "specified :from address '%.*s' is invalid for the replace command",
		    SPAN_ARG(span_head(from, 200)));
	return E_OK;
}

/* What is made, and what of it is asked for. */
struct replacing {
	const struct sieve_node *node;
	const struct part *part;
	const char *eol;
	struct span text, subject, from; /* p NULL: it has none */
	bool is_whole;
	size_t number, head_at, end_at; /* of the part that is to come of it */
};

static size_t
number_of(const struct tree *tree, const struct part *part)
{
	size_t n = 0;
	for (const struct part *p = &tree->root; p && p != part; p = part_next(p))
		n++;
	return n;
}

static const struct part *
part_of(const struct tree *tree, size_t number)
{
	const struct part *p = &tree->root;
	for (; p && number; number--)
		p = part_next(p);
	return p;
}

/* ---- the head ---- */

/* All fields but those of the structure that goes; what is replaced keeps its value under a name. */
static void
put_kept(const struct replacing *r, struct span head, struct buf *out)
{
	struct header_field field;
	while (header_next(&head, &field) == E_OK) {
		if (field_is_mime(field.name))
			continue;
		if ((r->subject.p && span_ieqs(field.name, "subject")) ||
		    (r->from.p && span_ieqs(field.name, "from")))
			buf_str(out, "Original-");
		buf_span(out, field.whole);
		if (!span_ends(field.whole, SPAN("\n")))
			buf_str(out, r->eol);
	}
}

/* Of a message, a nested one too, its fields stay; of a part none do. */
static void
put_head(struct sieve_run *run, const struct replacing *r, struct buf *out)
{
	if (!r->part->is_root)
		return;
	put_kept(r, view_part_head(run, r->part), out);
	if (r->from.p)
		field_put_mailboxes(out, r->eol, "From", r->from);
	if (r->subject.p)
		field_put(out, r->eol, "Subject", r->subject);
	buf_putf(out, "MIME-Version: 1.0%s", r->eol);
}

static void
put_message(struct sieve_run *run, struct replacing *r, struct buf *out)
{
	struct span all = run->message;
	if (!r->is_whole) {
		buf_span(out, run->head);
		buf_put(out, all.p + run->body_at, r->part->head_at - run->body_at);
	}
	r->head_at = out->len;
	put_head(run, r, out);
	if (node_opt(r->node, OPT_BODY_IS_MIME))
		field_put_entity(out, r->eol, r->text);
	else
		field_put_plain(out, r->eol, r->text);
	r->end_at = out->len;
	if (!r->is_whole)
		buf_span(out, span_from(all, r->part->end_at));
}

/* ---- loops ---- */

/* The parts that loops are at: up to the one that is replaced they are the same ones. */
static void
find_again(struct sieve_run *run, const struct replacing *r)
{
	const struct tree *tree = view_tree(run);
	const struct part *part = part_of(tree, r->number);
	/* a delimiter in a MIME entity would make it end elsewhere */
	if (!part || part->head_at != r->head_at || part->end_at != r->end_at)
		(void)run_error(run, r->node->line,
		    "the replacement would change other parts than the one it "
		    "replaces");
	for (struct sieve_part_loop *l = run->loop; l && run->err == E_OK; l = l->outer)
		l->part = part_of(tree, l->number);
}

/* An address that is none is nobody's: it is not taken. */
static void
take_tags(struct sieve_run *run, struct replacing *r)
{
	const struct sieve_arg *subject = node_opt_arg(r->node, OPT_SUBJECT);
	const struct sieve_arg *from = node_opt_arg(r->node, OPT_FROM);
	if (subject && r->is_whole)
		r->subject = run_arg(run, subject);
	if (!from || !r->is_whole)
		return;
	r->from = run_arg(run, from);
	if (address_list_ok(r->from))
		return;
	run_trace(run, r->node->line, "replace: :from is no address");
	r->from = (struct span){NULL, 0};
}

int
run_replace(struct sieve_run *run, const struct sieve_node *node)
{
	const struct tree *tree = view_tree(run);
	struct replacing r = {
	    .node = node, .part = view_part(run), .eol = view_eol(run)};
	struct buf out = {.max = SIEVE_REMADE_BYTES_MAX};
	r.text = run_arg(run, node->pos[0]);
	r.is_whole = r.part == &tree->root;
	r.number = number_of(tree, r.part);
	take_tags(run, &r);
	if (run->err != E_OK)
		return run->err;
	for (struct sieve_part_loop *l = run->loop; l; l = l->outer)
		l->number = number_of(tree, l->part);
	put_message(run, &r, &out);
	if (view_remake(run, node->line, &out) != E_OK)
		return run->err;
	find_again(run, &r);
	run_trace(run, node->line, "replace part %zu with \"%.*s\"", r.number,
	    SPAN_ARG(span_head(r.text, 200)));
	return run->err;
}
