/* SPDX-License-Identifier: ISC */
/*
 * seal.h - a set of ARC before what a script redirects (RFC 8617 5.1).  What was found out when the
 * message came stands above our Received, where smtpd put it (ENV_JUDGED): that is what the set says,
 * and whether the chain that it came with holds.  Nothing is asked of the DNS again.
 */
#ifndef DELIVER_SEAL_H
#define DELIVER_SEAL_H

#include "base/buf.h"

struct dkim_signer;

enum { SEAL_MESSAGE_MAX = 64 << 20 }; /* bytes: a larger one goes on without */

struct seal_rules {
	struct span domain; /* borrow: whose keys */
	struct span server; /* borrow: whose results are ours */
};

/*
 * seal_put - the three fields of a set, to be put before the message.
 *   message   as it will be sent, without its Return-Path
 *   came_at   where in it the message begins as it was stored; what is before it is ours
 *   out       whole fields, each with its CRLF; untouched unless E_OK
 *   returns   E_OK, E_DENY (there are no results of ours, it is sealed by us already, what is before it
 *             is more than X-Sieve fields, no key signs for the domain, or its chain gets no more), E_BAD (results that do not fit its chain), else as
 *             arc_seal_put, and blocks as that
 */
MUST_USE int seal_put(struct dkim_signer *, const struct seal_rules *,
    struct span message, size_t came_at, struct buf *out);

#endif
