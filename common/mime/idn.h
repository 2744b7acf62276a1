/* SPDX-License-Identifier: ISC */
/*
 * idn.h - domains that are not ASCII, as the DNS and TLS know them: A-labels, RFC 5891 5.  The one
 * door to libidn2; pure.
 */
#ifndef MIME_IDN_H
#define MIME_IDN_H

#include "base/buf.h"

enum {
	IDN_DOMAIN_MAX =
	    1020 /* octets of a domain that is looked at: four to each of the 255 that it may become */
};

/*
 * idn_ascii - a domain in A-labels, in lower case; one that is ASCII as it stands.  Capitals and
 * wide forms are mapped (UTS 46), but none of the four characters that IDNA2003 mapped away
 * (non-transitional).
 *   out      added to; untouched unless E_OK
 *   returns  E_OK, E_BAD (no UTF-8, code points that no domain may have, a label past 63 octets),
 *            E_LIMIT (past IDN_DOMAIN_MAX, or what it becomes past 255)
 */
MUST_USE int idn_ascii(struct span domain, struct buf *out);

#endif
