/* SPDX-License-Identifier: ISC */
/*
 * find.c - looks for the needle's first and last letter, 32 places at a time, and compares where
 * both are.  Where that is too often and in vain, each octet is looked at once instead (Knuth, Morris
 * and Pratt), so that no text makes a search dear.
 */
#include "mime/find.h"

#include <string.h>

enum {
	LANES = 16,
	PLACES = 2 * LANES,
	CASE_BIT = 0x20,
	SCAN_SHARE =
	    8, /* octets that are looked at together cost as much as one that is compared */
	VAIN_MAX = 8, /* octets compared for each that is passed */
};

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
is_here(const char *p, struct span needle, bool any_case, size_t *compared)
{
	size_t i = 0;
	if (!any_case) {
		*compared += p[0] == needle.p[0] ? needle.n : 1;
		return p[0] == needle.p[0] && memcmp(p, needle.p, needle.n) == 0;
	}
	while (i < needle.n && ch_upper(p[i]) == needle.p[i])
		i++;
	*compared += i + 1;
	return i == needle.n;
}

/* Is it at one of the first n places?  E_OK, E_MORE (no), E_LIMIT (compared is past most) */
static int
is_at_any(const char *p, size_t n, struct span needle, bool any_case, size_t most,
    size_t *compared)
{
	for (size_t i = 0; i < n; i++) {
		if (is_here(p + i, needle, any_case, compared))
			return E_OK;
		if (*compared > most)
			return E_LIMIT;
	}
	return E_MORE;
}

/* For each beginning of the needle: how long a beginning of it also ends it. */
static uint32_t *
borders_of(struct span needle)
{
	uint32_t *borders = mem_new(needle.n * sizeof(*borders)), k = 0;
	for (size_t i = 1; i < needle.n; i++) {
		while (k && needle.p[i] != needle.p[k])
			k = borders[k - 1];
		k += needle.p[i] == needle.p[k];
		borders[i] = k;
	}
	return borders;
}

static bool
find_linearly(struct span hay, struct span needle, bool any_case, uint64_t *work)
{
	uint32_t *borders = borders_of(needle), k = 0;
	for (size_t i = 0; i < hay.n && k < needle.n; i++) {
		char c = any_case ? ch_upper(hay.p[i]) : hay.p[i];
		while (k && c != needle.p[k])
			k = borders[k - 1];
		k += c == needle.p[k];
	}
	mem_free(&borders);
	*work += 2 * (hay.n + needle.n);
	return k == needle.n;
}

static inline bool
find(struct span hay, struct span needle, bool any_case, uint64_t *work)
{
	size_t i = 0, compared = 0;
	int err = E_MORE;
	if (needle.n == 0 || hay.n < needle.n)
		return needle.n == 0;
	size_t places = hay.n - needle.n + 1, last_at = needle.n - 1;
	struct probe first = probe_of(needle.p[0], any_case),
		     last = probe_of(needle.p[last_at], any_case);
	for (; places - i >= PLACES && err == E_MORE; i += PLACES)
		if (is_likely(hay.p + i, last_at, first, last))
			err = is_at_any(hay.p + i, PLACES, needle, any_case,
			    VAIN_MAX * (i + PLACES + needle.n), &compared);
	if (err == E_MORE)
		err = is_at_any(hay.p + i, places - i, needle, any_case,
		    VAIN_MAX * hay.n, &compared);
	*work += i / SCAN_SHARE + compared;
	return err == E_OK ||
	       (err == E_LIMIT &&
		   find_linearly(span_from(hay, i > PLACES ? i - PLACES : 0), needle,
		       any_case, work));
}

bool
find_bytes(struct span hay, struct span needle)
{
	uint64_t work = 0;
	return find(hay, needle, false, &work);
}

bool
find_any_case(struct span hay, struct span needle)
{
	uint64_t work = 0;
	return find(hay, needle, true, &work);
}

bool
find_counted(struct span hay, struct span needle, bool is_any_case, uint64_t *work)
{
	return is_any_case ? find(hay, needle, true, work)
	                   : find(hay, needle, false, work);
}
