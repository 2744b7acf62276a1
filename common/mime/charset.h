/* SPDX-License-Identifier: ISC */
/*
 * charset.h - text in any charset that mail uses, made UTF-8.  The one door to iconv.  Only
 * charsets of a table here (and their aliases) are known: no name that a peer chose reaches
 * iconv_open.  Never fails on what it reads: bad octets become U+FFFD, and what comes out is always
 * valid UTF-8, and the same in pieces of any size.
 *
 * A process in a jail loads iconv's modules only from a folder that it may read (charset_folder),
 * and what is a table of octets once it is made: call charset_prepare before the fork.
 */
#ifndef MIME_CHARSET_H
#define MIME_CHARSET_H

#include "mime/charset_utf7.h"

enum { CHARSET_HELD_MAX = 16 }; /* octets of a character whose rest is still to come */

struct charset_row;

struct charset {
	const struct charset_row *row; /* borrow: of a table that stays */
	/* iconv descriptor: lent until charset_end; NULL for what needs none */
	void *cd;
	char held[CHARSET_HELD_MAX];
	size_t n_held;
	bool is_begun; /* UTF-16: the byte order is known */
	struct charset_utf7 utf7;
};

/*
 * charset_prepare - makes tables of the charsets of which each octet is a character (5 to 10 ms);
 * they stay.  Of the others nothing is loaded: who needs one loads it, from charset_folder.
 */
void charset_prepare(void);
/*
 * charset_folder - where this host has its modules, public files, for the jail of who converts.  "":
 * not known, before charset_prepare
 */
const char *charset_folder(void);
/*
 * charset_is_known - it can be converted: opens it the first time.  Blanks and quotes around it are
 * no part.
 */
bool charset_is_known(struct span name);
/*
 * charset_n_missed - how often this process was asked for a charset of the table whose converter could
 * not be had: its module cannot be loaded now, or here.  What was made of such text is not what another
 * process would make of it: it is not for keeps
 */
unsigned long charset_n_missed(void);
/*
 * charset_begin - a conversion, to be ended by charset_end in any case but E_BAD.
 *   name     "" is US-ASCII: in it, and in the charsets called us-ascii and unknown-8bit, octets
 *            with the high bit are UTF-8 where they can be, else windows-1252; iso-8859-1 is read
 *            as windows-1252 too
 *   returns  E_OK, E_BAD (not known; nothing to end)
 */
MUST_USE int charset_begin(struct charset *, struct span name);
/* pieces of any size */
void charset_put(struct charset *, struct span in, struct buf *out);
void charset_end(struct charset *, struct buf *out); /* out NULL: given up */
/*
 * charset_to_utf8 - all of it at once.  E_OK, E_BAD (not known: nothing put).  out's max sticks in
 * out
 */
MUST_USE int charset_to_utf8(struct span name, struct span in, struct buf *out);
/* charset_guess - text without a label: UTF-8 when all of it is valid, else windows-1252 */
void charset_guess(struct span in, struct buf *out);

/* utf8_put - one code point; U+FFFD for what is none */
void utf8_put(struct buf *out, uint32_t code);
/* utf8_next - takes one code point off *in; U+FFFD and one octet for a bad one.  in->n > 0 */
uint32_t utf8_next(struct span *in);

#endif
