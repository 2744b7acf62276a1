/* SPDX-License-Identifier: ISC */
/*
 * catenate.h - a message put together of literals and of what is there already: CATENATE, RFC 4469,
 * with PARTIAL in its URLs (URL-PARTIAL, RFC 5550).
 *   cat-part = "TEXT" SP literal / "URL" SP astring
 * A literal's bare LF becomes CRLF, as in append.h; what a URL means is copied as it is.
 */
#ifndef IMAPD_CATENATE_H
#define IMAPD_CATENATE_H

#include "imapd/append.h"

/*
 * catenate_take - the parts, behind their "(" in c->parse, and ")": into the file.  R_DONE, or why
 * not: R_BAD_URL with the URL in the code
 */
enum reply catenate_take(struct append *, struct incoming *to);

#endif
