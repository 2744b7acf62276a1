/* SPDX-License-Identifier: ISC */
/*
 * find.c - looks for the needle's first and last letter, 32 places at a time, and compares where
 * both are.
 */
#include "mime/find.h"

#include <string.h>

enum { LANES = 16, PLACES = 2 * LANES, CASE_BIT = 0x20 };

typedef unsigned char lanes __attribute__((vector_size(LANES)));

/*
 * A letter with its case bit set is the same in both cases; what is no letter is compared as it is.
 */
struct probe {
	unsigned char bit, byte;
};

static struct probe
probe_of(char c, bool any_case)
{
	unsigned char bit = any_case && ch_alpha(c) ? CASE_BIT : 0;
	return (struct probe){bit, (unsigned char)c | bit};
}

static lanes
lanes_that_are(const char *p, struct probe probe)
{
	lanes v;
	memcpy(&v, p, sizeof v);
	return (lanes)((v | probe.bit) == (lanes){} + probe.byte);
}

/*
 * Is the first letter at one of PLACES places, and the last one as far behind it as it should be?
 */
static bool
is_likely(const char *p, size_t last_at, struct probe first, struct probe last)
{
	uint64_t part[LANES / 8];
	lanes likely = (lanes_that_are(p, first) & lanes_that_are(p + last_at, last)) |
	               (lanes_that_are(p + LANES, first) &
			   lanes_that_are(p + LANES + last_at, last));
	memcpy(part, &likely, sizeof part);
	return (part[0] | part[1]) != 0;
}

static bool
is_here(const char *p, struct span needle, bool any_case)
{
	if (!any_case)
		return memcmp(p, needle.p, needle.n) == 0;
	for (size_t i = 0; i < needle.n; i++)
		if (ch_upper(p[i]) != needle.p[i])
			return false;
	return true;
}

/* Is it at one of the first n places? */
static bool
is_at_any(const char *p, size_t n, struct span needle, bool any_case)
{
	for (size_t i = 0; i < n; i++)
		if (is_here(p + i, needle, any_case))
			return true;
	return false;
}

static inline bool
find(struct span hay, struct span needle, bool any_case)
{
	size_t i = 0;
	if (needle.n == 0 || hay.n < needle.n)
		return needle.n == 0;
	size_t places = hay.n - needle.n + 1, last_at = needle.n - 1;
	struct probe first = probe_of(needle.p[0], any_case),
		     last = probe_of(needle.p[last_at], any_case);
	for (; places - i >= PLACES; i += PLACES)
		if (is_likely(hay.p + i, last_at, first, last) &&
		    is_at_any(hay.p + i, PLACES, needle, any_case))
			return true;
	return is_at_any(hay.p + i, places - i, needle, any_case);
}

bool
find_bytes(struct span hay, struct span needle)
{
	return find(hay, needle, false);
}

bool
find_any_case(struct span hay, struct span needle)
{
	return find(hay, needle, true);
}
