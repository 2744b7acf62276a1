/* SPDX-License-Identifier: ISC */
/* peek.c - a mailbox that is not selected, looked at as if it were. */
#include "imapd/session.h"

/* Without a list message k is record k - 1: where none is gone. */
static void
list_make(struct selected *b)
{
	const struct store_view *v = &b->view;
	uint32_t n_gone = 0;
	for (uint32_t i = 0; i < v->n; i++)
		n_gone += (v->records[i].flags & FLAG_GONE) != 0;
	b->n = b->n_seen = v->n;
	if (n_gone == 0)
		return;
	b->n = 0;
	b->at = mem_grow(NULL, v->n, sizeof *b->at);
	for (uint32_t i = 0; i < v->n; i++)
		if (!(v->records[i].flags & FLAG_GONE))
			b->at[b->n++] = i;
}

int
selected_peek(struct session *s, struct span name, struct selected *out)
{
	*out = (struct selected){.n = 0};
	int err = store_peek(session_own(s), name, &out->view);
	if (err == E_OK)
		list_make(out);
	return err;
}

void
selected_unpeek(struct session *s, struct selected *b)
{
	store_unpeek(session_own(s), &b->view);
	mem_free(&b->at);
}
