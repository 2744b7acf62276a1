/* SPDX-License-Identifier: ISC */
/*
 * sleep.h - a session gives its connection to the nest and ends; the nest can only have it woken
 * again: the monitor knows whose it is (proc/monitor.h, struct sleeper).  What the session must
 * know then (state) is in the nest's hands meanwhile: its reader takes it for hostile.  What the
 * monitor was told of the client at its login stays with the monitor.
 */
#ifndef LOGIN_SLEEP_H
#define LOGIN_SLEEP_H

#include "login/ticket.h"

enum {
	SLEEP_STATE_MAX = 52000, /* bytes: with the client's facts in CHILD_ABOUT_MAX */
	SLEEP_FACTS_MAX = 2048,
	SLEEP_LINGER_MS = 100, /* who wakes next is of the same account perhaps */
};

/* Asks of the monitor, behind those of login_rows. */
enum sleep_ask {
	/*
	 * session: fd, what wakes those that sleep from now on beside their clients: all of them,
	 * until there is another one.  No reply
	 */
	SLEEP_WATCH = LOGIN_ASKS_END,
	/*
	 * session: str facts, u8 is_watched (by what SLEEP_WATCH told), u64 deadline (monotonic,
	 * ms), u8 is_deflated, str state, fd -> u8 done.  Then it has no client: the next one of its
	 * account may come before the answer
	 */
	SLEEP_BEGIN,
	/*
	 * the same of one that was woken, has told its client what there was, and goes on with the
	 * next one at once.  No reply: where it cannot sleep, it gets a session again
	 */
	SLEEP_AGAIN,
	SLEEP_AWAKE, /* session: it has told its client what there was.  No reply */
	/*
	 * nest: id, u8 is_change (not its client's bytes), str state, fd.  No reply: NEST_AWAKE
	 * comes, whatever happens
	 */
	SLEEP_WAKE,
	SLEEP_ENDED, /* nest: id.  Its client left, or was sent away.  No reply */
	SLEEP_ASKS_END
};

extern const struct ask_row sleep_rows[SLEEP_ASKS_END - LOGIN_ASKS_END];

/* A session as it goes to sleep. */
struct sleeping {
	int fd;             /* borrow: its connection */
	int watch;          /* borrow; -1: only its client wakes it */
	bool is_watch_told; /* it is the same as the last one of this process */
	bool is_woken;    /* and was not told to be awake: nobody waits for an answer */
	int64_t deadline; /* then its client is sent away */
	bool
	    is_deflated; /* what its client is told is raw DEFLATE, from a whole octet on */
	struct span state;
};

/* How the monitor passes one that wakes: kind and about of CTL_CLIENT; 0 is a login. */
enum { CLIENT_WOKEN = 1 };

void woken_put(struct buf *, struct span facts, struct span state);
/* E_OK, E_BAD; borrows */
MUST_USE int woken_get(struct span, struct login_client *out, struct span *state);
/*
 * sleep_begin - in the session, of the client whose facts these are.  At E_OK the connection is the
 * nest's: close it and end.  E_OK, E_LIMIT (not now); E_MORE (the monitor was asked, and says
 * nothing: the connection may be the nest's, or will be; close it, and serve nobody any more)
 */
MUST_USE int sleep_begin(const struct login_client *, const struct sleeping *);
void sleep_awake(void); /* in a session that was woken: the next one may be */

#endif
