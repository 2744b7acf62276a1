/* SPDX-License-Identifier: ISC */
/*
 * shares.h - between a session and mailboxes of other accounts: the role "shares" knows who gave
 * anything to whom and looks accounts up, the role "door" is a process of the other account that
 * hands a channel of its keeper out (store/door.h).
 *   session -> monitor  SHARE_CHANNEL: a channel to shares, on which the monitor said first whose it is
 *   session -> shares   SHARES_LIST, SHARES_OPEN, SHARES_UIDS
 *   shares -> monitor   SHARE_FORK: a door of that account, for this guest
 *   door -> shares      DOOR_OPEN, once: who was given anything, and the channel
 * A session that was taken over gets, of another account's, what its keeper gives this guest; it
 * cannot say that it is somebody else, and hears of nobody who gave it nothing more than whether an
 * address of its domain has an account, as a RCPT tells anybody, and its uid.  The role shares
 * names uid and home, as auth does (login/ticket.h).
 */
#ifndef IMAPD_SHARES_H
#define IMAPD_SHARES_H

#include "account/account.h"
#include "login/sleep.h"
#include "store/door.h"

enum share_ask {
	SHARE_CHANNEL = SLEEP_ASKS_END, /* session: -> u8 result, fd */
	/* shares: u32 uid, u32 gid, str home, str address, what door_terms_put says, fd -> u8 result */
	SHARE_FORK,
	SHARE_ASKS_END
};

extern const struct ask_row share_rows[SHARE_ASKS_END - SLEEP_ASKS_END];
extern const struct role *shares_role, *door_role; /* set by the daemon's main */

enum shares_ask {
	SHARES_WHO =
	    1, /* the monitor's, before anything else: str address, u32 pid.  No reply */
	SHARES_LIST, /* -> n x str: local parts of those who gave this account anything */
	/*
	 * str local part, u8 is_deposit -> u8 enum share_said, fd.  Of its own: nothing is handed out,
	 * but who was given anything is known then
	 */
	SHARES_OPEN,
	/*
	 * n x str local part -> n x u32 uid; 0: there is no such account.  For what is given to an
	 * address: whose it is (store/rights.h)
	 */
	SHARES_UIDS,
	SHARES_ASKS
};

enum share_said { SHARE_DONE, SHARE_NONE, SHARE_LATER };

enum { DOOR_OPEN = 1 /* n x str identifier, fd: the channel.  No reply */ };

enum {
	SHARES_OWNERS_MOST = 100, /* that one account is told of */
	SHARES_OPENS_MOST =
	    3000, /* a session, in a minute; as many lists, and asks for uids */
	SHARES_GRANTED_MOST = 1000, /* identifiers of one account that are kept */
};

void door_terms_put(struct buf *, const struct door_terms *);
/* borrows.  E_OK, E_BAD */
MUST_USE int door_terms_get(struct rd *, struct door_terms *);

/* ---- the roles ---- */
void shares_jail(struct jail *);
int shares_run(void);
int door_run(void);

/* ---- shares_index.c: who gave anything to whom, in STATE/shares/index ---- */
struct shares_index;
/* NULL: it cannot be read or made (logged) */
struct shares_index *shares_index_open(const char *path);
/* shares_index_set - granted: n x str, as DOOR_OPEN has it; written when it is not what it was */
void shares_index_set(struct shares_index *, struct span owner, struct span granted);

/* Who asks, and the groups of its domain that it is in: "name\n" each.  Borrows. */
struct shares_guest {
	struct span address, groups;
	uint32_t uid;
};

/* shares_index_has - the owner gave that account, a group of it, or all of its domain, anything */
bool shares_index_has(
    struct shares_index *, struct span owner, const struct shares_guest *);
/* shares_index_each - fn with each owner who did, until it says false */
void shares_index_each(struct shares_index *, const struct shares_guest *,
    bool (*fn)(void *ctx, struct span owner), void *ctx);
void shares_index_close(struct shares_index **);

#endif
