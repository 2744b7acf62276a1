/* SPDX-License-Identifier: ISC */
/*
 * retention.h - who carries out the rules of the setting retention: the role retention owns the
 * clock and knows the accounts, and has one retainer after another, each with the uid of a mailbox,
 * jailed to it.  When a run was last over is a file of the mailbox (store/retention.h), so nothing
 * else has to be remembered.
 */
#ifndef DELIVER_RETENTION_H
#define DELIVER_RETENTION_H

#include "proc/jail.h"

struct ask_row;
struct conf;
struct role;

enum {
	RETENTION_ACCOUNTS_MOST = 1000000,
	/* of one account; then the next one's turn is, and it goes on tomorrow */
	RETAINER_TIME_MS = 3600000,
	RETAINERS_MOST =
	    4, /* at once: the one of now, and those that are about to end */
	RETAINER_TIMES = 60000,
	/* a clock that jumped further is wrong, or was: it may be set again before anything goes */
	RETENTION_JUMP_SEC = 3600,
	RETENTION_HOLD_MS = 3600000,
	RETENTION_LOOK_MS = 10000, /* between two looks at the clock */
};

/* retention -> retainer */
enum {
	RETAIN = 1, /* u8 enum retain -> u8 enum retained */
};

enum retain {
	RETAIN_RUN,
	/* other rules than last time, or the first time: they wait for the next hour */
	RETAIN_NOTE,
};

enum retained { RETAINED_DONE, RETAINED_NOT };

/* retention_is_off - there is no rule */
bool retention_is_off(const struct conf *);

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
