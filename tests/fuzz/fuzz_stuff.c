/* SPDX-License-Identifier: ISC */
/*
 * fuzz_stuff.c - a message as RETR sends it loses its added dots again, and no line of it ends the reply.
 * fuzz: pop3d/stuff.c
 */
#include <stdlib.h>
#include <string.h>

#include "pop3d/stuff.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span text = span_make(data, n);
	size_t at = 0;
	while (text.n) {
		bool needs_dot;
		struct span piece = stuff_next(&text, &needs_dot);
		bool at_line = at == 0 || data[at - 1] == '\n';
		if (piece.n == 0 || piece.p != (const char *)data + at ||
		    needs_dot != (at_line && piece.p[0] == '.'))
			abort();
		if (span_search(span_from(piece, needs_dot), SPAN("\n.")) <
		    piece.n - needs_dot)
			abort();
		at += piece.n;
	}
	if (at != n || top_end(span_make(data, n), n % 7) > n)
		abort();
	return 0;
}
