/* SPDX-License-Identifier: ISC */
/* named.c - accounts that a command is about. */
#include "ctl/named.h"

#include <string.h>

#include "conf/domain.h"
#include "ctl/user.h"

struct named
named_of(const struct conf *conf, int n, char **names)
{
	return (struct named){
	    .conf = conf, .n = n, .names = names, .is_found = mem_new((size_t)n + 1)};
}

void
named_free(struct named *c)
{
	arena_reset(&c->arena);
	mem_free(&c->is_found);
	mem_free(&c->accounts);
}

struct span
named_domain(struct span address)
{
	size_t at = span_rfind(address, '@');
	return span_from(address, at < address.n ? at + 1 : at);
}

static bool
names_it(const struct named *c, const char *name, struct span address)
{
	struct buf one = {0};
	bool is_domain = strchr(name, '@') == NULL;
	domain_address_put(c->conf, span_of(name), &one);
	bool is_it = is_domain ? domain_same(span_of(name), named_domain(address))
	                       : span_eq(buf_as_span(&one), address);
	buf_free(&one);
	return is_it;
}

bool
named_has(struct named *c, struct span address)
{
	bool is = c->n == 0;
	for (int i = 0; i < c->n; i++)
		if (names_it(c, c->names[i], address))
			is = c->is_found[i] = true;
	return is;
}

bool
named_has_domain(const struct named *c, struct span domain)
{
	for (int i = 0; i < c->n; i++)
		if (!strchr(c->names[i], '@') &&
		    domain_same(span_of(c->names[i]), domain))
			return true;
	return false;
}

bool
named_take_domain(struct named *c, struct span domain)
{
	bool is = c->n == 0;
	for (int i = 0; i < c->n; i++)
		if (!strchr(c->names[i], '@') &&
		    domain_same(span_of(c->names[i]), domain))
			is = c->is_found[i] = true;
	return is;
}

int
named_each(struct merpati *ctl, int (*fn)(void *ctx, const struct account *), void *ctx)
{
	struct accounts *accounts = NULL;
	int status = user_accounts(ctl, &accounts);
	if (status == EX_OK && accounts_each(accounts, fn, ctx) != E_OK) {
		ctl_say("the table of accounts cannot be read");
		status = EX_NOINPUT;
	}
	accounts_close(&accounts);
	return status;
}

int
named_choose(void *ctx, const struct account *a)
{
	struct named *c = ctx;
	if (!named_has(c, a->address))
		return E_OK;
	c->accounts =
	    mem_room(c->accounts, c->n_accounts, &c->cap, sizeof *c->accounts);
	struct account *to = &c->accounts[c->n_accounts++];
	*to = *a;
	to->address = arena_span(&c->arena, a->address);
	to->home = arena_span(&c->arena, a->home);
	to->retention = arena_span(&c->arena, a->retention);
	return E_OK;
}

int
named_say_missing(const struct named *c, int status)
{
	for (int i = 0; i < c->n; i++)
		if (!c->is_found[i]) {
			ctl_say("there is no account %s%s",
			    strchr(c->names[i], '@') ? "" : "of ", c->names[i]);
			status = status == EX_OK ? EX_NOUSER : status;
		}
	return status;
}
