/* SPDX-License-Identifier: ISC */
/* named.h - accounts that a command is about: those that are named, those of domains, or all. */
#ifndef CTL_NAMED_H
#define CTL_NAMED_H

#include "account/account.h"
#include "ctl/ctl.h"

struct named {
	const struct conf *conf; /* borrow */
	int n;
	char **names;       /* borrow: addresses and domains; none: all accounts */
	bool *is_found;     /* own; of each of these */
	struct arena arena; /* own */
	/* own; those that are meant: address, home, retention in the arena, no other spans */
	struct account *accounts;
	size_t n_accounts, cap;
};

struct named named_of(const struct conf *, int n, char **names);
void named_free(struct named *);
/* named_has - is this account meant? */
bool named_has(struct named *, struct span address);
/* named_has_domain - is it one of the names? */
bool named_has_domain(const struct named *, struct span domain);
/* named_take_domain - is it meant, by its name or as all are?  Then it is not missing */
bool named_take_domain(struct named *, struct span domain);
/* named_each - fn for each account that there is.  EX_OK, EX_NOINPUT (said) */
MUST_USE int named_each(
    struct merpati *, int (*fn)(void *ctx, const struct account *), void *ctx);
/*
 * named_choose - for named_each, ctx a struct named: those that are meant, in its accounts, for
 * what forks: no table is open then.  E_OK
 */
int named_choose(void *ctx, const struct account *);
struct span named_domain(struct span address); /* what is behind its @ */
/* named_say_missing - names that are no account's; status, or where that is EX_OK EX_NOUSER (said) */
MUST_USE int named_say_missing(const struct named *, int status);

#endif
