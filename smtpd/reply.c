/* SPDX-License-Identifier: ISC */
/* reply.c - replies in bytes. */
#include "smtpd/reply.h"

#include <string.h>

#define REPLY_ROW(name, code, enhanced, text) [name] = {code, enhanced, text},

static const struct {
	unsigned code;
	const char *enhanced, *text;
} replies[] = {[R_NONE] = {0, "", ""}, [R_HANGUP] = {0, "", ""}, REPLIES(REPLY_ROW)};

void
reply_put(struct buf *out, enum reply r, const char *argument)
{
	struct span text = span_of(replies[r].text);
	size_t hole = span_search(text, SPAN("%s"));
	if (replies[r].code == 0)
		return;
	buf_putf(out, "%u %s%s", replies[r].code, replies[r].enhanced,
	    replies[r].enhanced[0] ? " " : "");
	buf_span(out, span_head(text, hole));
	if (hole < text.n) {
		buf_span(out, span_of(argument));
		buf_span(out, span_from(text, hole + 2));
	}
	buf_str(out, "\r\n");
}

unsigned
reply_code(enum reply r)
{
	return replies[r].code;
}

const char *
reply_enhanced(enum reply r)
{
	return replies[r].enhanced;
}

bool
reply_ends(enum reply r)
{
	return r == R_HANGUP || replies[r].code == 421 || replies[r].code == 221;
}
