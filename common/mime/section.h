/* SPDX-License-Identifier: ISC */
/*
 * section.h - what stands in the brackets of BODY[...] and BINARY[...], and the bytes it means.
 * RFC 3501 6.4.5 and 9, RFC 9051 6.4.5, RFC 3516 4.
 */
#ifndef MIME_SECTION_H
#define MIME_SECTION_H

#include "mime/tree.h"

enum {
	SECTION_PATH_MAX = TREE_DEPTH_MAX + 1, /* numbers; no part has more */
	SECTION_NAMES_MAX = 128,               /* names in HEADER.FIELDS */
	SECTION_NAME_MAX = 998,                /* octets of one */
};

enum section_what {
	/* nothing behind the numbers: the message, or the body of the part */
	SECTION_ALL,
	SECTION_HEADER,
	SECTION_FIELDS, /* HEADER.FIELDS (names) */
	SECTION_FIELDS_NOT,
	SECTION_TEXT,
	SECTION_MIME,
};

struct section {
	enum section_what what;
	uint32_t path[SECTION_PATH_MAX];
	size_t n_path;
	/* borrow: the arena of section_parse, bytes of its input */
	const struct span *names;
	size_t n_names;
};

/*
 * section_parse - the text between the brackets.  Names are atoms, quoted strings or literals ({n}
 * CRLF bytes).
 *   in       advanced to the ']' on E_OK, untouched otherwise
 *   returns  E_OK, E_BAD (syntax), E_LIMIT (names too many or too long, a number past 32 bits, too
 *            many numbers)
 */
MUST_USE int section_parse(struct span *in, struct arena *, struct section *out);
/* section_put - the same text as a reply repeats it: upper case, names quoted where they must be */
void section_put(struct buf *out, const struct section *);

/*
 * section_get - the bytes.
 *   made     where they are put together when they do not stand in the message in one piece;
 *            emptied first
 *   out      borrow: of the message, or of made
 *   returns  E_OK, E_BAD (no such part; of a part that is no message: no HEADER, no TEXT), E_LIMIT
 *            (made is full)
 */
MUST_USE int section_get(
    const struct section *, const struct tree *, struct buf *made, struct span *out);
/*
 * section_binary - as section_get, with the transfer encoding of the part undone: numbers only, no
 * word behind them.  A multipart, a message, and the whole message have none to undo (RFC 3516
 * 4.2).
 *   returns  also E_DENY (an encoding that nobody knows: UNKNOWN-CTE)
 */
MUST_USE int section_binary(
    const struct section *, const struct tree *, struct buf *made, struct span *out);
/* section_binary_size - octets that section_binary gives, without holding them; returns the same */
MUST_USE int section_binary_size(
    const struct section *, const struct tree *, size_t *out);

/*
 * section_fields - the fields of a head that have (or, is_not, have not) one of these names, and
 * the empty line.  An empty line ends it even where the head has none (RFC 3501 6.4.5).
 */
void section_fields(
    struct buf *out, struct span head, const struct span *names, size_t n, bool is_not);

#endif
