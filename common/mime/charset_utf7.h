/* SPDX-License-Identifier: ISC */
/*
 * charset_utf7.h - text in UTF-7 (RFC 2152), made UTF-8.  Unlike names of mailboxes (utf7.h) a
 * stranger wrote it: never fails, what comes out is valid UTF-8, and pieces of any size give the same.
 *
 * One U+FFFD stands for each octet past ASCII, for half a pair of surrogates, for what a shift
 * leaves that is neither a character nor padding, and for a "+" with neither base64 nor "-" behind
 * it.  ASCII that section 2 wants shifted ("\", "~", controls) is itself.
 */
#ifndef MIME_CHARSET_UTF7_H
#define MIME_CHARSET_UTF7_H

#include "base/buf.h"

struct charset_utf7 {  /* {0}: the beginning of a text */
	uint32_t bits; /* behind the last whole unit, n_bits of them: less than 16 */
	unsigned n_bits;
	uint32_t high;   /* the first half of a pair, or 0 */
	bool is_shifted; /* behind a "+" */
	bool has_digits; /* the shift has */
};

void charset_utf7_put(struct charset_utf7 *, struct span in, struct buf *out);
void charset_utf7_end(struct charset_utf7 *, struct buf *out);

#endif
