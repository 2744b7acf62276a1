/* SPDX-License-Identifier: ISC */
/* crlf.c - line ends as they are kept. */
#include "move/crlf.h"

void
crlf_put(struct crlf *c, struct span in, struct buf *out)
{
	while (in.n) {
		size_t at = span_find(in, '\n');
		bool is_bare = at < in.n && !(at ? in.p[at - 1] == '\r' : c->was_cr);
		buf_span(out, span_head(in, at));
		if (is_bare)
			buf_ch(out, '\r');
		if (at < in.n)
			buf_ch(out, '\n');
		c->was_cr = at == in.n && in.p[at - 1] == '\r';
		in = span_from(in, at < in.n ? at + 1 : at);
	}
}
