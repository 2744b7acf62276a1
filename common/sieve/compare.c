/* SPDX-License-Identifier: ISC */
/* compare.c - comparators and relations: two values, and what is compared as octets instead of one. */
#include "mime/casemap.h"
#include "sieve/run_state.h"

int
comparator_find(struct span name)
{
	static const char *const names[] = {[CMP_CASEMAP] = "i;ascii-casemap",
	    [CMP_OCTET] = "i;octet",
	    [CMP_NUMERIC] = "i;ascii-numeric",
	    [CMP_UNICODE] = "i;unicode-casemap"};
	for (size_t i = 0; i < COUNT(names); i++)
		if (span_eqs(name, names[i]))
			return (int)i;
	return -1;
}

int
relation_find(struct span name)
{
	static const char *const names[] = {[REL_GT] = "gt",
	    [REL_GE] = "ge",
	    [REL_LT] = "lt",
	    [REL_LE] = "le",
	    [REL_EQ] = "eq",
	    [REL_NE] = "ne"};
	for (size_t i = 0; i < COUNT(names); i++)
		if (span_ieqs(name, names[i]))
			return (int)i;
	return -1;
}

bool
relation_holds(enum sieve_relation relation, int compared)
{
	switch (relation) {
	case REL_GT:
		return compared > 0;
	case REL_GE:
		return compared >= 0;
	case REL_LT:
		return compared < 0;
	case REL_LE:
		return compared <= 0;
	case REL_EQ:
		return compared == 0;
	default:
		return compared != 0;
	}
}

/* RFC 4790 9.1: the digits at the front; what has none is the largest. */
static bool
number_of(struct span s, struct span *digits)
{
	size_t n = 0;
	while (n < s.n && ch_digit(s.p[n]))
		n++;
	*digits = span_head(s, n);
	while (digits->n > 1 && digits->p[0] == '0')
		*digits = span_from(*digits, 1);
	return n > 0;
}

static int
compare_numbers(struct span a, struct span b)
{
	struct span x, y;
	bool has_x = number_of(a, &x), has_y = number_of(b, &y);
	if (!has_x || !has_y)
		return has_x ? -1 : has_y;
	if (x.n != y.n)
		return x.n < y.n ? -1 : 1;
	return span_cmp(x, y);
}

static int
compare_any_case(struct span a, struct span b)
{
	for (size_t i = 0; i < a.n && i < b.n; i++) {
		unsigned char x = (unsigned char)ch_upper(a.p[i]);
		unsigned char y = (unsigned char)ch_upper(b.p[i]);
		if (x != y)
			return x < y ? -1 : 1;
	}
	return a.n < b.n ? -1 : a.n > b.n;
}

int
comparator_compare(enum sieve_comparator comparator, struct span a, struct span b)
{
	switch (comparator) {
	case CMP_NUMERIC:
		return compare_numbers(a, b);
	case CMP_CASEMAP:
		return compare_any_case(a, b);
	default:
		return span_cmp(a, b);
	}
}

void
comparator_fold(enum sieve_comparator comparator, struct span in, struct buf *out)
{
	if (comparator == CMP_UNICODE)
		casemap_fold(out, in);
	else if (comparator == CMP_CASEMAP)
		for (size_t i = 0; i < in.n; i++)
			buf_ch(out, ch_upper(in.p[i]));
	else
		buf_span(out, in);
}
