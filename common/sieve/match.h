/* SPDX-License-Identifier: ISC */
/* match.h - wildcards of :matches, on octets.  RFC 5228 2.7.1, RFC 5229 3.2. */
#ifndef SIEVE_MATCH_H
#define SIEVE_MATCH_H

#include "sieve/limits.h"

/*
 * wildcard_match - does the pattern, "*", "?" and backslashes in it, match the whole text?  Each "*"
 * takes the least that it can.
 *   is_any_case  ASCII letters
 *   is_octets    "?" is an octet, else a character of UTF-8
 *   values       what the wildcards matched, the whole first; at most max of them
 *   work         done is added to: what it compared, at most once more than its most
 *   returns      E_OK, E_MORE (no match), E_LIMIT (given up)
 */
MUST_USE int wildcard_match(struct span text, struct span pattern, bool is_any_case,
    bool is_octets, struct span *values, size_t max, size_t *n_values,
    struct sieve_work *work);

#endif
