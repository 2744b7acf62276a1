/* SPDX-License-Identifier: ISC */
/*
 * dial.h - the process that opens connections to the services of the configuration (milters, policy
 * services) for sessions, which may open none, and how it is asked.  It connects to what the
 * settings name and to nothing else, hands the descriptor over, and reads none of what is said
 * there.
 */
#ifndef SMTPD_DIAL_H
#define SMTPD_DIAL_H

#include "proc/daemon.h"

struct jail;

enum {
	DIAL_WHERE_MAX = 128,    /* bytes of "unix:/PATH" or "inet:ADDRESS:PORT" */
	DIALS_OF_ONE_MOST = 600, /* of one who asks, in ASK_TIMES_WINDOW_SEC */
	DIALS_MOST = 6000,       /* of all who ask, in that time */
};

/* ---- the asking side: blocks, for straight-line code ---- */

/* One who asks.  { .chan = -1 } is valid: the channel is made when it is first needed. */
struct dialer {
	int chan; /* own; -1: none */
	struct buf in;
};

void dialer_done(struct dialer *);
/*
 * dial - a connection to a service.
 *   where    as the settings name it (service.where of conf/service.h)
 *   out      own: connected, non-blocking
 *   returns  E_OK, E_LIMIT (not by deadline, or too many connections are asked for), E_IO (nobody
 *            is there), E_DENY (not in the settings of that process)
 */
MUST_USE int dial(struct dialer *, struct span where, int64_t deadline, int *out);

/* ---- the role: {.name = "dial", .user = USER_NET, .at_start = 1, ...} ---- */

enum dial_asks {
	/* str where -> u8 result (0: E_OK, else its negation), fd, which may still be connecting */
	DIAL_OPEN = 1,
};

void dial_jail(struct jail *);
int dial_run(void);
const struct ask_table *dial_table(unsigned kind);

/*
 * What the role asks of the monitor in its turn, as it has no file system: str where -> u8 result,
 * fd; behind those of logins in struct daemon's extra_asks
 */
enum { DIAL_UNIX = MON_EXTRA + 5 };
extern const struct ask_row dial_extra[1];

#endif
