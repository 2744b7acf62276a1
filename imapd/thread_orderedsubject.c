/* SPDX-License-Identifier: ISC */
/*
 * thread_orderedsubject.c - THREAD=ORDEREDSUBJECT, RFC 5256 3: a thread a base subject, the others
 * under its first message.
 */
#include "imapd/idtable.h"
#include "imapd/thread.h"

void
thread_orderedsubject(
    const struct thread_message *messages, size_t n, struct thread_forest *out)
{
	struct idtable subjects;
	uint32_t *order = thread_by_date(messages, n);
	thread_init(out, n);
	idtable_init(&subjects, n);
	/*
	 * by date: the first of a subject is the root, and the roots come in the order of their
	 * dates
	 */
	for (size_t i = 0; i < n; i++) {
		uint32_t *root = idtable_at(&subjects, messages[order[i]].base_subject);
		thread_append(
		    out, *root == IDTABLE_NONE ? THREAD_NONE : *root, order[i]);
		if (*root == IDTABLE_NONE)
			*root = order[i];
	}
	idtable_done(&subjects);
	mem_free(&order);
}
