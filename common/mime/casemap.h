/* SPDX-License-Identifier: ISC */
/*
 * casemap.h - text made the same whatever its case: i;unicode-casemap, RFC 5051.  For SEARCH, SORT,
 * THREAD and Sieve.  Each character is put in title case and decomposed (compatibility forms too);
 * ASCII letters so become upper case.  Folded texts are compared and searched as octets.  The one
 * door to libunistring.
 */
#ifndef MIME_CASEMAP_H
#define MIME_CASEMAP_H

#include "base/buf.h"

/*
 * casemap_fold - of UTF-8; a bad octet becomes U+FFFD.  Folding a whole is folding its pieces, cut
 * between characters.  Never fails but for out's max.
 */
void casemap_fold(struct buf *out, struct span utf8);
/*
 * casemap_search - is the folded needle in the folded haystack? An empty needle is in everything.
 */
bool casemap_search(struct span haystack, struct span needle);

#endif
