/* SPDX-License-Identifier: ISC */
/*
 * param.h - values of Content-Type and Content-Disposition.  RFC 2045 5.1, RFC 2183 2, RFC 2231.
 * Never fails: broken input gives what can be made of it.
 */
#ifndef MIME_PARAM_H
#define MIME_PARAM_H

#include "base/arena.h"
#include "base/buf.h"

enum {
	PARAM_COUNT_MAX = 100,     /* of one field; what comes behind is passed over */
	PARAM_SECTIONS_MAX = 1000, /* highest number of a continuation (RFC 2231 3) */
	/* of one decoded value; a longer one is as it stands */
	PARAM_VALUE_BYTES_MAX = 64 << 10,
};

struct param {
	struct param *next; /* borrow: of the arena */
	struct span name;
	struct span value;
};

struct param_field {
	/* "text" of text/plain, "attachment" of a disposition; as it stands; empty when broken */
	struct span type;
	struct span subtype; /* empty when broken, and of a disposition */
	/* as they stand but for quotes, RFC 2231 marks in their names: for BODYSTRUCTURE */
	struct param *raw;
	/*
	 * continuations joined, charsets and encoded words (RFC 2047) made UTF-8, names without
	 * marks
	 */
	struct param *text;
};

/*
 * param_type_parse - a Content-Type;  param_disposition_parse - a Content-Disposition, or any token
 * with parameters.
 *   value  raw, folded or not
 *   arena  everything is copied into it; when it is full parameters are missing
 */
void param_type_parse(struct span value, struct arena *, struct param_field *out);
void param_disposition_parse(
    struct span value, struct arena *, struct param_field *out);
/*
 * param_find - value of the first of this name, ASCII letters in any case; { NULL, 0 } when there
 * is none
 */
struct span param_find(const struct param *, const char *name);

#endif
