/* SPDX-License-Identifier: ISC */
/* source.c - lists of folders and of messages. */
#include "move/source.h"

#include <stdlib.h>

void
source_done(struct source *s)
{
	buf_free(&s->failure.why);
	buf_free(&s->in);
}

/* ---- folders ---- */

void
folders_add(struct source_folders *f, const struct source_folder *one)
{
	if (f->n == SOURCE_FOLDERS_MAX) {
		f->n_left_out++;
		return;
	}
	struct source_folder copy = *one;
	copy.raw = arena_span(&f->arena, one->raw);
	copy.name = arena_span(&f->arena, one->name);
	copy.special_use = arena_span(&f->arena, one->special_use);
	f->all = mem_grow(f->all, f->n + 1, sizeof *f->all);
	f->all[f->n++] = copy;
}

void
folders_subscribe(struct source_folders *f, struct span name)
{
	if (f->n_subscriptions == SOURCE_FOLDERS_MAX)
		return;
	f->subscriptions = mem_grow(
	    f->subscriptions, f->n_subscriptions + 1, sizeof *f->subscriptions);
	f->subscriptions[f->n_subscriptions++] = arena_span(&f->arena, name);
}

void
folders_free(struct source_folders *f)
{
	mem_free(&f->all);
	mem_free(&f->subscriptions);
	arena_reset(&f->arena);
	*f = (struct source_folders){.n = 0};
}

/* ---- messages ---- */

int
listing_add(struct listing *l, const struct source_message *m)
{
	if (l->n == SOURCE_MESSAGES_MAX)
		return E_LIMIT;
	l->all = mem_room(l->all, l->n, &l->cap, sizeof *l->all);
	l->all[l->n++] = *m;
	return E_OK;
}

static int
by_uid(const void *x, const void *y)
{
	const struct source_message *a = x, *b = y;
	if (!a->uid != !b->uid)
		return a->uid ? -1 : 1;
	if (a->uid != b->uid)
		return a->uid < b->uid ? -1 : 1;
	if (a->date_sec != b->date_sec)
		return a->date_sec < b->date_sec ? -1 : 1;
	return span_cmp(a->key, b->key);
}

void
listing_sort(struct listing *l)
{
	size_t n = 0;
	if (l->n)
		qsort(l->all, l->n, sizeof *l->all, by_uid);
	for (size_t i = 0; i < l->n; i++) {
		bool is_again =
		    n && l->all[i].uid == l->all[n - 1].uid &&
		    (l->all[i].uid || span_eq(l->all[i].key, l->all[n - 1].key));
		l->n_wrong += is_again;
		if (!is_again)
			l->all[n++] = l->all[i];
	}
	l->n = n;
}

void
listing_free(struct listing *l)
{
	mem_free(&l->all);
	arena_reset(&l->arena);
	*l = (struct listing){.n = 0};
}
