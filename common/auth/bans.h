/* SPDX-License-Identifier: ISC */
/*
 * bans.h - who may not come for a time: the file STATE/auth_failures, one for all daemons of the
 * host.  Its owner is user_auth; auth processes (failures.h) and the command write it, under a lock
 * that the kernel takes back from who dies.  Fronts map it before their jail, to read alone, and look
 * at each accept: no system call.  A row carries a checksum, so what is half written or damaged is no
 * ban; a file whose head is not ours is made anew, which is logged.  Nothing is synced: after a power
 * cut the last bans may be missing.
 */
#ifndef AUTH_BANS_H
#define AUTH_BANS_H

#include "base/buf.h"
#include "login/nets.h"

struct conf;

enum {
	BANS_SETS = 1024, /* places for 8,192 bans */
	BANS_WAYS = 8,
	BAN_TEXT_MAX = 104, /* bytes with NUL */
	/* a clock that was set back by no more ends no ban */
	BANS_SLACK_SEC = 300,
	BANS_LOCK_TRIES = 2000,
	BANS_OPEN_TRIES = 10000, /* another daemon makes it just now */
	BANS_LOCK_WAIT_US = 100,
	BANS_NET4_BITS =
	    128, /* what is banned for failures: an IPv4 address (mapped), */
	BANS_NET6_BITS = 64, /* or the /64 of an IPv6 address */
};

enum ban_kind {
	BAN_FAILURES = 1, /* a network: too many wrong passwords came from there */
	BAN_ADMIN,        /* a network: somebody said so */
	BAN_LOCK,         /* a login name, from networks that it never came from */
};

struct ban {
	enum ban_kind kind;
	struct net net;               /* of BAN_LOCK: b is a keyed hash of the name */
	int64_t since_sec, until_sec; /* wall clock */
	uint32_t count;               /* wrong passwords that led to it */
	uint32_t times;               /* it was banned so often, each time longer */
	char text[BAN_TEXT_MAX]; /* why, as an admin said it; the name that is locked */
};

struct bans;

/*
 * bans_open - with the monitor's rights, before a jail; the file is made if it is not there, or made
 * anew if it is damaged.
 *   may_write  false: this process can never write it
 *   own        NULL: there is none (logged): nobody is banned, nothing is counted
 */
struct bans *bans_open(const struct conf *, bool may_write);
void bans_close(struct bans **);
/*
 * bans_has - a network that this address is in, as text, is banned now; of several one that an admin
 * said, if there is one.  E_OK, E_BAD (none is)
 */
MUST_USE int bans_has(
    const struct bans *, const char *address, int64_t now_sec, struct ban *out);
/*
 * bans_refuse - of a front, for a client whose address is known now: whether it is banned, and not of
 * ban_exempt.  Then one line of log, and it is counted
 */
bool bans_refuse(const struct bans *, const struct conf *, const char *address);
/* bans_find - this very network or name, in force or not long over.  E_OK, E_BAD */
MUST_USE int bans_find(
    const struct bans *, enum ban_kind, const struct net *, struct ban *out);
bool ban_is_in_force(const struct ban *, int64_t now_sec);
/* bans_net_of - what is banned for failures from this address.  E_OK, E_BAD (no address) */
MUST_USE int bans_net_of(const char *address, struct net *out);

/* ---- for who may write ---- */
/* bans_lock - waits at most BANS_LOCK_TRIES * BANS_LOCK_WAIT_US.  E_OK, E_LIMIT; logged */
MUST_USE int bans_lock(struct bans *);
void bans_unlock(struct bans *);
/* bans_put - instead of the one of the same network, or name.  Locked.  E_OK, E_LIMIT (no room: an
 * admin's bans are never forgotten for others) */
MUST_USE int bans_put(struct bans *, const struct ban *, int64_t now_sec);
/* bans_remove - locked.  E_OK, E_BAD (there is none) */
MUST_USE int bans_remove(struct bans *, const struct ban *);
/* bans_each - those that can be read, over or not; each returns E_OK to go on.  What it said last */
MUST_USE int bans_each(
    const struct bans *, int (*each)(void *ctx, const struct ban *), void *ctx);
/* ban_put_who - the network or the name, as people write it */
void ban_put_who(const struct ban *, struct buf *out);

#endif
