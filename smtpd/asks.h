/* SPDX-License-Identifier: ISC */
/*
 * asks.h - every message between the processes of smtpd.
 *   session -> front    FRONT_ASKS, below
 *   front -> session    FRONT_CLIENT, below: unasked, one at a time, only to a session that said it
 *                       is free
 *   session -> key      common/tls/key.h (signatures of handshakes)
 *   session -> auth     common/auth/auth.h (SASL steps)
 *   session -> lookup   common/account/recipient.h (verdicts on recipients, senders of a login)
 *   lookup -> maps      maps/maps.h (an alias in SQL or LDAP)
 *   session -> resolver common/net/resolver.h (the DNS, for smtpd/policy)
 *   session -> greylist smtpd/policy/greylist.h (whether who sends came again)
 *   session -> rates    smtpd/rates.h (how much a network did in a minute)
 *   session -> dial     smtpd/dial.h (a connection to a milter or policy service of the settings)
 *   dial -> monitor     the same, to a UNIX socket (dial_extra)
 *   auth -> monitor     common/login/ticket.h (whose a login is)
 *   session -> monitor  the same: the conversation of that ticket goes on in a session of its account
 *                       (smtpd/carry.h); that one: I am free, I leave
 *   session -> monitor  smtpd/urls.h (of an account: a process that reads its URLs), and with that
 *   session -> urls     the same (what a URL means)
 *   session -> budget   smtpd/budget/budget.h (a message is counted, may this login send)
 *   session -> spool    common/spool/put.h (another daemon: queue)
 *   budget -> spool, queue's sched, monitors  common/spool/put.h (a notice), spool/admin.h (an
 *                       account's mail is held), proc/daemon.h (its sessions end)
 *   front, session, lookup -> monitor  proc/daemon.h: channels of the list above, one more session (front),
 *                              who is
 *                       served (session)
 * The role metrics asks nobody and is asked nothing here: it answers scrapers (metrics/role.h).  A
 * session that was taken over can do these, and nothing else: no file, no socket, no other process.
 */
#ifndef SMTPD_ASKS_H
#define SMTPD_ASKS_H

#include "base/buf.h"
#include "proc/ask.h"

/* The phases of a session, as the front sees it. */
enum worker_phase { WORKER_BUSY = 1, WORKER_FREE = 2 };

/* clang-format off */
#define FRONT_ASKS(ASK)                                                                                \
/*	    name        legal in     times    bytes  fd back  answered by */                           \
	ASK(FRONT_FREE, WORKER_BUSY, 1200000, 0,     false,   front_on_free) /* no reply */

/* clang-format on */

enum front_ask { FRONT_ASKS(ASK_ENUM) };

enum listen_kind {
	KIND_SMTP,
	KIND_SUBMISSION,
	KIND_SUBMISSIONS,
	KIND_LMTP,
	KIND_COUNT
};

enum { CLIENT_TEXT_MAX = 64 };

#define CLIENT_UNIX "unix"       /* text of a client on a UNIX socket */
#define CLIENT_UNKNOWN "unknown" /* of one of whom XCLIENT knows no address */

/* What the front knows of a connection. */
struct client {
	enum listen_kind kind;
	bool is_loopback;
	bool is_greeted; /* the front said 220 */
	bool has_waited; /* silent until its greeting, which was held back (once) */
	char text
	    [CLIENT_TEXT_MAX]; /* its address: "192.0.2.1"; of PROXY, where that came */
};

/*
 * front -> session, with the descriptor of the connection: u8 kind, u8 is_loopback, u8 is_greeted,
 * u8 has_waited, str text
 */
enum front_says { FRONT_CLIENT = 0x100 };

void client_put(struct buf *, const struct client *);
MUST_USE int client_get(struct rd *, struct client *out); /* E_OK, E_BAD */

#endif
