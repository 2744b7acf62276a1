/* SPDX-License-Identifier: ISC */
/*
 * msgid.h - message ids in Message-ID, In-Reply-To and References, made comparable.  RFC 5322
 * 3.6.4, RFC 5256 3.
 */
#ifndef MIME_MSGID_H
#define MIME_MSGID_H

#include "base/buf.h"

enum { MSGID_BYTES_MAX = 998 }; /* of one between its brackets; a longer one is none */

/*
 * msgid_next - the next "<...>": without brackets, blanks, and the quotes and backslashes that tell
 * nothing.
 *   in       advanced past it; a raw value, folded or not; what is between ids is passed over
 *   out      the id is put behind what is in it
 *   returns  E_OK, E_MORE (there is none any more).  Linear.
 */
MUST_USE int msgid_next(struct span *in, struct buf *out);

#endif
