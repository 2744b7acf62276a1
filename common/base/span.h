/* SPDX-License-Identifier: ISC */
/* span.h - bytes that somebody else owns, and the ASCII questions asked of them. */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include "base/base.h"

struct span {
	const char *p; /* borrow; not NUL-terminated */
	size_t n;
};

#define SPAN(literal) ((struct span){(literal), sizeof(literal) - 1})
#define SPAN_ARG(s) (int)(s).n, (s).p /* for "%.*s" */

struct span span_of(const char *s); /* of a C string; NULL is empty */
struct span span_make(const void *p, size_t n);
struct span span_from(struct span s, size_t at); /* without the first at bytes */
struct span span_head(struct span s, size_t n);  /* at most the first n bytes */
bool span_eq(struct span a, struct span b);      /* bytes */
bool span_eqs(struct span a, const char *b);
bool span_ieq(struct span a, struct span b); /* ASCII letters in any case */
bool span_ieqs(struct span a, const char *b);
bool span_starts(struct span s, struct span head);
bool span_istarts(struct span s, struct span head);
bool span_ends(struct span s, struct span tail);
int span_cmp(struct span a, struct span b); /* memcmp, then the shorter first */
/* span_find - offset of the first c, or s.n when there is none */
size_t span_find(struct span s, char c);
size_t span_rfind(struct span s, char c);
/* span_search - offset of the first needle, or s.n when there is none */
size_t span_search(struct span s, struct span needle);
struct span span_trim(struct span s); /* SP and HTAB off both ends */
/*
 * span_cut - takes what stands before the first c off *s (and the c); all of *s when there is none
 */
struct span span_cut(struct span *s, char c);
/* span_has_line - one of the lines, each with a line feed behind it, is this */
bool span_has_line(struct span lines, struct span line);
bool span_take(struct span *s, char c); /* takes c off the front, if it is there */
/* span_u64 - the whole of s is a decimal number of at most max.  E_OK, E_BAD, E_LIMIT */
MUST_USE int span_u64(struct span s, uint64_t max, uint64_t *out);
/* the same, of at most UINT32_MAX */
MUST_USE int span_u32(struct span s, uint32_t *out);

/* ASCII only, locale-free, safe on raw bytes */
bool ch_alpha(char c);
bool ch_digit(char c);
bool ch_alnum(char c);
bool ch_space(char c); /* SP, HTAB */
bool ch_ctl(char c);   /* 0-31, 127 */
int ch_hex(char c);    /* value, or -1 */
char ch_lower(char c);
char ch_upper(char c);

/* utf8_valid - RFC 3629: no overlong forms, no surrogates, nothing past U+10FFFF */
bool utf8_valid(struct span s);
size_t utf8_count(struct span s);  /* characters of valid UTF-8 */
bool span_is_ascii(struct span s); /* no byte with the high bit */

#endif
