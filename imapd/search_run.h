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
	/* own: how much each is what was looked for, 1 to 100 (RFC 6203); NULL: none was fuzzy */
	uint8_t *scores;
	size_t scores_cap;
	/* messages below were not looked at; lowest: UID of the last that was, 0: all were */
	uint32_t least, lowest;
};

/* After what was made of it (an order, threads) was freed: of many messages all of that goes back to the system. */
void found_free(struct found *);

/* Where a search may stop: what it need not find is not in what it found. */
struct search_stop {
	unsigned ends; /* RETURN_MIN, RETURN_MAX: these are enough */
	/* borrow: a window is enough (where ends is 0): the first, or the last, up to its end; NULL */
	const struct partial *partial;
};

/*
 * search_run - blocks on files; looks up now and then (look.h).
 *   stop     NULL: all are found
 *   returns  R_DONE, or the reply of the command: R_LIMIT, R_NONE, R_LATER
 */
enum reply search_run(struct session *, const struct search *,
    const struct search_stop *stop, struct found *out);
/*
 * search_run_whole - the same for what is told in an order, of which half is none: R_LIMIT (said)
 * where not all messages may be looked at, RFC 9738 3.3
 */
enum reply search_run_whole(struct session *, const struct search *, struct found *out);

#endif
