/* SPDX-License-Identifier: ISC */
/* view.c - the message as the script sees it: its head as edited, its parts, the fields of a test. */
#include "mime/header.h"
#include "mime/tree.h"
#include "sieve/run_state.h"

const struct tree *
view_tree(struct sieve_run *run)
{
	if (!run->tree) {
		(void)run_spend(run, 0, run->in->message.n);
		tree_make(run->in->message, &run->arena, &run->own_tree);
		run->tree = &run->own_tree;
	}
	return run->tree;
}

struct span
view_head_seen(struct span head)
{
	return span_head(head, SIEVE_HEAD_BYTES_MAX);
}

struct span
view_head(struct sieve_run *run)
{
	return run->head;
}

const struct part *
view_part(struct sieve_run *run)
{
	return run->loop ? run->loop->part : &view_tree(run)->root;
}

struct span
view_part_head(struct sieve_run *run, const struct part *part)
{
	const struct tree *tree = view_tree(run);
	return part == &tree->root ? view_head(run) : part_head(tree, part);
}

struct span
view_head_taken(struct sieve_run *run)
{
	if (!run->is_edited)
		return (struct span){NULL, 0};
	if (!run->head_taken.p)
		run->head_taken = arena_span(&run->result->arena, run->head);
	return run->head_taken;
}

/* ---- heads that a test looks into ---- */

struct heads {
	const struct part *part, *end;
	bool is_plain; /* no :mime: the message's own alone */
	bool is_done;
};

static struct heads
heads_of(struct sieve_run *run, const struct sieve_node *node)
{
	struct heads h = {.is_plain = !node_opt(node, OPT_MIME)};
	if (h.is_plain)
		return h;
	h.part = view_part(run);
	h.end =
	    node_opt(node, OPT_ANYCHILD) ? part_next_over(h.part) : part_next(h.part);
	if (!node_opt(node, OPT_ANYCHILD))
		h.end = NULL;
	return h;
}

static bool
heads_next(struct sieve_run *run, const struct sieve_node *node, struct heads *h,
    struct span *out)
{
	if (h->is_done)
		return false;
	if (h->is_plain) {
		h->is_done = true;
		*out = view_head(run);
		return true;
	}
	*out = view_part_head(run, h->part);
	h->part = node_opt(node, OPT_ANYCHILD) ? part_next(h->part) : NULL;
	h->is_done = !h->part || h->part == h->end;
	return true;
}

/* ---- fields ---- */

enum { HEAD_WORK = 64 }; /* what a head costs besides its octets */

struct walk {
	struct span name;
	uint64_t seen,
	    wanted;        /* of that name so far; the one that is asked for, 0: all */
	size_t left_bytes; /* of heads that are looked into */
	view_field_fn *fn; /* NULL: only to be counted */
	void *ctx;
};

static void
walk_head(struct sieve_run *run, const struct sieve_node *node, struct span head,
    struct walk *w)
{
	struct header_field field;
	head = span_head(view_head_seen(head), w->left_bytes);
	w->left_bytes -= head.n;
	if (run_spend(run, node->line, HEAD_WORK + head.n) != E_OK)
		return;
	while (run->err == E_OK && header_find(&head, w->name, &field) == E_OK) {
		w->seen++;
		if (w->fn && (!w->wanted || w->seen == w->wanted))
			(void)w->fn(run, w->name, field.value, w->ctx);
	}
}

static void
walk_heads(struct sieve_run *run, const struct sieve_node *node, struct walk *w)
{
	struct heads heads = heads_of(run, node);
	struct span head;
	w->seen = 0;
	w->left_bytes = SIEVE_HEADS_BYTES_MAX;
	while (
	    run->err == E_OK && w->left_bytes && heads_next(run, node, &heads, &head))
		walk_head(run, node, head, w);
}

int
view_each_field(struct sieve_run *run, const struct sieve_node *node,
    const struct span *names, size_t n, view_field_fn *fn, void *ctx)
{
	const struct sieve_arg *index = node_opt_arg(node, OPT_INDEX);
	bool is_last = index && node_opt(node, OPT_LAST);
	for (size_t i = 0; i < n && run->err == E_OK; i++) {
		struct walk w = {.name = span_trim(names[i]), .ctx = ctx};
		if (is_last) {
			walk_heads(run, node, &w);
			if (index->number > w.seen)
				continue;
			w.wanted = w.seen - index->number + 1;
		} else if (index) {
			w.wanted = index->number;
		}
		w.fn = fn;
		walk_heads(run, node, &w);
	}
	return run->err;
}
