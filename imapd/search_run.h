/* SPDX-License-Identifier: ISC */
/*
 * search_run.h - finds the messages that a search looks for.  What the records answer is asked
 * first, then what the cache items answer, then what needs the file; no more than is needed to
 * tell.  Dates are days in UTC, as FETCH says INTERNALDATE and SAVEDATE in UTC; SENTON and the like
 * take the Date field as it is written.  An expunged message, and one whose file is gone though a
 * key needs it, are never found.
 */
#ifndef IMAPD_SEARCH_RUN_H
#define IMAPD_SEARCH_RUN_H

#include "imapd/respond.h"
#include "imapd/search_parse.h"

/* Sequence numbers, ascending. */
struct found {
	uint32_t *seqs; /* own */
	size_t n, cap;
};

void found_free(struct found *);

/*
 * search_run - blocks on files; looks up now and then (look.h).
 *   ends     RETURN_MIN, RETURN_MAX: these are enough, the search stops there, the others are not
 *            in out; 0: all
 *   returns  R_DONE, or the reply of the command: R_BAD_SEQUENCE, R_NONE, R_LATER
 */
enum reply search_run(
    struct session *, const struct search *, unsigned ends, struct found *out);

#endif
