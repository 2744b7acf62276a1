/* SPDX-License-Identifier: ISC */
/* words.h - the first characters of a text as words on one line, for people to read. */
#ifndef MIME_WORDS_H
#define MIME_WORDS_H

#include "base/buf.h"

struct words {
	struct buf *out; /* borrow: gets UTF-8 */
	size_t max_chars;
	size_t n_chars;
	bool has_blank; /* one stands before the next character */
};

bool words_are_full(const struct words *);
/*
 * words_put - blanks and controls are made one blank, what has no width is left out; nothing when
 * full
 */
void words_put(struct words *, uint32_t code);

#endif
