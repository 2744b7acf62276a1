/* SPDX-License-Identifier: ISC */
/*
 * names.h - what a name stands for, wherever that is written: the alias file, the table of accounts
 * (merpati forward), the maps of alias_maps; in this order, and the first that has it counts.
 */
#ifndef ACCOUNT_NAMES_H
#define ACCOUNT_NAMES_H

#include "account/account.h"

struct names;

/* names_new - own; its maps are opened here when a role of their own is not to be asked */
struct names *names_new(const struct conf *, bool has_role);
void names_free(struct names **);
/*
 * names_begin - a verdict begins: the alias file is looked at again, and from now on the maps have
 * MAPS_WAIT_MS for all that is asked of them
 */
void names_begin(struct names *);
/*
 * names_find - the targets, as in the alias file (account/alias.h: alias_next_target).
 *   name      in lower case: an address, a local part, or "@domain": all of that domain which is
 *             nobody else
 *   accounts  borrow; NULL: there is no table
 *   out       borrow: until names_begin, or of the arena
 *   is_of_file  the alias file has it: it alone may name files (":include:"), as others than root may
 *             write into tables and maps
 *   returns   E_OK, E_BAD (it is no alias), E_IO (one that might know did not answer).  Blocks on
 *             files, and on the maps
 */
MUST_USE int names_find(struct names *, struct accounts *, struct span name,
    struct arena *, struct span *out, bool *is_of_file);

#endif
