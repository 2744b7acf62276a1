/* SPDX-License-Identifier: ISC */
/* script_name.h - between a script's name and the name of its file.  Pure; see scripts.h. */
#ifndef SIEVE_SCRIPT_NAME_H
#define SIEVE_SCRIPT_NAME_H

#include "sieve/scripts.h"

/* sieve_name_to_file - appends "NAME.sieve".  E_OK, E_BAD (no valid name: nothing is appended) */
MUST_USE int sieve_name_to_file(struct span name, struct buf *out);
/* sieve_name_of_file - the other way round.  E_OK, E_BAD (no script's file; out has junk then) */
MUST_USE int sieve_name_of_file(struct span file, struct buf *out);

#endif
