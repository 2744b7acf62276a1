/* SPDX-License-Identifier: ISC */
/*
 * lists.h - lists that scripts test and redirect to (RFC 6134): those of the site (setting
 * sieve_lists), and behind them the user's own, files in HOME/sieve/lists, as "NAME" or
 * ":addrbook:NAME".  In an agent.
 *
 * What a file says, and what may be its name: sieve/lists.h.  What the site calls an address has the
 * members that mail to it goes to, and only the role lookup knows who they are: it is asked about one
 * at a time, and never tells them all.
 */
#ifndef DELIVER_LISTS_H
#define DELIVER_LISTS_H

#include "base/arena.h"
#include "base/buf.h"

struct conf;

enum {
	LISTS_MOST = 64,           /* of the site */
	LISTS_READ_MAX = 16 << 20, /* of all files for one message */
	/* octets that are looked through for one message, by all tests; later ones find nothing */
	LISTS_LOOKED_MAX = 64 << 20,
	/* about how many values the role lookup is asked for one message; later ones are in no list */
	LISTS_ASKED_MOST = 200,
};

/* lists_prepare - opens the site's files, with the monitor's rights; logged what cannot be */
void lists_prepare(const struct conf *);
/* lists_begin - for a message: what was read for the last one is forgotten */
void lists_begin(void);
void lists_end(void);

/* ---- callbacks of sieve/run.h; what cannot be known now is logged, and false ---- */
bool lists_exists(void *ctx, struct span list);
bool lists_has(void *ctx, struct span list, struct span value);
/*
 * lists_members - where to send what is redirected to a list: the site's address, or the members of
 * a file that are addresses.
 *   most     of them
 *   out      arena
 *   returns  E_OK, E_BAD (there is no such list, or nobody in it), E_LIMIT (too many, or most is 0), E_IO
 */
MUST_USE int lists_members(
    struct span list, struct arena *, size_t most, struct span **out, size_t *n_out);
/* lists_self_test - the site's files can be read.  E_OK; E_BAD with lines in errors */
MUST_USE int lists_self_test(const struct conf *, struct buf *errors);

#endif
