/* SPDX-License-Identifier: ISC */
/* imap_string.c - quoted strings, literals, atoms. */
#include "mime/imap_string.h"

#include <string.h>

/* What a byte asks for: nothing, a backslash, a literal. */
enum { PLAIN = 0, ESCAPED = 1, LITERAL = 2 };

static int
byte_needs(char c)
{
	if (c == '"' || c == '\\')
		return ESCAPED;
	return c == '\r' || c == '\n' || c == '\0' || (unsigned char)c >= 0x80 ? LITERAL
	                                                                       : PLAIN;
}

static int
string_needs(struct span s)
{
	int needs = s.n > IMAP_QUOTED_MAX ? LITERAL : PLAIN;
	for (size_t i = 0; i < s.n; i++)
		needs |= byte_needs(s.p[i]);
	return needs;
}

static void
quoted_put(struct buf *out, struct span s)
{
	char *room = buf_room(out, 2 * s.n), *o = room;
	if (!room)
		return;
	for (size_t i = 0; i < s.n; i++) {
		if (byte_needs(s.p[i]) == ESCAPED)
			*o++ = '\\';
		*o++ = s.p[i];
	}
	buf_added(out, (size_t)(o - room));
}

static void
literal_put(struct buf *out, struct span s)
{
	size_t n_nul = 0;
	for (size_t i = 0; i < s.n; i++)
		n_nul += s.p[i] == '\0';
	buf_putf(out, "{%zu}\r\n", s.n - n_nul);
	if (n_nul == 0) {
		buf_span(out, s);
		return;
	}
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '\0')
			buf_ch(out, s.p[i]);
}

void
imap_string_put(struct buf *out, struct span s)
{
	int needs = string_needs(s);
	if (needs & LITERAL) {
		literal_put(out, s);
		return;
	}
	buf_ch(out, '"');
	if (needs & ESCAPED)
		quoted_put(out, s);
	else
		buf_span(out, s);
	buf_ch(out, '"');
}

void
imap_nstring_put(struct buf *out, struct span s)
{
	if (s.p)
		imap_string_put(out, s);
	else
		buf_put(out, "NIL", 3);
}

bool
imap_is_atom(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= 32 || s.p[i] >= 127 || memchr("(){%*\"\\]", s.p[i], 8))
			return false;
	return s.n > 0;
}

void
imap_astring_put(struct buf *out, struct span s)
{
	if (imap_is_atom(s) && !span_ieqs(s, "NIL"))
		buf_span(out, s);
	else
		imap_string_put(out, s);
}
