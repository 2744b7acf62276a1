/* SPDX-License-Identifier: ISC */
/* word_at.h - one encoded word as it stands, for the parsers of this folder.  RFC 2047 2. */
#ifndef MIME_WORD_AT_H
#define MIME_WORD_AT_H

#include "base/span.h"

struct word {
	struct span charset; /* borrow, as text; without the language */
	struct span text;    /* encoded */
	bool is_base64;
	size_t n; /* octets of all of it */
};

/* word_at - does s begin with an encoded word? */
bool word_at(struct span s, struct word *out);

#endif
