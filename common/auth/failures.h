/* SPDX-License-Identifier: ISC */
/*
 * failures.h - inside the role "auth": wrong passwords, counted by network, by login name, and by
 * (name, wrong password), for all daemons of the host in one file (bans.h).  They cost time, more each
 * time; then the network is banned, or the name is locked from networks that it never came from.
 *   - The same wrong password of the same name counts once: a device with an old password does not
 *     ban its office.
 *   - A name is locked by what strangers tried, from where it never came: who owns it logs in from
 *     where he logged in before, whatever they do.
 *   - Names and passwords are here as numbers that only who has STATE/auth_secret can make
 *     (verify_tag); the name of a lock is in plain.
 */
#ifndef AUTH_FAILURES_H
#define AUTH_FAILURES_H

#include "auth/bans.h"

enum {
	FAILURES_DOUBLINGS = 4, /* the delay is at most 16 times failure_delay */
	/* a wrong password, and where a name came from, are forgotten after this */
	FAILURES_KEEP_SEC = 30 * 86400,
	/* a good login is noted again after this */
	FAILURES_NOTE_SEC = 3600,
};

struct failure_rules {
	bool is_on;
	uint32_t ban_failures;  /* of a network in the window: it is banned */
	uint32_t lock_failures; /* of a name, by strangers: it is locked; 0: never */
	int64_t window_sec, ban_sec, ban_most_sec, delay_ms;
	struct nets exempt; /* own */
};

/* One attempt to log in.  borrow: all */
struct attempt {
	const char *client;    /* its address as text */
	struct span name;      /* as it was understood, for the log; may be empty */
	uint64_t name_tag;     /* 0: there is no name */
	uint64_t password_tag; /* 0: the password is not known (SCRAM, a token) */
};

struct failures;

/* failures_open - before the jail.  own; NULL: nothing is counted (logged) */
struct failures *failures_open(const struct conf *);
void failures_close(struct failures **);
struct failure_rules *failures_rules(struct failures *); /* borrow */
/*
 * failures_refuses - whether no password would be right now: the network is banned, or the name is
 * locked for it.  name_tag 0: the network alone.  Of NULL: false
 */
bool failures_refuses(const struct failures *, const struct attempt *, int64_t now_sec);
/*
 * failures_wrong - counts it; bans, locks and logs.  Blocks at most as bans_lock
 *   returns  how long the answer is to wait, in ms
 */
uint32_t failures_wrong(struct failures *, const struct attempt *, int64_t now_sec);
/*
 * failures_right - the name's own count goes; that of strangers too when it comes from a network that
 * was not known for it
 */
void failures_right(struct failures *, const struct attempt *, int64_t now_sec);

#endif
