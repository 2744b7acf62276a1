/* SPDX-License-Identifier: ISC */
/*
 * header.h - the fields of a message's (or part's) head, as they stand.  RFC 5322 2.2, 3.6.8, 4.5.
 * Lines end in CRLF or LF.  A line that is no field (no colon, a blank or a byte past ASCII in the
 * name, a continuation of nothing) is skipped: mail that people have is not always what the grammar
 * says.
 */
#ifndef MIME_HEADER_H
#define MIME_HEADER_H

#include "base/buf.h"

enum {
	HEADER_BYTES_MAX = 4 << 20, /* of one head that header_head gives to parsers */
	HEADER_FIELDS_MAX = 20000,  /* of one head that header_find looks at */
	HEADER_NAME_MAX = 998, /* octets; a longer one is no field (RFC 5322 2.1.1) */
};

struct header_field {
	struct span name; /* without the blanks that may stand before the colon */
	/* raw: from behind the colon to the last line end, folds and blanks as they stand */
	struct span value;
	/* name, colon, value and the last line end, if there is one */
	struct span whole;
};

/* header_end - offset of the body: behind the first empty line; message.n when there is none */
size_t header_end(struct span message);
/* header_head - the head with its empty line; of a longer one the first HEADER_BYTES_MAX octets */
struct span header_head(struct span message);
/*
 * header_next - the next field, in the order they stand.
 *   head     advanced past it (and past junk before it); may be a whole message: it ends at the
 *            empty line
 *   out      borrow: of head
 *   returns  E_OK, E_MORE (the head is at its end).  Linear in what it passes, no limit on a
 *            field's size.
 */
MUST_USE int header_next(struct span *head, struct header_field *out);
/*
 * header_find - the next field of this name, ASCII letters in any case; again for the next one.
 *   returns  E_OK, E_MORE (none among the next HEADER_FIELDS_MAX fields)
 */
MUST_USE int header_find(struct span *head, struct span name, struct header_field *out);
/*
 * header_value - value of the first field of this name without blanks around it; { NULL, 0 } when
 * there is none
 */
struct span header_value(struct span head, struct span name);
/*
 * header_unfold - the value on one line: line ends and NULs out, blanks of both ends off (RFC 5322
 * 2.2.3)
 */
void header_unfold(struct buf *out, struct span value);

#endif
