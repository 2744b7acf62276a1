/* SPDX-License-Identifier: ISC */
/*
 * retention.h - who carries out rules of retention: the role retention owns the
 * clock and knows the accounts, and has one retainer after another, each with the uid of a mailbox,
 * jailed to it.  When a run was last over is a file of the mailbox (store/retention.h), so nothing
 * else has to be remembered.
 */
#ifndef DELIVER_RETENTION_H
#define DELIVER_RETENTION_H

#include "proc/jail.h"

struct ask_row;
struct role;

enum {
	RETENTION_ACCOUNTS_MOST = 1000000,
	/* of one account; then the next one's turn is, and it goes on tomorrow */
	RETAINER_TIME_MS = 3600000,
	/* the same where it is silent: its user may have stopped it, or its file system hangs */
	RETAINER_QUIET_MS = 300000,
	RETAINER_TELLS_MS = 10000, /* between two words that it goes on */
	/* at once: the one of now, and those that are about to end; past that the oldest is killed */
	RETAINERS_MOST = 4,
	RETAINER_TIMES = 60000,
	/* a clock that jumped further is wrong, or was: it may be set again before anything goes */
	RETENTION_JUMP_SEC = 3600,
	RETENTION_HOLD_MS = 3600000,
	/*
	 * The same of a clock that, at our start, is further past what a mailbox knows of the time:
	 * more than a night that was missed
	 */
	RETENTION_STALE_SEC = 2 * 86400,
	RETENTION_LOOK_MS = 10000, /* between two looks at the clock */
	/* what failed, and may not the next time, is tried so often in all, so long after */
	RETENTION_TRIES = 3,
	RETENTION_AGAIN_MS = 600000,
};

/* retention -> retainer */
enum {
	/*
	 * u8 enum retain, u64 now in sec, str rules of the account, str those of its domain -> u8 enum
	 * retained, RETAINED_GOES_ON any number of times first
	 */
	RETAIN = 1,
};

enum retain {
	RETAIN_RUN,
	/* other rules than last time, or the first time: they wait for the next hour */
	RETAIN_NOTE,
};

enum retained {
	RETAINED_DONE,
	RETAINED_NOT,     /* it may be, another time */
	RETAINED_REFUSED, /* something of it, as it will be the next time */
	RETAINED_GOES_ON,
};

/* the role retention */
int retention_prepare(void);
void retention_jail(struct jail *);
int retention_role_run(void);

/* the role retainer */
int retainer_prepare(void);
void retainer_jail(struct jail *);
int retainer_run(void);

/* of the monitor: DELIVER_RETAINER */
extern const struct ask_row deliver_retainer_row;
extern const struct role *deliver_retainer_role; /* set by main */

#endif
