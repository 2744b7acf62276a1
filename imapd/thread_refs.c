/* SPDX-License-Identifier: ISC */
/*
 * thread_refs.c - THREAD=REFS, draft-ietf-morg-inthread-01 4: the links of REFERENCES; subjects do
 * not count; the thread in which something arrived last is the last.  Messages of a thread are
 * sorted by sent date.
 */
#include "imapd/sort.h"
#include "imapd/thread.h"

/* The root above a node.  up has the parents, and is made shorter on the way. */
static uint32_t
root_above(uint32_t *up, uint32_t node)
{
	while (up[node] != THREAD_NONE) {
		if (up[up[node]] != THREAD_NONE)
			up[node] = up[up[node]];
		node = up[node];
	}
	return node;
}

/* When the last message of each root's thread arrived; own. */
static int64_t *
last_arrivals(const struct thread_forest *f, const struct thread_message *messages)
{
	int64_t *last = mem_grow(NULL, f->n + 1, sizeof *last);
	uint32_t *up = mem_grow(NULL, f->n + 1, sizeof *up);
	for (size_t i = 0; i < f->n; i++) {
		last[i] = INT64_MIN;
		up[i] = f->nodes[i].parent;
	}
	for (uint32_t i = 0; i < f->n_messages; i++) {
		int64_t *of_root = &last[root_above(up, i)];
		if (messages[i].arrived_sec > *of_root)
			*of_root = messages[i].arrived_sec;
	}
	mem_free(&up);
	return last;
}

/* Children into their lists, in order; the roots go out, in the same order. */
static size_t
children_order(struct thread_forest *f, const uint32_t *order, uint32_t *roots)
{
	size_t n = 0;
	for (size_t i = 0; i < f->n_messages; i++) {
		uint32_t parent = f->nodes[order[i]].parent;
		if (parent == THREAD_NONE) {
			roots[n++] = order[i];
			continue;
		}
		if (thread_is_dummy(f, parent) && f->nodes[parent].child == THREAD_NONE)
			roots[n++] = parent;
		thread_append(f, parent, order[i]);
	}
	return n;
}

static void
roots_order(
    struct thread_forest *f, const uint32_t *roots, size_t n, const int64_t *last)
{
	static const struct sort_order by_arrival = {
	    .keys = {{.by = SORT_ARRIVAL}}, .n = 1};
	uint32_t *places = mem_grow(NULL, n + 1, sizeof *places);
	struct sorter sorter;
	sorter_init(&sorter, &by_arrival, n);
	for (size_t i = 0; i < n; i++)
		*sorter_row(&sorter, i) = sort_number(last[roots[i]]);
	sorter_run(&sorter, places);
	for (size_t i = 0; i < n; i++)
		thread_append(f, THREAD_NONE, roots[places[i]]);
	sorter_done(&sorter);
	mem_free(&places);
}

void
thread_refs(const struct thread_message *messages, size_t n, struct thread_forest *out)
{
	uint32_t *order = thread_by_date(messages, n),
		 *roots = mem_grow(NULL, n + 1, sizeof *roots);
	thread_link(messages, n, out);
	int64_t *last = last_arrivals(out, messages);
	size_t n_roots = children_order(out, order, roots);
	roots_order(out, roots, n_roots, last);
	mem_free(&last);
	mem_free(&roots);
	mem_free(&order);
}
