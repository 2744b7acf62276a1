/* SPDX-License-Identifier: ISC */
/* find.h - a search in text, at the speed of memory. */
#ifndef MIME_FIND_H
#define MIME_FIND_H

#include "base/span.h"

enum { FIND_WORK_MAX = 12 };

/* find_bytes - is the needle in it?  An empty one is in everything. */
bool find_bytes(struct span haystack, struct span needle);
/*
 * find_any_case - the same, ASCII letters in any case; those of the needle in upper case, as
 * casemap_fold makes them
 */
bool find_any_case(struct span haystack, struct span needle);
/*
 * find_counted - one or the other; work: added, the octets compared, at most FIND_WORK_MAX for each
 * octet of both, whatever they are
 */
bool find_counted(
    struct span haystack, struct span needle, bool is_any_case, uint64_t *work);

#endif
