/* SPDX-License-Identifier: ISC */
/*
 * ticket.h - how a login becomes a session with the account's uid, without the front's having a say
 * in whose: auth tells the monitor who a ticket stands for; the front can only hand it in with its
 * client's connection.
 */
#ifndef LOGIN_TICKET_H
#define LOGIN_TICKET_H

#include "account/account.h"
#include "auth/auth.h"
#include "base/id.h"
#include "proc/daemon.h"

enum {
	TICKETS_MOST = 4096,
	TICKET_LIFE_MS = 60000,
	LOGIN_INPUT_MAX = 16384, /* bytes that a client sent behind its login */
	LOGIN_TAG_MAX = 128,
};

/* Asks of the monitor, as extra_asks of the daemon. */
enum login_ask {
	/*
	 * auth: id, str address, u32 uid, u32 gid, str home, i32 keep days, i32 expire days, u64
	 * bytes, u64 messages.  No reply: it is read before a ticket is handed in
	 */
	LOGIN_TICKET = MON_EXTRA,
	/* front: id, what login_client_put says, fd -> u8 enum redeemed */
	LOGIN_REDEEM,
	LOGIN_IDLE, /* session: its client left, it waits for the next.  No reply */
	/* session: it waited long enough -> u8 1; what was passed before comes before */
	LOGIN_LEAVE,
	/*
	 * session: its client said UNAUTHENTICATE: str input, str sid, fd.  A front gets it, which
	 * looks by itself who it is.  No reply
	 */
	LOGIN_RETURN,
	LOGIN_ASKS_END
};

extern const struct ask_row login_rows[LOGIN_ASKS_END - MON_EXTRA];
extern const struct role *login_session_role; /* set by the daemon's main */
extern const struct role *login_front_role; /* the same, where there is LOGIN_RETURN */

/* What a session is told of its client (CTL_CLIENT's about). */
struct login_client {
	struct span client; /* its address */
	struct span sid;    /* of its log lines */
	bool has_tls;
	bool is_loopback;       /* its address is of loopback */
	struct span mechanisms; /* that it was offered (auth_mechanisms) */
	bool is_utf8;           /* it said UTF8 (RFC 6856 2) */
	struct span tag;   /* of IMAP's LOGIN or AUTHENTICATE: the session answers it */
	struct span input; /* sent behind the login */
	/* of the account, as auth told the monitor */
	int32_t pop3_keep_days;
	int32_t expire_days; /* retention_expire_days, in pop3d alone; elsewhere -1 */
	uint64_t quota_bytes, quota_messages;
	int64_t quota_at_ms; /* when auth read them (clock_mono_ms) */
};

void login_client_put(struct buf *, const struct login_client *);
/* E_OK, E_BAD; borrows */
MUST_USE int login_client_get(struct span, struct login_client *out);

/* ticket_announce - for auth_announce_with: makes a ticket and tells the monitor, which need not have heard
 * it yet.  E_OK, E_IO */
MUST_USE int ticket_announce(const struct account *, struct id *ticket);
/* ticket_announce_expire - the same, with expire_days of login_client */
MUST_USE int ticket_announce_expire(
    const struct account *, int32_t expire_days, struct id *ticket);

enum redeemed {
	REDEEM_NOT = 0,
	REDEEM_OK = 1,
	REDEEM_TOO_SOON = 2,
	REDEEM_CROWDED = 3
};

/*
 * ticket_redeem - in the front; fd is passed, not taken.  E_OK, E_DENY (within login_delay of the
 * last), E_LIMIT (sessions_most, sessions_per_account), E_BAD (no such ticket, no session); E_IO: no
 * answer came, so a session may have fd or get it yet
 */
MUST_USE int ticket_redeem(struct id, const struct login_client *, int fd);

#endif
