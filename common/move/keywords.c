/* SPDX-License-Identifier: ISC */
/* keywords.c - names of keywords, a bit each. */
#include "move/keywords.h"

#include "mime/imap_string.h"

/* An atom that is no system flag, of at most STORE_KEYWORD_MAX octets: RFC 9051 9, flag-keyword. */
static bool
keyword_is_legal(struct span s)
{
	return s.n <= STORE_KEYWORD_MAX && imap_is_atom(s) && s.p[0] != '\\';
}

uint64_t
keywords_bit(struct keywords *k, struct arena *a, struct span name)
{
	for (size_t i = 0; i < k->n; i++)
		if (span_ieq(k->names[i], name))
			return 1ull << i;
	if (k->n == STORE_KEYWORDS_MAX || !keyword_is_legal(name)) {
		k->n_left_out++;
		return 0;
	}
	k->names[k->n] = arena_span(a, name);
	return 1ull << k->n++;
}

size_t
keywords_of(const struct keywords *k, uint64_t bits, struct span *out)
{
	size_t n = 0;
	for (size_t i = 0; i < k->n; i++)
		if (bits & (1ull << i))
			out[n++] = k->names[i];
	return n;
}
