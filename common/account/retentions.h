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

/* retentions_load - in place of what is there.  E_OK, E_IO (there are none then) */
MUST_USE int retentions_load(struct accounts *, struct retentions *);
void retentions_free(struct retentions *);
/* retentions_of - those of the domain of an address, "rule\n" each; borrow */
struct span retentions_of(const struct retentions *, struct span address);

#endif
