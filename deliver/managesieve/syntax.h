/* SPDX-License-Identifier: ISC */
/*
 * syntax.h - what stands in a command: RFC 5804 1.2 and 4.  Pure.  A command is gathered as a line
 * without its CRLF; where that ends in a literal's announcement, CRLF, the octets and the next line
 * follow, and so on.
 */
#ifndef MANAGESIEVE_SYNTAX_H
#define MANAGESIEVE_SYNTAX_H

#include "base/arena.h"
#include "base/buf.h"

enum {
	SYNTAX_ARGUMENTS_MAX = 3, /* of a command; no command has more than 2 */
	SYNTAX_ATOM_MAX = 1024,   /* octets */
	SYNTAX_QUOTED_MAX = 1024, /* octets of a quoted string that we send */
};

enum syntax_kind { SYNTAX_STRING = 1, SYNTAX_NUMBER };

struct syntax_argument {
	enum syntax_kind kind;
	struct span text; /* of a string; borrow: the command's text, or the arena */
	uint32_t number;
};

struct syntax_command {
	struct span verb; /* borrow: the command's text */
	struct syntax_argument arguments[SYNTAX_ARGUMENTS_MAX];
	size_t n;
};

enum syntax_tail {
	SYNTAX_ENDS,    /* the command ends with this line */
	SYNTAX_LITERAL, /* "{n+}": n octets and a line follow */
	SYNTAX_WAITS, /* "{n}", which no client may send: whether octets follow is not known */
};

/*
 * syntax_tail - how a line of a command ends.  A brace inside of quotes is none; *n is UINT64_MAX when
 * it does not fit.
 */
enum syntax_tail syntax_tail(struct span line, uint64_t *n);
/*
 * syntax_command - the whole of a command.
 *   arena    where escapes are resolved
 *   returns  E_OK, E_BAD, E_LIMIT (too many arguments, the arena is full)
 */
MUST_USE int syntax_command(
    struct span text, struct arena *, struct syntax_command *out);
/* syntax_string - one string and nothing else: a response to AUTHENTICATE.  As syntax_command */
MUST_USE int syntax_string(struct span text, struct arena *, struct span *out);
/* syntax_put_string - quoted where that can be, else as a literal */
void syntax_put_string(struct buf *out, struct span);

#endif
