/* SPDX-License-Identifier: ISC */
/* reply.c - replies in bytes. */
#include "smtpd/reply.h"

#include <string.h>

#define REPLY_ROW(name, code, enhanced, text) [name] = {code, enhanced, text},

static const struct {
	unsigned code;
	const char *enhanced, *text;
} replies[] = {[R_NONE] = {0, "", ""},
    [R_HANGUP] = {0, "", ""},
    [R_OWN] = {0, "", ""},
    REPLIES(REPLY_ROW)};

static struct {
	unsigned code;
	char enhanced[REPLY_ENHANCED_MAX + 1];
	struct buf text; /* own: kept for the process */
} own;

/* "4.7.1": digits and dots, the class of the code (RFC 3463 2). */
static bool
is_enhanced(struct span s, unsigned code)
{
	if (s.n < 5 || s.n > REPLY_ENHANCED_MAX || s.p[0] != (char)('0' + code / 100) ||
	    s.p[1] != '.')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!ch_digit(s.p[i]) && s.p[i] != '.')
			return false;
	return true;
}

enum reply
reply_own(unsigned code, struct span enhanced, struct span text)
{
	own.code = code >= 400 && code < 600 ? code : 451;
	if (enhanced.n && !is_enhanced(enhanced, own.code))
		enhanced = own.code < 500 ? SPAN("4.7.1") : SPAN("5.7.1");
	memcpy(own.enhanced, enhanced.p, enhanced.n);
	own.enhanced[enhanced.n] = 0;
	buf_reset(&own.text);
	buf_span(&own.text, text);
	for (size_t i = 0; i < own.text.len; i++)
		if (own.text.p[i] != '\n' &&
		    (own.text.p[i] < ' ' || own.text.p[i] > '~'))
			own.text.p[i] = '?';
	return R_OWN;
}

static void
put_own(struct buf *out)
{
	struct span rest = buf_as_span(&own.text);
	for (unsigned n = 1;; n++) {
		struct span line = span_cut(&rest, '\n');
		bool is_last = rest.n == 0 || n == REPLY_OWN_LINES_MAX;
		buf_putf(out, "%u%c%s%s", own.code, is_last ? ' ' : '-', own.enhanced,
		    own.enhanced[0] ? " " : "");
		buf_span(out, span_head(line, REPLY_LINE_MAX - REPLY_ENHANCED_MAX - 7));
		buf_str(out, "\r\n");
		if (is_last)
			return;
	}
}

void
reply_put(struct buf *out, enum reply r, const char *argument)
{
	struct span text = span_of(replies[r].text);
	size_t hole = span_search(text, SPAN("%s"));
	if (r == R_OWN)
		put_own(out);
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
	return r == R_OWN ? own.code : replies[r].code;
}

const char *
reply_enhanced(enum reply r)
{
	return r == R_OWN ? own.enhanced : replies[r].enhanced;
}

bool
reply_ends(enum reply r)
{
	return r == R_HANGUP || r == R_PIPELINING || reply_code(r) == 421 ||
	       reply_code(r) == 221;
}
