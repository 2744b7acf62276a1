/* SPDX-License-Identifier: ISC */
/* error.h - what is wrong with a script: line and text, several of one check, with a bound. */
#ifndef SIEVE_ERROR_H
#define SIEVE_ERROR_H

#include "base/arena.h"
#include "base/buf.h"
#include "sieve/limits.h"

struct sieve_error {
	struct span script; /* its name; borrow: the arena below */
	unsigned line;      /* from 1; 0: of none */
	struct span text;
	bool is_warning;
};

/* {0} is a valid one. */
struct sieve_errors {
	struct arena arena; /* own */
	struct span script; /* borrow: the name of the script that is looked at now */
	struct sieve_error rows[SIEVE_ERRORS_MAX];
	size_t n;     /* of rows, warnings among them */
	size_t total; /* errors, those that found no room counted */
};

#define SIEVE_NO_MEMORY "the script needs too much memory"

void sieve_error(struct sieve_errors *, unsigned line, const char *fmt, ...) FMT(3, 4);
/* something to say that keeps no script from running; not counted in total */
void sieve_warning(struct sieve_errors *, unsigned line, const char *fmt, ...)
    FMT(3, 4);
/* sieve_errors_put - a line each: "NAME: line 3: error: ..." */
void sieve_errors_put(const struct sieve_errors *, struct buf *out);
void sieve_errors_reset(struct sieve_errors *); /* none, memory back */

#endif
