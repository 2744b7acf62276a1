/* SPDX-License-Identifier: ISC */
/* thread.c - a forest of messages, and how it is told. */
#include "imapd/thread.h"

#include "imapd/respond.h"
#include "imapd/sort.h"

void
thread_init(struct thread_forest *f, size_t n_messages)
{
	*f = (struct thread_forest){.n_messages = n_messages,
	    .cap = n_messages,
	    .root = THREAD_NONE,
	    .last_root = THREAD_NONE};
	f->nodes = mem_grow(NULL, n_messages + 1, sizeof *f->nodes);
	while (f->n < n_messages)
		thread_dummy(f);
}

void
thread_done(struct thread_forest *f)
{
	mem_free(&f->nodes);
}

uint32_t
thread_dummy(struct thread_forest *f)
{
	f->nodes = mem_room(f->nodes, f->n, &f->cap, sizeof *f->nodes);
	f->nodes[f->n] =
	    (struct thread_node){THREAD_NONE, THREAD_NONE, THREAD_NONE, THREAD_NONE};
	return (uint32_t)f->n++;
}

bool
thread_is_dummy(const struct thread_forest *f, uint32_t node)
{
	return node >= f->n_messages;
}

void
thread_append(struct thread_forest *f, uint32_t parent, uint32_t node)
{
	uint32_t *first = parent == THREAD_NONE ? &f->root : &f->nodes[parent].child;
	uint32_t *last = parent == THREAD_NONE ? &f->last_root : &f->nodes[parent].last;
	f->nodes[node].parent = parent;
	f->nodes[node].next = THREAD_NONE;
	if (*last == THREAD_NONE)
		*first = node;
	else
		f->nodes[*last].next = node;
	*last = node;
}

uint32_t *
thread_by_date(const struct thread_message *messages, size_t n)
{
	static const struct sort_order by_date = {.keys = {{.by = SORT_DATE}}, .n = 1};
	uint32_t *order = mem_grow(NULL, n + 1, sizeof *order);
	struct sorter sorter;
	sorter_init(&sorter, &by_date, n);
	for (size_t i = 0; i < n; i++)
		*sorter_row(&sorter, i) = sort_number(messages[i].sent_sec);
	sorter_run(&sorter, order);
	sorter_done(&sorter);
	return order;
}

/* ---- the response: RFC 5256 4 and 5 ---- */

/*
 * One thread on its way to the client: parentheses that are open, and, innermost, branches told
 * without any.
 */
struct teller {
	struct buf *out;
	const struct thread_forest *forest;
	const struct thread_message *messages;
	uint32_t n_open, n_flat;
	uint32_t n_told;
};

static bool
has_siblings(const struct thread_forest *f, uint32_t node)
{
	return f->nodes[f->nodes[f->nodes[node].parent].child].next != THREAD_NONE;
}

static void
branch_open(struct teller *t)
{
	if (t->n_open < THREAD_NEST_MAX) {
		buf_ch(t->out, '(');
		t->n_open++;
	} else {
		t->n_flat++;
	}
}

static void
branch_next(struct teller *t)
{
	buf_str(t->out, t->n_flat ? " " : ")(");
}

static void
branch_close(struct teller *t)
{
	if (t->n_flat) {
		t->n_flat--;
	} else {
		buf_ch(t->out, ')');
		t->n_open--;
	}
}

/* Tells a node; what comes below it: THREAD_NONE for a leaf. */
static uint32_t
node_tell(struct teller *t, uint32_t node)
{
	uint32_t child = t->forest->nodes[node].child;
	bool is_dummy = thread_is_dummy(t->forest, node);
	if (!is_dummy) {
		put_u32(t->out, t->messages[node].number);
		t->n_told++;
	}
	if (child == THREAD_NONE)
		return THREAD_NONE;
	if (!is_dummy)
		buf_ch(t->out, ' ');
	if (has_siblings(t->forest, child))
		branch_open(t);
	return child;
}

/*
 * From a leaf to the next node that is to be told, up through all that ends here; THREAD_NONE
 * behind the last.
 */
static uint32_t
leaf_leave(struct teller *t, uint32_t root, uint32_t node)
{
	for (; node != root; node = t->forest->nodes[node].parent) {
		uint32_t next = t->forest->nodes[node].next;
		if (next != THREAD_NONE) {
			branch_next(t);
			return next;
		}
		if (has_siblings(t->forest, node))
			branch_close(t);
	}
	return THREAD_NONE;
}

static bool
root_tell(struct teller *t, uint32_t root, bool (*flush)(void *), void *ctx)
{
	uint32_t node = root;
	branch_open(t);
	while (node != THREAD_NONE) {
		uint32_t child = node_tell(t, node);
		node = child == THREAD_NONE ? leaf_leave(t, root, node) : child;
		if (t->n_told >= THREAD_FLUSH_EACH) {
			t->n_told = 0;
			if (!flush(ctx))
				return false;
		}
	}
	branch_close(t);
	return true;
}

bool
thread_put(struct buf *out, const struct thread_forest *f,
    const struct thread_message *messages, bool (*flush)(void *), void *ctx)
{
	struct teller t = {.out = out, .forest = f, .messages = messages};
	for (uint32_t root = f->root; root != THREAD_NONE; root = f->nodes[root].next)
		if (!root_tell(&t, root, flush, ctx))
			return false;
	return true;
}
