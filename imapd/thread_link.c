/* SPDX-License-Identifier: ISC */
/*
 * thread_link.c - who answered whom, by Message-ID and References: RFC 5256 3, REFERENCES, steps 1
 * to 3.
 */
#include "imapd/idtable.h"
#include "imapd/thread.h"

struct linker {
	struct thread_forest *forest;
	struct idtable ids;
	/* own; of each node that could have any when it was last asked for */
	uint32_t *n_children;
	size_t n_counted;
	uint64_t steps;
};

static uint32_t *
children_of(struct linker *l, uint32_t node)
{
	if (node >= l->n_counted) {
		size_t n = l->forest->cap > node ? l->forest->cap : node + 1;
		l->n_children = mem_grow(l->n_children, n, sizeof *l->n_children);
		for (; l->n_counted < n; l->n_counted++)
			l->n_children[l->n_counted] = 0;
	}
	return &l->n_children[node];
}

/*
 * A message keeps an id that an earlier one has not; where there are two, the later has none (step
 * 1.A).
 */
static void
ids_add(struct linker *l, const struct thread_message *messages, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (messages[i].message_id.n) {
			uint32_t *node = idtable_at(&l->ids, messages[i].message_id);
			if (*node == IDTABLE_NONE)
				*node = (uint32_t)i;
		}
}

/* THREAD_NONE when there are too many that are not there. */
static uint32_t
node_of(struct linker *l, struct span id)
{
	uint32_t *node = idtable_at(&l->ids, id);
	if (*node == IDTABLE_NONE &&
	    l->forest->n - l->forest->n_messages < THREAD_DUMMIES_MAX)
		*node = thread_dummy(l->forest);
	return *node == IDTABLE_NONE ? THREAD_NONE : *node;
}

/* Would node, as a child of parent, be its own forefather? */
static bool
is_loop(struct linker *l, uint32_t parent, uint32_t node)
{
	if (parent == node)
		return true;
	if (*children_of(l, node) == 0)
		return false;
	for (uint32_t up = parent; up != THREAD_NONE; up = l->forest->nodes[up].parent)
		if (up == node || l->steps++ >= THREAD_STEPS_MAX)
			return true;
	return false;
}

static void
link_make(struct linker *l, uint32_t parent, uint32_t node)
{
	if (is_loop(l, parent, node))
		return;
	l->forest->nodes[node].parent = parent;
	++*children_of(l, parent);
}

static void
link_break(struct linker *l, uint32_t node)
{
	uint32_t *parent = &l->forest->nodes[node].parent;
	if (*parent != THREAD_NONE)
		--*children_of(l, *parent);
	*parent = THREAD_NONE;
}

/*
 * Step 1 for one message: its references are a line of descent, as far as nobody else has said
 * otherwise.
 */
static void
message_link(struct linker *l, uint32_t message, struct span references)
{
	uint32_t last = THREAD_NONE;
	while (references.n) {
		struct span id = span_cut(&references, '\n');
		uint32_t node = id.n ? node_of(l, id) : THREAD_NONE;
		if (node == THREAD_NONE)
			continue;
		if (last != THREAD_NONE && l->forest->nodes[node].parent == THREAD_NONE)
			link_make(l, last, node);
		last = node;
	}
	link_break(l, message);
	if (last != THREAD_NONE)
		link_make(l, last, message);
}

/* ---- step 3: dummies go, but those that hold a thread together ---- */

static bool
is_inner_dummy(const struct thread_forest *f, uint32_t node)
{
	return node != THREAD_NONE && thread_is_dummy(f, node) &&
	       f->nodes[node].parent != THREAD_NONE;
}

/*
 * The next forefather that stays.  Ways that were gone once are made shorter, as many messages may
 * go them.
 */
static uint32_t
parent_that_stays(struct thread_forest *f, uint32_t node)
{
	uint32_t up = f->nodes[node].parent;
	while (is_inner_dummy(f, up)) {
		uint32_t *next = &f->nodes[up].parent;
		if (is_inner_dummy(f, *next))
			*next = f->nodes[*next].parent;
		up = *next;
	}
	return up;
}

static void
prune(struct linker *l)
{
	struct thread_forest *f = l->forest;
	children_of(l, (uint32_t)f->n);
	for (size_t i = 0; i < f->n; i++)
		l->n_children[i] = 0;
	for (uint32_t i = 0; i < f->n_messages; i++) {
		f->nodes[i].parent = parent_that_stays(f, i);
		if (f->nodes[i].parent != THREAD_NONE)
			l->n_children[f->nodes[i].parent]++;
	}
	for (uint32_t i = 0; i < f->n_messages; i++) {
		uint32_t parent = f->nodes[i].parent;
		if (parent != THREAD_NONE && thread_is_dummy(f, parent) &&
		    l->n_children[parent] == 1)
			f->nodes[i].parent = THREAD_NONE;
	}
}

void
thread_link(const struct thread_message *messages, size_t n, struct thread_forest *out)
{
	struct linker l = {.forest = out};
	thread_init(out, n);
	idtable_init(&l.ids, n);
	ids_add(&l, messages, n);
	for (uint32_t i = 0; i < n; i++)
		message_link(&l, i, messages[i].references);
	prune(&l);
	idtable_done(&l.ids);
	mem_free(&l.n_children);
}
