/* SPDX-License-Identifier: ISC */
/* notify_tell.h - what the feed says, compared with what was told: STATUS and LIST of RFC 5465 5. */
#ifndef IMAPD_NOTIFY_TELL_H
#define IMAPD_NOTIFY_TELL_H

#include "imapd/notify.h"

/* notify_learn - all mailboxes as they are now, into the table.  E_OK, E_IO */
MUST_USE int notify_learn(struct session *, struct notify *);
/*
 * notify_tell - what changed since.  A keeper that cannot be asked: NOTIFICATIONOVERFLOW, and it is as
 * after NOTIFY NONE (RFC 5465 5.8)
 */
void notify_tell(struct session *);
/* notify_overflow - NOTIFICATIONOVERFLOW; why, for the log: "keeper", "share" */
void notify_overflow(struct session *, const char *why);

#endif
