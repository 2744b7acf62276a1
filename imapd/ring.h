/* SPDX-License-Identifier: ISC */
/*
 * ring.h - scripts that run because of what happens over IMAP (RFC 6785) are run by deliver: it is told
 * where something happened, once the client has its answer.  What happened stands in the index then: a
 * ring that nobody hears is made good by the next one of the account, or its next login.
 *   session -> monitor  RING_BELL; the monitor says to deliver whose it is (store/ring.h)
 */
#ifndef IMAPD_RING_H
#define IMAPD_RING_H

#include "imapd/session.h"
#include "imapd/shares.h"

enum ring_bell {
	/*
	 * session: str local part of the account, at the domain of the session's own; "": the session's
	 * own.  No reply
	 */
	RING_BELL = SHARE_ASKS_END,
	RING_ASKS_END
};

extern const struct ask_row ring_rows[RING_ASKS_END - SHARE_ASKS_END];

/* ring_prepare - of a session, with the monitor's rights: is deliver there?  EX_OK */
int ring_prepare(void);
/* ring_found - it is, and users keep scripts at this URL; "": it is not.  Copied */
void ring_found(struct span url);
/* ring_capability_put - " IMAPSIEVE=URL", where it was there when this process began */
void ring_capability_put(struct buf *out);
/* ring - behind a command: for each account in which it made events */
void ring(struct session *);

#endif
