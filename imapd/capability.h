/* SPDX-License-Identifier: ISC */
/*
 * capability.h - what CAPABILITY lists, before the login and after it, true to the configuration.
 */
#ifndef IMAPD_CAPABILITY_H
#define IMAPD_CAPABILITY_H

#include "imapd/session.h"

/*
 * capability_put_before - "CAPABILITY IMAP4rev1 ..." of the not authenticated state; mechanisms:
 * "SCRAM-SHA-256 PLAIN"
 */
void capability_put_before(
    struct buf *out, bool may_starttls, bool may_show, struct span mechanisms);
/* capability_put - of the states after it, as this session has it */
void capability_put(struct buf *, const struct session *);
/* id_put - the answer to ID: RFC 2971 */
void id_put(struct buf *out);

#endif
