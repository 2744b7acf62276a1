/* SPDX-License-Identifier: ISC */
/*
 * threadid.h - THREADID, RFC 8474 5.2: made of the first message that a message refers to, or of
 * itself.  So it stands in the message and never changes, and is the same in all mailboxes without
 * a table.
 */
#ifndef IMAPD_THREADID_H
#define IMAPD_THREADID_H

#include "imapd/message.h"

enum { THREADID_HASHED_BYTES = 16 };

/*
 * threadid_put - "T" and hex digits; without a Message-ID or References "T" and what EMAILID says.
 * E_OK, E_BAD (it cannot be read)
 */
MUST_USE int threadid_put(struct buf *out, struct message *);

#endif
