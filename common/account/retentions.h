/* SPDX-License-Identifier: ISC */
/*
 * retentions.h - the rules of retention of all domains that have some in the table of accounts, for
 * who goes through many accounts.
 */
#ifndef ACCOUNT_RETENTIONS_H
#define ACCOUNT_RETENTIONS_H

#include "account/account.h"

struct retentions {
	struct arena arena; /* own */

	struct retentions_row {
		struct span domain, rules; /* borrow: the arena */
	} * all;                           /* own; by domain */

	size_t n, cap;
};

/*
 * retentions_load - in place of what is there; with fn for each account as it was at the same moment,
 * when all of these are there.  fn: may be NULL.  E_OK, E_IO, or what fn returned, which ends it
 */
MUST_USE int retentions_load(struct accounts *, struct retentions *,
    int (*fn)(void *ctx, const struct account *), void *ctx);
void retentions_free(struct retentions *);
/* retentions_of - those of the domain of an address, "rule\n" each; borrow */
struct span retentions_of(const struct retentions *, struct span address);

#endif
