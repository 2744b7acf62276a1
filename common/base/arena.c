/* SPDX-License-Identifier: ISC */
/* arena.c - memory of one command. */
#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

enum { ARENA_BLOCK_BYTES = 1024, ARENA_ALIGN = 16 };

struct arena_block {
	struct arena_block *next; /* own */
	size_t used, cap;
	_Alignas(ARENA_ALIGN) char data[];
};

void *
arena_get(struct arena *a, size_t bytes)
{
	if (bytes > SIZE_MAX / 2)
		bug("arena request too large");
	size_t need = (bytes + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
	if (a->max_bytes &&
	    (need > a->max_bytes || a->used_bytes > a->max_bytes - need))
		return NULL;
	struct arena_block *b = a->blocks;
	if (!b || b->cap - b->used < need) {
		size_t cap = need > ARENA_BLOCK_BYTES ? need : ARENA_BLOCK_BYTES;
		b = mem_new(sizeof *b + cap);
		b->cap = cap;
		b->next = a->blocks;
		a->blocks = b;
	}
	void *p = b->data + b->used;
	b->used += need;
	a->used_bytes += need;
	return p;
}

struct span
arena_span(struct arena *a, struct span s)
{
	char *p = arena_get(a, s.n + 1);
	if (!p)
		return (struct span){"", 0};
	if (s.n)
		memcpy(p, s.p, s.n);
	return (struct span){p, s.n};
}

char *
arena_str(struct arena *a, struct span s)
{
	char *p = arena_get(a, s.n + 1);
	if (p && s.n)
		memcpy(p, s.p, s.n);
	return p;
}

void
arena_reset(struct arena *a)
{
	while (a->blocks) {
		struct arena_block *b = a->blocks;
		a->blocks = b->next;
		free(b);
	}
	a->used_bytes = 0;
}
