/* SPDX-License-Identifier: ISC */
/*
 * carry.h - a conversation in TLS after its login.  What the client says then is for a session of
 * that account alone, which serves the account's next connection too.  It gets the connection itself
 * (tls/records.h); of TLS 1.2, and of a client that went ahead, it gets the bytes: the session that
 * has the TLS carries them and parses none.  The monitor finds or forks the account's session by the
 * ticket that auth gave it (login/ticket.h), so neither has a say in whose it is.
 */
#ifndef SMTPD_CARRY_H
#define SMTPD_CARRY_H

#include "base/id.h"
#include "smtpd/session.h"

enum {
	CARRY_BUFFER = 65536, /* bytes that wait, each way */
	CARRY_CHUNK = 16384,  /* most bytes of one read: a TLS record */
	/*
	 * logins that one session hears, one after another, before it retires.  The next one costs
	 * 2 ms of a processor: a hundredth of a login
	 */
	CARRIES_MOST = 256,
};

/* What the account's session is told of the conversation. */
struct carried {
	struct client client;
	struct cover cover;
	struct span helo, mechanism; /* borrow: from what was parsed */
	struct span tls; /* borrow: of tls_hand_on; empty: bytes are carried */
	bool is_esmtp;
	bool is_noted[STRICT_COUNT];
	uint64_t errors, commands;
	int64_t deadline;
};

/* tls: what tls_hand_on gave, or empty */
void carried_put(struct buf *, const struct session *, struct span tls);
/* carried_get - E_OK, E_BAD; out borrows from in.  Pure */
MUST_USE int carried_get(struct span in, struct carried *out);

/*
 * carry_hand_over - by s->login.ticket, after AUTH, whose reply waits in io.out: it is said before the
 * connection goes.
 *   returns  E_OK: the account's session has the connection (login.has_gone), or waits for the client's next
 *            words at s->login.seat; E_DENY (no such conversation: without TLS, or of a proxy that may speak
 *            for others), E_LIMIT (too many sessions), E_IO: this session goes on alone
 */
MUST_USE int carry_hand_over(struct session *);
/*
 * carry - the client's bytes to s->login.seat and back, until one of them ends; closes s->login.seat.  Returns
 * whether the account's session ended it and the client was sent all that it said
 */
bool carry(struct session *);

#endif
