/* SPDX-License-Identifier: ISC */
/* utf7.h - mailbox names in modified UTF-7, strictly as RFC 3501 5.1.3 has it. */
#ifndef MIME_UTF7_H
#define MIME_UTF7_H

#include "base/buf.h"

/*
 * utf7_to_utf8 - E_OK, E_BAD (octets outside 0x20-0x7e, a shift that is not ended, base64 of what
 * is printable ASCII, two
 *   shifts side by side, bits left over, half a surrogate pair), E_LIMIT (out full).  out holds no
 *   whole name then.
 */
MUST_USE int utf7_to_utf8(struct span in, struct buf *out);
/* utf7_from_utf8 - E_OK, E_BAD (not UTF-8), E_LIMIT (out full) */
MUST_USE int utf7_from_utf8(struct span in, struct buf *out);

#endif
