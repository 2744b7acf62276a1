/* SPDX-License-Identifier: ISC */
/*
 * word.h - encoded words in header fields, made UTF-8.  RFC 2047, RFC 2231 5 (language suffix,
 * passed over).  Tolerant: encoded words need no blank around them, may be longer than 75, may hold
 * blanks in Q, and a character may be split between two that stand side by side.  One that is none,
 * or of an unknown charset, stays as it stands.  Raw octets past ASCII are UTF-8 when they can be,
 * else windows-1252.  What comes out is valid UTF-8 on one line: CR, LF and NUL that an encoded
 * word brings become a blank.  Linear in the input.
 */
#ifndef MIME_WORD_H
#define MIME_WORD_H

#include "base/buf.h"

/*
 * word_decode - an unstructured value (Subject), or a name that address_parse gave; folded or not
 */
void word_decode(struct buf *out, struct span raw);

#endif
