/* SPDX-License-Identifier: ISC */
/*
 * ring.h - imapd's monitor tells deliver that scripts are to run over what happened in an account
 * (RFC 6785): one message on RUN/deliver/events, and the end of the connection.  A connection without
 * a message asks whether somebody is there.  deliver looks the account up itself, and asks its keeper
 * what happened: this only says where to look.
 */
#ifndef STORE_RING_H
#define STORE_RING_H

enum ring_ask { RING_EVENTS = 1 /* str address of the account.  No reply */ };

#define RING_SOCKET "deliver/events" /* below run_dir */

#endif
