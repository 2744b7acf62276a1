/* SPDX-License-Identifier: ISC */
/*
 * nest.h - the role that holds the connections of sessions that sleep.  It knows of each what wakes
 * it, when its time is over, and bytes that it does not look into.  A byte of the client or a
 * change wakes it: the monitor makes a session of it again, a few at a time, the oldest first.
 */
#ifndef LOGIN_NEST_H
#define LOGIN_NEST_H

#include "proc/jail.h"

enum {
	NEST_WAKING_FACTOR = 2, /* at a time, for each processor */
	/* of an account, for changes: together they count as one.  monitor.h WAKE_BEHIND_MOST has room */
	NEST_TOGETHER_MOST = 16,
	/* one that was woken, and of which no word came: the next may wake all the same */
	NEST_WAKING_MS = 10000,
	NEST_RETIRED_MS = 200, /* until what nobody watches any more is closed */
	NEST_RETIRED_MOST =
	    160, /* of those; monitor.h SLEEPER_FDS_SPARE has room for them */
	NEST_TEXT_MAX = 200, /* octets of what a client is told */
};

/* What a client is told that is sent away, with its CRLF. */
struct nest_texts {
	const char *stops, *kicked, *idle;
};

int nest_prepare(void);
void nest_jail(struct jail *);
int nest_run(const struct nest_texts *); /* borrow: static */

#endif
