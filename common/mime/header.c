/* SPDX-License-Identifier: ISC */
/* header.c - the fields of a head. */
#include "mime/header.h"

#include <string.h>

/* Length of the first line with its end; s.n when it has none. */
static size_t
line_len(struct span s)
{
	size_t at = span_find(s, '\n');
	return at < s.n ? at + 1 : s.n;
}

static bool
is_empty_line(struct span line)
{
	return (line.n == 1 && line.p[0] == '\n') ||
	       (line.n == 2 && line.p[0] == '\r' && line.p[1] == '\n');
}

size_t
header_end(struct span message)
{
	struct span left = message;
	while (left.n) {
		struct span line = span_head(left, line_len(left));
		left = span_from(left, line.n);
		if (is_empty_line(line))
			break;
	}
	return message.n - left.n;
}

struct span
header_head(struct span message)
{
	return span_head(message, header_end(span_head(message, HEADER_BYTES_MAX)));
}

/* Length of the line and of those that continue it (RFC 5322 2.2.3). */
static size_t
folded_len(struct span s)
{
	size_t n = line_len(s);
	while (n < s.n && ch_space(s.p[n]))
		n += line_len(span_from(s, n));
	return n;
}

static struct span
without_line_end(struct span s)
{
	if (s.n && s.p[s.n - 1] == '\n')
		s.n--;
	if (s.n && s.p[s.n - 1] == '\r')
		s.n--;
	return s;
}

/* Offset of the colon, or 0 when the line does not begin with a name (RFC 5322 3.6.8, 4.5). */
static size_t
colon_at(struct span line, size_t *name_n)
{
	size_t n = 0;
	while (n < line.n && n <= HEADER_NAME_MAX && line.p[n] > 32 &&
	       line.p[n] < 127 && line.p[n] != ':')
		n++;
	size_t at = n;
	while (at < line.n && ch_space(line.p[at]))
		at++;
	*name_n = n;
	return n && n <= HEADER_NAME_MAX && at < line.n && line.p[at] == ':' ? at : 0;
}

int
header_next(struct span *head, struct header_field *out)
{
	while (head->n) {
		if (is_empty_line(span_head(*head, line_len(*head))))
			break;
		struct span whole = span_head(*head, folded_len(*head));
		*head = span_from(*head, whole.n);
		size_t name_n, colon = colon_at(whole, &name_n);
		if (colon == 0)
			continue;
		out->name = span_head(whole, name_n);
		out->value = span_from(without_line_end(whole), colon + 1);
		out->whole = whole;
		return E_OK;
	}
	return E_MORE;
}

int
header_find(struct span *head, struct span name, struct header_field *out)
{
	for (size_t n = 0; n < HEADER_FIELDS_MAX; n++) {
		int err = header_next(head, out);
		if (err != E_OK || span_ieq(out->name, name))
			return err;
	}
	return E_MORE;
}

static bool
is_blank(char c)
{
	return ch_space(c) || c == '\r' || c == '\n';
}

struct span
header_value(struct span head, struct span name)
{
	struct header_field field;
	if (header_find(&head, name, &field) != E_OK)
		return (struct span){NULL, 0};
	struct span v = field.value;
	while (v.n && is_blank(v.p[0]))
		v = span_from(v, 1);
	while (v.n && is_blank(v.p[v.n - 1]))
		v.n--;
	return v;
}

/* The blanks, line ends and NULs around it off. */
static struct span
blanks_off(struct span s)
{
	while (s.n && (is_blank(s.p[0]) || s.p[0] == '\0'))
		s = span_from(s, 1);
	while (s.n && (is_blank(s.p[s.n - 1]) || s.p[s.n - 1] == '\0'))
		s.n--;
	return s;
}

/* A line without its end; CRs and NULs within are rare. */
static void
line_put(struct buf *out, struct span line)
{
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	if (span_find(line, '\r') == line.n && span_find(line, '\0') == line.n) {
		buf_span(out, line);
		return;
	}
	for (size_t i = 0; i < line.n; i++)
		if (line.p[i] != '\r' && line.p[i] != '\0')
			buf_ch(out, line.p[i]);
}

void
header_unfold(struct buf *out, struct span value)
{
	value = blanks_off(value);
	if (!buf_room(out, value.n)) /* all or nothing */
		return;
	while (value.n)
		line_put(out, span_cut(&value, '\n'));
}
