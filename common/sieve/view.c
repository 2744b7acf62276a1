/* SPDX-License-Identifier: ISC */
/* view.c - the message as the script sees it: its head as edited, its parts, the fields of a test. */
#include "mime/header.h"
#include "mime/tree.h"
#include "sieve/run_state.h"

/* what reading an octet of a message is worth in octets compared, and writing it */
enum { TREE_WORK = 1, REMAKE_WORK = 3 };

void
view_begin(struct sieve_run *run, struct span message)
{
	arena_reset(&run->tree_arena);
	run->tree = NULL;
	run->texts = NULL;
	run->message = message;
	run->body_at = header_end(message);
	run->head = span_head(message, run->body_at);
	run->is_edited = run->is_remade = false;
	run->taken = (struct sieve_text){0};
}

int
view_remake(struct sieve_run *run, unsigned line, struct buf *text)
{
	struct buf before = run->remade;
	if (buf_done(text) != E_OK)
		(void)run_limit(run, line, "the message would be larger than %d octets",
		    SIEVE_REMADE_BYTES_MAX);
	if (run->err != E_OK ||
	    run_spend(run, line, REMAKE_WORK * (uint64_t)text->len) != E_OK) {
		buf_free(text);
		return run->err;
	}
	run->remade = *text;
	view_begin(run, buf_as_span(&run->remade));
	run->is_remade = true;
	buf_free(&before);
	return run->err;
}

const char *
view_eol(const struct sieve_run *run)
{
	size_t at = span_find(run->head, '\n');
	return at == run->head.n || (at && run->head.p[at - 1] == '\r') ? "\r\n" : "\n";
}

const struct tree *
view_tree(struct sieve_run *run)
{
	if (!run->tree) {
		(void)run_spend(run, 0, TREE_WORK * (uint64_t)run->message.n);
		tree_make(run->message, &run->tree_arena, &run->own_tree);
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

void
view_take(struct sieve_run *run, struct sieve_action *a)
{
	if ((run->is_edited || run->is_remade) && !run->taken.head.p)
		run->taken.head = action_span(run, run->head);
	if (run->is_remade && !run->taken.body.p)
		run->taken.body =
		    action_span(run, span_from(run->message, run->body_at));
	a->head = run->taken.head;
	a->body = run->taken.body;
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
