/* SPDX-License-Identifier: ISC */
/*
 * regex.h - regular expressions of scripts: the extended ones of POSIX, and what GNU adds.  The one
 * door to pcre2.  A pattern is translated first, so that nothing of Perl's (look-around,
 * conditions, recursion, code) can be said; a match has limits in work and memory, whatever the text
 * and wherever the match begins.
 * Where several alternatives fit, the first one that does is taken, not the longest.
 */
#ifndef SIEVE_REGEX_H
#define SIEVE_REGEX_H

#include "base/arena.h"
#include "base/buf.h"
#include "sieve/limits.h"

struct regex; /* in an arena: nothing to free */

/*
 * regex_compile
 *   is_any_case  letters in any case
 *   is_octets    characters are octets; else UTF-8, and octets that are none match nothing
 *   arena        of the compiled pattern; NULL past its max
 *   why          what is wrong, for people
 *   returns      E_OK, E_BAD, E_LIMIT (too long, too large)
 */
MUST_USE int regex_compile(struct span pattern, bool is_any_case, bool is_octets,
    struct arena *, struct regex **out, struct buf *why);
/* regex_size - octets of it compiled: what compiling it was worth */
size_t regex_size(const struct regex *);
/*
 * regex_match - anywhere in the first SIEVE_REGEX_TEXT_BYTES_MAX octets of the text.
 *   groups   what the whole and each group matched; { "", 0 } for a group that did not take part;
 *            borrow: text.  At most max
 *   work     done is added to: octets compared, and what the matcher's steps cost beside them
 *   returns  E_OK, E_MORE (no match), E_LIMIT (given up: past SIEVE_REGEX_WORK_MAX, or work's most)
 */
MUST_USE int regex_match(const struct regex *, struct span text, struct arena *scratch,
    struct span *groups, size_t max, size_t *n_groups, struct sieve_work *work);

#endif
