/* SPDX-License-Identifier: ISC */
/*
 * expire.h - EXPIRE of CAPA (RFC 2449 6.7): for how many days mail stays at least.  What rules of
 * retention say of an account the auth process works out, which alone reads the table of accounts.
 */
#ifndef POP3D_EXPIRE_H
#define POP3D_EXPIRE_H

#include "login/ticket.h"

/* expire_announce - for auth_announce_with: as ticket_announce */
MUST_USE int expire_announce(const struct account *, struct id *ticket);
/*
 * expire_days - in the session: what goes first counts, what QUIT removes (--pop3-keep), or retention,
 * whoever fetched it; POP3_KEEP_ALWAYS: never
 */
int32_t expire_days(const struct login_client *);

#endif
