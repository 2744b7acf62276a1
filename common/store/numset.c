/* SPDX-License-Identifier: ISC */
/* numset.c - sets of numbers as ranges. */
#include "store/numset.h"

#include <stdlib.h>
#include <string.h>

void
numset_free(struct numset *s)
{
	mem_free(&s->ranges);
	*s = (struct numset){.n = 0};
}

void
numset_reset(struct numset *s)
{
	s->n = 0;
}

/* The first range that ends at number or behind it; s->n when there is none. */
static size_t
range_at(const struct numset *s, uint32_t number)
{
	size_t low = 0, high = s->n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (s->ranges[mid].to < number)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static int
insert(struct numset *s, size_t at, struct num_range r)
{
	if (s->n == NUMSET_RANGES_MOST)
		return E_LIMIT;
	s->ranges = mem_room(s->ranges, s->n, &s->cap, sizeof *s->ranges);
	memmove(&s->ranges[at + 1], &s->ranges[at], (s->n - at) * sizeof *s->ranges);
	s->ranges[at] = r;
	s->n++;
	return E_OK;
}

int
numset_add(struct numset *s, uint32_t from, uint32_t to)
{
	size_t at = s->n;
	if (s->n && from <= s->ranges[s->n - 1].to)
		at = range_at(s, from);
	/* one that ends just before from grows, too */
	if (at && s->ranges[at - 1].to == from - 1)
		at--;
	if (at == s->n || (to < UINT32_MAX && s->ranges[at].from > to + 1))
		return insert(s, at, (struct num_range){from, to});
	struct num_range *r = &s->ranges[at];
	if (from < r->from)
		r->from = from;
	size_t last = at;
	while (
	    last + 1 < s->n && (to == UINT32_MAX || s->ranges[last + 1].from <= to + 1))
		last++;
	r->to = s->ranges[last].to > to ? s->ranges[last].to : to;
	memmove(r + 1, &s->ranges[last + 1], (s->n - last - 1) * sizeof *r);
	s->n -= last - at;
	return E_OK;
}

int
numset_add_common(struct numset *s, const struct numset *from, struct num_range asked)
{
	int err = E_OK;
	for (size_t i = range_at(from, asked.from);
	     i < from->n && from->ranges[i].from <= asked.to && err == E_OK; i++) {
		struct num_range r = from->ranges[i];
		err = numset_add(s, r.from > asked.from ? r.from : asked.from,
		    r.to < asked.to ? r.to : asked.to);
	}
	return err;
}

/* Where a set begins, ends, begins again: ascending. */
static uint64_t
boundary(const struct numset *s, size_t k)
{
	if (k / 2 == s->n)
		return UINT64_MAX;
	const struct num_range *r = &s->ranges[k / 2];
	return k % 2 ? (uint64_t)r->to + 1 : r->from;
}

int
numset_toggle(struct numset *out, const struct numset *a, const struct numset *b)
{
	size_t i = 0, j = 0;
	uint64_t from = 0; /* of the range that is open; 0: none is */
	int err = E_OK;
	while (err == E_OK) {
		uint64_t x = boundary(a, i), y = boundary(b, j), at = x < y ? x : y;
		if (at == UINT64_MAX)
			break;
		i += x == at;
		j += y == at;
		if (x == y)
			continue;
		if (from)
			err = numset_add(out, (uint32_t)from, (uint32_t)(at - 1));
		from = from ? 0 : at;
	}
	return err;
}

bool
numset_has(const struct numset *s, uint32_t number)
{
	size_t at = range_at(s, number);
	return at < s->n && s->ranges[at].from <= number;
}

uint32_t
numset_from(const struct numset *s, uint32_t number)
{
	size_t at = range_at(s, number);
	if (at == s->n)
		return 0;
	return s->ranges[at].from > number ? s->ranges[at].from : number;
}

uint64_t
numset_count(const struct numset *s)
{
	uint64_t n = 0;
	for (size_t i = 0; i < s->n; i++)
		n += (uint64_t)s->ranges[i].to - s->ranges[i].from + 1;
	return n;
}

void
numset_put(struct buf *out, const struct numset *s)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct num_range *r = &s->ranges[i];
		if (r->from == r->to)
			buf_putf(out, "%s%u", i ? "," : "", r->from);
		else
			buf_putf(out, "%s%u:%u", i ? "," : "", r->from, r->to);
	}
}

void
numset_encode(struct buf *out, const struct num_range *ranges, size_t n)
{
	buf_u32(out, (uint32_t)n);
	for (size_t i = 0; i < n; i++) {
		buf_u32(out, ranges[i].from);
		buf_u32(out, ranges[i].to);
	}
}

int
numset_decode(struct rd *r, struct numset *out)
{
	uint32_t n = rd_u32(r), before = 0;
	for (uint32_t i = 0; i < n && r->err == E_OK; i++) {
		uint32_t from = rd_u32(r), to = rd_u32(r);
		if (r->err != E_OK || from <= before || to < from ||
		    numset_add(out, from, to) != E_OK)
			return E_BAD;
		before = to;
	}
	return r->err;
}
