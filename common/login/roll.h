/* SPDX-License-Identifier: ISC */
/*
 * roll.h - who is connected to all fronts of a daemon: from each address (peer.h: its key), and in
 * all.  Each front keeps its own count to itself and writes a copy to its page of memory that all
 * fronts share; the others count what stands there.  A front that was taken over can write there
 * what it likes: the others then count wrongly, no more.  A front that dies leaves its page to the
 * monitor, which strikes it out.  A reload begins a new roll: fronts that drain count among
 * themselves.
 */
#ifndef LOGIN_ROLL_H
#define LOGIN_ROLL_H

#include <sys/types.h>

#include "base/base.h"

struct conf;

/* beside the most fronts: those that died and are not struck out yet */
enum { ROLL_PAGES_SPARE = 8 };

/* ---- in the monitor ---- */
/*
 * roll_new - before the first front: connections_most and connections_per_address of this section,
 * and the settings of it that say how many connections a front has at most, and how many fronts
 * there are.  No memory: dies
 */
void roll_new(const struct conf *, const char *section, const char *per_front,
    const char *fronts);
void roll_strike(pid_t); /* a process ended; nothing, when it had no page */

/* ---- in a front ---- */
/* roll_sign - takes a page.  E_OK, E_LIMIT (all are taken) */
MUST_USE int roll_sign(void);
/*
 * roll_enter - E_OK, E_LIMIT (too many in all), E_DENY (too many from there); only E_OK counts it.
 * Two that come at the same moment for the last place may both be refused, never both let in
 */
MUST_USE int roll_enter(uint64_t key);
void roll_leave(uint64_t key); /* one that entered here */

/* ---- in all others: before they do anything (on_born) ---- */
void roll_close(void); /* not theirs to see */

#endif
