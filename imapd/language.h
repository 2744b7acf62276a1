/* SPDX-License-Identifier: ISC */
/*
 * language.h - LANGUAGE, before the login and after it: RFC 5255 3.  There are i-default and "en",
 * which are the same words: which one was chosen is told, and need not be kept.
 */
#ifndef IMAPD_LANGUAGE_H
#define IMAPD_LANGUAGE_H

#include "imapd/parse.h"

enum { LANGUAGE_RANGES_MOST = 64 }; /* of one command */

/*
 * language_choose - what follows the verb: nothing, or language ranges with an SP before each.
 *   returns  E_OK; E_BAD (syntax); E_DENY (none of them is spoken here)
 *   out      "* LANGUAGE (...)" with its CRLF, at E_OK: the one chosen, or all there are
 */
MUST_USE int language_choose(struct parse *, struct buf *out);

#endif
