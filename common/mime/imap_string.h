/* SPDX-License-Identifier: ISC */
/* imap_string.h - strings as IMAP writes them, RFC 3501 4.3 and 9. */
#ifndef MIME_IMAP_STRING_H
#define MIME_IMAP_STRING_H

#include "base/buf.h"

enum { IMAP_QUOTED_MAX = 4096 }; /* octets: a longer string is a literal */

/*
 * imap_string_put - quoted when it may be (7 bit, no CR, LF or NUL), else a literal.  NULs, which
 * neither may hold, are left out.
 */
void imap_string_put(struct buf *out, struct span s);
void imap_nstring_put(struct buf *out, struct span s); /* NIL where s.p is NULL */
void imap_astring_put(struct buf *out, struct span s); /* an atom when it is one */
bool imap_is_atom(struct span s);                      /* ATOM-CHARs, at least one */

#endif
