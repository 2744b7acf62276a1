/* SPDX-License-Identifier: ISC */
/* stuff.c - dots and lines of what is sent. */
#include "pop3d/stuff.h"

struct span
stuff_next(struct span *text, bool *needs_dot)
{
	struct span all = *text;
	*needs_dot = all.n && all.p[0] == '.';
	/*
	 * the next line that begins with a dot begins the next piece; a search for the dots is the
	 * fastest, they are rare
	 */
	size_t at = *needs_dot ? 1 : 0;
	do
		at += 1 + span_find(span_from(all, at), '.');
	/* behind a dot that is not the first octet */
	while (at <= all.n && all.p[at - 2] != '\n');
	struct span piece = span_head(all, at <= all.n ? at - 1 : all.n);
	*text = span_from(all, piece.n);
	return piece;
}

size_t
top_end(struct span message, uint64_t n_lines)
{
	size_t at = span_search(message, SPAN("\r\n\r\n"));
	if (at >= message.n)
		return message.n;
	at += 4;
	for (; n_lines && at < message.n; n_lines--) {
		size_t lf = span_find(span_from(message, at), '\n');
		at = lf < message.n - at ? at + lf + 1 : message.n;
	}
	return at;
}
