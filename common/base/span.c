/* SPDX-License-Identifier: ISC */
/* span.c - borrowed bytes. */
#include "base/span.h"

#include <string.h>

struct span
span_of(const char *s)
{
	return (struct span){s, s ? strlen(s) : 0};
}

struct span
span_make(const void *p, size_t n)
{
	return (struct span){p, n};
}

struct span
span_from(struct span s, size_t at)
{
	if (at >= s.n)
		return (struct span){s.n ? s.p + s.n : s.p, 0};
	return (struct span){s.p + at, s.n - at};
}

struct span
span_head(struct span s, size_t n)
{
	return (struct span){s.p, n < s.n ? n : s.n};
}

bool
span_eq(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool
span_eqs(struct span a, const char *b)
{
	return span_eq(a, span_of(b));
}

bool
span_ieq(struct span a, struct span b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (ch_lower(a.p[i]) != ch_lower(b.p[i]))
			return false;
	return true;
}

bool
span_ieqs(struct span a, const char *b)
{
	return span_ieq(a, span_of(b));
}

bool
span_starts(struct span s, struct span head)
{
	return s.n >= head.n && span_eq(span_head(s, head.n), head);
}

bool
span_istarts(struct span s, struct span head)
{
	return s.n >= head.n && span_ieq(span_head(s, head.n), head);
}

bool
span_ends(struct span s, struct span tail)
{
	return s.n >= tail.n && span_eq(span_from(s, s.n - tail.n), tail);
}

int
span_cmp(struct span a, struct span b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n ? memcmp(a.p, b.p, n) : 0;
	return c ? c : (a.n > b.n) - (a.n < b.n);
}

size_t
span_find(struct span s, char c)
{
	const char *q = s.n ? memchr(s.p, c, s.n) : NULL;
	return q ? (size_t)(q - s.p) : s.n;
}

size_t
span_rfind(struct span s, char c)
{
	const char *q = s.n ? memrchr(s.p, c, s.n) : NULL;
	return q ? (size_t)(q - s.p) : s.n;
}

size_t
span_search(struct span s, struct span needle)
{
	const char *q = s.n ? memmem(s.p, s.n, needle.p, needle.n) : NULL;
	return q ? (size_t)(q - s.p) : s.n;
}

struct span
span_trim(struct span s)
{
	while (s.n && ch_space(s.p[0]))
		s = span_from(s, 1);
	while (s.n && ch_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

struct span
span_cut(struct span *s, char c)
{
	size_t at = span_find(*s, c);
	struct span head = span_head(*s, at);
	*s = span_from(*s, at < s->n ? at + 1 : at);
	return head;
}

bool
span_has_line(struct span lines, struct span line)
{
	while (lines.n)
		if (span_eq(span_cut(&lines, '\n'), line))
			return true;
	return false;
}

bool
span_take(struct span *s, char c)
{
	bool is_there = s->n && s->p[0] == c;
	*s = span_from(*s, is_there);
	return is_there;
}

int
span_u64(struct span s, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;
	if (s.n == 0)
		return E_BAD;
	for (size_t i = 0; i < s.n; i++)
		if (!ch_digit(s.p[i]))
			return E_BAD;
	for (size_t i = 0; i < s.n; i++) {
		uint64_t digit = (uint64_t)(s.p[i] - '0');
		if (v > (UINT64_MAX - digit) / 10)
			return E_LIMIT;
		v = v * 10 + digit;
	}
	if (v > max)
		return E_LIMIT;
	*out = v;
	return E_OK;
}

int
span_u32(struct span s, uint32_t *out)
{
	uint64_t v;
	int err = span_u64(s, UINT32_MAX, &v);
	if (err == E_OK)
		*out = (uint32_t)v;
	return err;
}

bool
ch_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool
ch_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool
ch_alnum(char c)
{
	return ch_alpha(c) || ch_digit(c);
}

bool
ch_space(char c)
{
	return c == ' ' || c == '\t';
}

bool
ch_ctl(char c)
{
	return (unsigned char)c < 32 || c == 127;
}

int
ch_hex(char c)
{
	if (ch_digit(c))
		return c - '0';
	c = ch_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

char
ch_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

char
ch_upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
}

/* Length of the sequence that begins at p, 0 when it is not one (RFC 3629 section 4). */
static size_t
utf8_len(const unsigned char *p, size_t n)
{
	unsigned char lo = 0x80, hi = 0xbf;
	size_t len;
	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		len = 2;
	else if (p[0] >= 0xe0 && p[0] <= 0xef)
		len = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		len = 4;
	else
		return 0;
	if (p[0] == 0xe0)
		lo = 0xa0;
	if (p[0] == 0xed)
		hi = 0x9f;
	if (p[0] == 0xf0)
		lo = 0x90;
	if (p[0] == 0xf4)
		hi = 0x8f;
	if (n < len || p[1] < lo || p[1] > hi)
		return 0;
	for (size_t i = 2; i < len; i++)
		if (p[i] < 0x80 || p[i] > 0xbf)
			return 0;
	return len;
}

bool
utf8_valid(struct span s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	for (size_t i = 0; i < s.n;) {
		size_t len = utf8_len(p + i, s.n - i);
		if (len == 0)
			return false;
		i += len;
	}
	return true;
}

size_t
utf8_count(struct span s)
{
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

/* Eight bytes at a time: whole bodies are asked. */
bool
span_is_ascii(struct span s)
{
	size_t i = 0;
	for (; s.n - i >= 32; i += 32) {
		uint64_t w[4];
		memcpy(w, s.p + i, sizeof w);
		if ((w[0] | w[1] | w[2] | w[3]) & 0x8080808080808080u)
			return false;
	}
	for (; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	return true;
}
