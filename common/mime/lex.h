/* SPDX-License-Identifier: ISC */
/*
 * lex.h - what structured fields are made of: blanks, comments, quoted strings, words.  RFC 5322
 * 3.2.  Shared by the parsers of this folder.  Unclosed quotes and comments are looked for once, so
 * that all is linear.
 */
#ifndef MIME_LEX_H
#define MIME_LEX_H

#include "base/buf.h"

enum { LEX_COMMENT_DEPTH_MAX = 50 };

struct lex {
	struct span in;    /* borrow: what is not read yet */
	bool has_no_quote; /* a quote was not closed: none behind it is */
	bool has_no_paren;
};

bool lex_is_blank(char c); /* SP, HTAB, CR, LF, NUL */
/*
 * lex_blanks - passes blanks and comments; text (may be NULL) becomes the last comment's.  Was
 * there any?
 */
bool lex_blanks(struct lex *, struct span *text);
/*
 * lex_quoted - takes a quoted string: out is what stands between the quotes.  False: none here, or
 * not closed.
 */
bool lex_quoted(struct lex *, struct span *out);
/* lex_unquote - backslashes, line ends and NULs out */
void lex_unquote(struct buf *out, struct span inner);
/* lex_take - takes n octets */
struct span lex_take(struct lex *, size_t n);

#endif
