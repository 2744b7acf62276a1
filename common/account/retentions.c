/* SPDX-License-Identifier: ISC */
/* retentions.c - the rules of retention of all domains. */
#include "account/retentions.h"

#include <stdlib.h>

struct load {
	struct retentions *into; /* borrow */
	int (*fn)(void *ctx, const struct account *);
	void *ctx;
};

static int
add(void *ctx, struct span domain, struct span rules)
{
	struct retentions *r = ((struct load *)ctx)->into;
	r->all = mem_room(r->all, r->n, &r->cap, sizeof *r->all);
	r->all[r->n++] = (struct retentions_row){
	    arena_span(&r->arena, domain), arena_span(&r->arena, rules)};
	return E_OK;
}

void
retentions_free(struct retentions *r)
{
	arena_reset(&r->arena);
	mem_free(&r->all);
	r->n = r->cap = 0;
}

static int
tell(void *ctx, const struct account *a)
{
	struct load *l = ctx;
	return l->fn(l->ctx, a);
}

int
retentions_load(struct accounts *accounts, struct retentions *r,
    int (*fn)(void *ctx, const struct account *), void *ctx)
{
	struct load l = {r, fn, ctx};
	retentions_free(r);
	return account_retentions_first(accounts, add, fn ? tell : NULL, &l);
}

/* The table has them in this order. */
static int
by_domain(const void *key, const void *row)
{
	const struct span *domain = key;
	const struct retentions_row *r = row;
	return span_cmp(*domain, r->domain);
}

struct span
retentions_of(const struct retentions *r, struct span address)
{
	struct span domain = span_from(address, span_rfind(address, '@') + 1);
	const struct retentions_row *row =
	    r->n ? bsearch(&domain, r->all, r->n, sizeof *r->all, by_domain) : NULL;
	return row ? row->rules : SPAN("");
}
