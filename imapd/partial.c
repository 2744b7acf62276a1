/* SPDX-License-Identifier: ISC */
/* partial.c - a window on what is found, from either end. */
#include "imapd/partial.h"

static bool
number_read(struct parse *p, bool is_from_end, uint32_t *out)
{
	return parse_ch(p, '-') == is_from_end && parse_number(p, out) == E_OK && *out;
}

int
partial_parse(struct parse *p, struct partial *out)
{
	struct span from = p->in;
	*out = (struct partial){.is_there = true, .is_from_end = parse_peek(p, '-')};
	if (!number_read(p, out->is_from_end, &out->first) || !parse_ch(p, ':') ||
	    !number_read(p, out->is_from_end, &out->last))
		return parse_fail(p, from, "a range of results");
	return E_OK;
}

void
partial_put(struct buf *out, const struct partial *p)
{
	const char *sign = p->is_from_end ? "-" : "";
	buf_putf(out, "%s%lu:%s%lu", sign, (unsigned long)p->first, sign,
	    (unsigned long)p->last);
}

uint32_t
partial_most(const struct partial *p)
{
	return p->first > p->last ? p->first : p->last;
}

size_t
partial_window(const struct partial *p, size_t n, size_t *at)
{
	size_t most = partial_most(p), least = (size_t)p->first + p->last - most;
	size_t to = most < n ? most : n, from = least - 1;
	*at = 0;
	if (from >= to)
		return 0;
	*at = p->is_from_end ? n - to : from;
	return to - from;
}
