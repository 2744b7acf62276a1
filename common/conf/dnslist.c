/* SPDX-License-Identifier: ISC */
/* dnslist.c - lists of addresses in the DNS: one item of the setting. */
#include "conf/dnslist.h"

/* ---- answers ---- */

static bool
has_octet(const struct dnslist *l, size_t at, unsigned value)
{
	return l->octets[at][value / 32] >> (value % 32) & 1;
}

/* "7", "5..7" */
static int
range(struct span s, struct dnslist *out, size_t at)
{
	size_t dots = span_search(s, SPAN(".."));
	uint64_t low, high;
	if (span_u64(span_head(s, dots), UINT8_MAX, &low) != E_OK)
		return E_BAD;
	high = low;
	if (dots < s.n && span_u64(span_from(s, dots + 2), UINT8_MAX, &high) != E_OK)
		return E_BAD;
	for (uint64_t i = low; i <= high; i++)
		out->octets[at][i / 32] |= (uint32_t)1 << (i % 32);
	return low <= high ? E_OK : E_BAD;
}

/* One octet of an answer, and what stands behind it. */
static int
octet(struct span *s, struct dnslist *out, size_t at)
{
	if (!span_take(s, '['))
		return range(span_cut(s, '.'), out, at);
	size_t end = span_find(*s, ']');
	struct span inner = span_head(*s, end);
	if (end == s->n || !inner.n)
		return E_BAD;
	*s = span_from(*s, end + 1);
	while (inner.n)
		if (range(span_cut(&inner, ';'), out, at) != E_OK)
			return E_BAD;
	return !s->n || span_take(s, '.') ? E_OK : E_BAD;
}

static int
answer(struct span s, struct dnslist *out)
{
	for (size_t at = 0; at < 4; at++)
		if (!s.n || octet(&s, out, at) != E_OK)
			return E_BAD;
	return s.n ? E_BAD : E_OK;
}

/* ---- the rest ---- */

static int
weight(struct span s, int *out)
{
	bool is_minus = span_take(&s, '-');
	uint64_t n;
	if (span_u64(s, DNSLIST_WEIGHT_MAX, &n) != E_OK || n == 0)
		return E_BAD;
	*out = is_minus ? -(int)n : (int)n;
	return E_OK;
}

/* Labels with dots between; of several, so that nothing is asked of a top level. */
static bool
is_zone(struct span s)
{
	char before = '.';
	if (s.n > DNSLIST_ZONE_MAX || span_find(s, '.') == s.n)
		return false;
	for (size_t i = 0; i < s.n; before = s.p[i++])
		if (s.p[i] == '.' ? before == '.'
				  : !ch_alnum(s.p[i]) && s.p[i] != '-' && s.p[i] != '_')
			return false;
	return before != '.';
}

int
dnslist_parse(struct span text, struct dnslist *out)
{
	*out = (struct dnslist){.weight = 1};
	struct span rest = span_trim(text), item = span_cut(&rest, ' ');
	size_t equals = span_find(item, '=');
	out->zone = span_head(item, equals);
	out->is_any = equals == item.n;
	rest = span_trim(rest);
	if (!is_zone(out->zone) || (rest.n && weight(rest, &out->weight) != E_OK))
		return E_BAD;
	return out->is_any ? E_OK : answer(span_from(item, equals + 1), out);
}

bool
dnslist_fits(const struct dnslist *l, const unsigned char a[4])
{
	if (l->is_any)
		return a[0] == 127 && !(a[1] == 255 && a[2] == 255);
	for (size_t i = 0; i < 4; i++)
		if (!has_octet(l, i, a[i]))
			return false;
	return true;
}
