/* SPDX-License-Identifier: ISC */
/*
 * thread_references.c - THREAD=REFERENCES, RFC 5256 3: links by Message-ID and References, then
 * threads of one subject put together.
 *
 * All sorting is by sent date and the order in the mailbox, so one sorted list of the messages
 * serves all of it: whoever is appended in that order stands in that order, and a dummy takes the
 * place of its first child.
 */
#include "imapd/idtable.h"
#include "imapd/thread.h"

struct merger {
	const struct thread_message *messages;
	struct thread_forest *forest;
	uint32_t *roots;      /* own; messages and dummies, sorted: step 4 */
	uint32_t *subject_of; /* own; for each root the message that has its subject */
	size_t n_roots;
	struct idtable subjects; /* to the root that stands for it */
};

/* ---- step 4 ---- */

static void
roots_gather(struct merger *m, const uint32_t *order, size_t n)
{
	bool *has_dummy = mem_new(m->forest->n - n + 1);
	m->roots = mem_grow(NULL, n + 1, sizeof *m->roots);
	m->subject_of = mem_grow(NULL, n + 1, sizeof *m->subject_of);
	for (size_t i = 0; i < n; i++) {
		uint32_t root = order[i], parent = m->forest->nodes[order[i]].parent;
		if (parent != THREAD_NONE) {
			if (!thread_is_dummy(m->forest, parent) ||
			    has_dummy[parent - n])
				continue;
			has_dummy[parent - n] = true;
			root = parent;
		}
		m->roots[m->n_roots] = root;
		m->subject_of[m->n_roots++] = order[i];
	}
	mem_free(&has_dummy);
}

/* ---- step 5 ---- */

static bool
is_reply(const struct merger *m, uint32_t root)
{
	return !thread_is_dummy(m->forest, root) && m->messages[root].is_reply;
}

/* Which of two threads stands for their subject: the one that is there, or the other (5.B.iv)? */
static bool
is_better(const struct merger *m, uint32_t there, uint32_t other)
{
	if (thread_is_dummy(m->forest, there))
		return false;
	return thread_is_dummy(m->forest, other) ||
	       (is_reply(m, there) && !is_reply(m, other));
}

static void
subjects_gather(struct merger *m)
{
	for (size_t i = 0; i < m->n_roots; i++) {
		struct span subject = m->messages[m->subject_of[i]].base_subject;
		if (subject.n == 0)
			continue;
		uint32_t *there = idtable_at(&m->subjects, subject);
		if (*there == IDTABLE_NONE || is_better(m, *there, m->roots[i]))
			*there = m->roots[i];
	}
}

/*
 * Step 5.C for one thread.  A dummy whose children went to another one has that as its parent from
 * now on.
 */
static void
root_merge(struct merger *m, uint32_t root, uint32_t *there)
{
	struct thread_node *nodes = m->forest->nodes;
	if (thread_is_dummy(m->forest, *there) ||
	    (is_reply(m, root) && !is_reply(m, *there))) {
		nodes[root].parent = *there;
		return;
	}
	uint32_t dummy = thread_dummy(m->forest);
	nodes = m->forest->nodes;
	nodes[root].parent = dummy;
	nodes[*there].parent = dummy;
	*there = dummy;
}

static void
subjects_merge(struct merger *m)
{
	for (size_t i = 0; i < m->n_roots; i++) {
		uint32_t root = m->roots[i];
		struct span subject = m->messages[m->subject_of[i]].base_subject;
		if (subject.n == 0 || m->forest->nodes[root].parent != THREAD_NONE)
			continue;
		uint32_t *there = idtable_at(&m->subjects, subject);
		if (*there != root)
			root_merge(m, root, there);
	}
}

/* ---- step 6 ---- */

static void
forest_order(struct thread_forest *f, const uint32_t *order, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t parent = f->nodes[order[i]].parent;
		if (parent != THREAD_NONE && thread_is_dummy(f, parent)) {
			if (f->nodes[parent].parent != THREAD_NONE)
				parent = f->nodes[parent].parent;
			if (f->nodes[parent].child == THREAD_NONE)
				thread_append(f, THREAD_NONE, parent);
		}
		thread_append(f, parent, order[i]);
	}
}

void
thread_references(
    const struct thread_message *messages, size_t n, struct thread_forest *out)
{
	struct merger m = {.messages = messages, .forest = out};
	uint32_t *order = thread_by_date(messages, n);
	thread_link(messages, n, out);
	roots_gather(&m, order, n);
	idtable_init(&m.subjects, m.n_roots);
	subjects_gather(&m);
	subjects_merge(&m);
	forest_order(out, order, n);
	idtable_done(&m.subjects);
	mem_free(&m.roots);
	mem_free(&m.subject_of);
	mem_free(&order);
}
