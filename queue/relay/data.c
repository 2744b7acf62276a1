/* SPDX-License-Identifier: ISC */
/* data.c - the bytes of a message on their way. */
#include <string.h>

#include "queue/relay/remote.h"

enum { LINE_MOST = 999 }; /* octets with CR: RFC 5321 4.5.3.1.6 */

/* Each piece has its time; together they have the message's. */
static bool
put_piece(struct remote *r, struct span piece)
{
	int64_t until = deadline_in_ms(r->limits->block_ms);
	r->io.deadline = until < r->message_deadline ? until : r->message_deadline;
	r->io.idle_ms = r->limits->block_ms;
	io_put(&r->io, piece);
	return r->io.out.err == E_OK;
}

static bool
put_all(struct remote *r, struct span s)
{
	while (s.n && put_piece(r, span_head(s, REMOTE_PIECE_BYTES)))
		s = span_from(s, REMOTE_PIECE_BYTES < s.n ? REMOTE_PIECE_BYTES : s.n);
	return r->io.out.err == E_OK;
}

/*
 * Up to and with the line end before the next line that begins with a dot; all of it, where there
 * is none.
 */
static size_t
before_dot(struct span s)
{
	const char *p = memmem(s.p, s.n, "\n.", 2);
	return p ? (size_t)(p - s.p) + 1 : s.n;
}

void
data_put(struct remote *r, struct span message)
{
	bool has_end = span_ends(message, SPAN("\r\n"));
	bool is_sent = true;
	while (message.n && is_sent) {
		if (message.p[0] == '.')
			io_put(&r->io, SPAN("."));
		size_t n = before_dot(message);
		is_sent = put_all(r, span_head(message, n));
		message = span_from(message, n);
	}
	if (is_sent)
		io_put(&r->io, has_end ? SPAN(".\r\n") : SPAN("\r\n.\r\n"));
}

void
bdat_put(struct remote *r, struct span message)
{
	io_putf(&r->io, "BDAT %zu LAST\r\n", message.n);
	if (!put_all(r, message))
		return; /* it sticks in io.out */
}

bool
data_is_8bit(struct span message)
{
	return !span_is_ascii(message);
}

bool
data_is_binary(struct span s, bool is_declared)
{
	size_t line = 0;
	if (is_declared && memchr(s.p, '\0', s.n))
		return true;
	while (line < s.n) {
		const char *begin = s.p + line, *lf = memchr(begin, '\n', s.n - line);
		size_t n = lf ? (size_t)(lf - begin) : s.n - line;
		const char *cr = memchr(begin, '\r', n);
		if (lf ? cr != lf - 1 : cr != NULL) /* also lf == begin: cr is NULL */
			return true;
		if (is_declared && n > LINE_MOST)
			return true;
		line += n + 1;
	}
	return false;
}

bool
data_has_utf8_head(struct span message)
{
	size_t end = span_search(message, SPAN("\r\n\r\n"));
	return !span_is_ascii(span_head(message, end));
}
