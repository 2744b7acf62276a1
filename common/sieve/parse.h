/* SPDX-License-Identifier: ISC */
/* parse.h - tokens to a tree: what is there, whatever it means.  RFC 5228 8.2. */
#ifndef SIEVE_PARSE_H
#define SIEVE_PARSE_H

#include "sieve/error.h"
#include "sieve/tree.h"

/*
 * sieve_parse - a script's commands.
 *   script   borrow: names in the tree point into it
 *   arena    all else; out of memory is an error of the script
 *   errors   with lines; the parser goes on behind the command that is wrong
 *   returns  E_OK, E_BAD (said), E_LIMIT (said: too long, too deep, too much)
 */
MUST_USE int sieve_parse(
    struct span script, struct arena *, struct sieve_errors *, struct sieve_node **out);

#endif
