/* SPDX-License-Identifier: ISC */
/* fetch_get.h - the role fetch asked by straight-line code, which no daemon has to. */
#ifndef TESTS_FETCH_GET_H
#define TESTS_FETCH_GET_H

#include "net/fetch.h"
#include "net/resolver.h"

/*
 * One who asks.  { .chan = -1 } is valid.  Its role's channels have "fetch", and "resolver" for
 * the addresses.
 */
struct fetcher {
	int chan; /* own; -1: none */
	struct buf in;
};

/*
 * fetch_get - https://HOST/PATH: looks up the addresses, then fetches.  An answer, whatever
 * happens.
 */
struct fetch_answer fetch_get(struct fetcher *, struct resolver *, struct span host,
    struct span path, struct arena *, int64_t deadline);

#endif
