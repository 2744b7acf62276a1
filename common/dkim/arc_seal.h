/* SPDX-License-Identifier: ISC */
/*
 * arc_seal.h - a set of ARC of our own before a message that we pass on: RFC 8617 5.1.  The private
 * key is in the role "key", as for DKIM (sign.h): the RSA one of the domain, or, where there is none,
 * the Ed25519 one: a set has one signature each.
 */
#ifndef DKIM_ARC_SEAL_H
#define DKIM_ARC_SEAL_H

#include "dkim/arc.h"
#include "dkim/sign.h"

struct arc_seal_how {
	int64_t now_sec;    /* wall clock: t= */
	struct span domain; /* d=; U-labels are fine */
	/*
	 * the whole field ARC-Authentication-Results with its CRLF, of the instance that arc_next said:
	 * what we found out when the message came
	 */
	struct span results;
};

/*
 * arc_seal_put - the three fields of a set, to be put before the message.
 *   came     what arc_check found when it came; it is done
 *   head     of the message as it will be sent: after all changes, with our own DKIM-Signature; its
 *            empty line may be there
 *   body     what is behind that
 *   out      whole fields, each with its CRLF; untouched unless E_OK
 *   returns  E_OK, E_DENY (arc_next is 0, or no key signs for this domain), E_BAD (results is no
 *            such field, no From, no name of a domain), E_IO, E_LIMIT: as dkim_sign_put, and blocks
 *            as that
 */
MUST_USE int arc_seal_put(struct dkim_signer *, const struct arc_check *came,
    struct span head, struct span body, const struct arc_seal_how *, struct buf *out);

#endif
