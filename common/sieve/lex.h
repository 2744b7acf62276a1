/* SPDX-License-Identifier: ISC */
/* lex.h - a script as tokens.  RFC 5228 2 and 8.1. */
#ifndef SIEVE_LEX_H
#define SIEVE_LEX_H

#include "sieve/error.h"

enum sieve_token {
	TOKEN_END,
	TOKEN_IDENT,
	TOKEN_TAG,
	TOKEN_NUMBER,
	TOKEN_STRING, /* quoted or multi-line */
	TOKEN_LIST,   /* [ */
	TOKEN_LIST_END,
	TOKEN_TESTS, /* ( */
	TOKEN_TESTS_END,
	TOKEN_BLOCK, /* { */
	TOKEN_BLOCK_END,
	TOKEN_COMMA,
	TOKEN_SEMICOLON,
	TOKEN_GARBAGE, /* said already */
};

struct sieve_lex {
	struct span in; /* borrow: the script, from behind the token on */
	unsigned in_line;
	struct sieve_errors *errors; /* borrow */
	struct arena *arena;         /* borrow: strings with escapes are made in it */
	bool is_full; /* and has no room: said, and nothing more is read */

	enum sieve_token token;
	unsigned line; /* where the token begins */
	/*
	 * IDENT, TAG (without its colon): as it stands; STRING: what it means, line ends as CRLF
	 */
	struct span text;
	uint64_t number;
};

/* lex_begin - at the first token.  script: at most SIEVE_SCRIPT_BYTES_MAX */
void lex_begin(
    struct sieve_lex *, struct span script, struct arena *, struct sieve_errors *);
/*
 * lex_next - to the next token.  What is wrong is said, and read as if it were right: a number that
 * is too large is 0, a string without an end is what there is of it.  Without memory it ends.
 */
void lex_next(struct sieve_lex *);
/* lex_name - what a token is called: "a number", "';'"; borrow: static */
const char *lex_name(enum sieve_token);

#endif
