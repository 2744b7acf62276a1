/* SPDX-License-Identifier: ISC */
/*
 * template.h - a query with places for the key (pure):
 *   %s  all of it     %u  what stands before its last @     %d  what stands behind     %%  a %
 */
#ifndef MAPS_TEMPLATE_H
#define MAPS_TEMPLATE_H

#include "base/buf.h"
#include "maps/driver.h"

enum { TEMPLATE_MAX = 4096 };

/*
 * template_check - NULL, or what is wrong with it, as a static text.  In SQL the places must stand
 * within '': elsewhere a key could be more than a value
 */
const char *template_check(struct span, enum map_escape);
/*
 * template_expand - of one that template_check took.  E_OK; E_BAD: the key has no such part, is not
 * UTF-8, or has a control character, or a \ for SQL: it is in no map; E_LIMIT: out is full
 */
MUST_USE int template_expand(
    struct span, enum map_escape, struct span key, struct buf *out);

#endif
