/* SPDX-License-Identifier: ISC */
/*
 * check.h - a script made a program that can run: parsed, every word bound to its row, every
 * argument to its place, constants looked at.  A program is cheap to make (README), so it is made
 * anew from the script's text each time; what is stored is the text.
 */
#ifndef SIEVE_CHECK_H
#define SIEVE_CHECK_H

#include "sieve/error.h"
#include "sieve/ext.h"
#include "sieve/tree.h"

struct sieve_dialect;

/* What a script is checked against. */
struct sieve_checking {
	const struct sieve_limits *limits; /* borrow; NULL: the default */
	uint64_t exts;                     /* what may be required; 0: SIEVE_EXTS_ALL */
	const struct sieve_dialect *dialect; /* borrow; or NULL */
	struct span name;                    /* of the script, for errors; or empty */
	/*
	 * script - the text of an included one, put into out.  location "personal" or "global".
	 * E_OK, E_MORE (there is none), E_IO.  NULL: what is included is not looked at, as when a
	 * script is uploaded before those it includes (RFC 6609 3.2).
	 */
	int (*script)(
	    void *ctx, struct span location, struct span name, struct buf *out);
	void *ctx;
	/* a script that is not there is an error of the check, not of the run that gets to it */
	bool needs_includes;
};

struct sieve_program {
	struct arena arena; /* own: all below */
	struct sieve_script *main;
	unsigned n_scripts, n_globals;
	struct sieve_limits limits;
	const struct sieve_dialect *dialect; /* borrow */
	uint64_t exts; /* that it or an included script requires */
};

/*
 * sieve_compile - parses and checks.
 *   script   copied where it is needed: may go
 *   errors   {0} or with what was found before
 *   returns  E_OK and a program, to be freed by sieve_program_free; E_BAD, E_LIMIT (said in errors;
 *            *out is NULL)
 */
MUST_USE int sieve_compile(struct span script, const struct sieve_checking *,
    struct sieve_errors *, struct sieve_program **out);
void sieve_program_free(struct sieve_program **); /* NULL is fine */

#endif
