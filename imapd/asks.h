/* SPDX-License-Identifier: ISC */
/*
 * asks.h - every message between the processes of imapd.
 *   front -> key       common/tls/key.h (signatures of handshakes)
 *   front -> auth      common/auth/auth.h (SASL steps)
 *   auth -> monitor    common/login/ticket.h: LOGIN_TICKET, who a ticket stands for
 *   front -> monitor   LOGIN_REDEEM, a ticket with its client's connection; one more front;
 *                      channels
 *   auth -> resolver, fetch   with oauth_introspection: common/auth/introspect.h
 *   session -> monitor LOGIN_IDLE, LOGIN_LEAVE; who is served; LOGIN_RETURN, a
 *                      client that said UNAUTHENTICATE, for a front
 *   session -> monitor common/login/sleep.h: SLEEP_*, a connection and what is to be known of it
 *   session -> monitor ring.h: RING_BELL; monitor -> deliver's events (another daemon): store/ring.h
 *   nest -> monitor    SLEEP_WAKE, SLEEP_ENDED
 *   session -> keeper  common/store/asks.h (of the same account, the same uid; of another one what
 *                      its rows have for a guest)
 *   session -> monitor, shares; shares -> monitor; door -> shares   shares.h: mailboxes of others
 * The role metrics asks nobody and is asked nothing here: it answers scrapers (metrics/role.h).  A
 * front that was taken over sees the plaintext of its connections in TLS and can guess passwords at
 * auth's pace; it has no file and cannot become anybody.  A session that was taken over has one
 * account's mailboxes, no network.
 */
#ifndef IMAPD_ASKS_H
#define IMAPD_ASKS_H

enum imap_role {
	IMAP_FRONT,
	IMAP_SESSION,
	IMAP_KEY,
	IMAP_AUTH,
	IMAP_RESOLVER,
	IMAP_FETCH,
	IMAP_NEST,
	IMAP_SHARES,
	IMAP_DOOR
};

#endif
