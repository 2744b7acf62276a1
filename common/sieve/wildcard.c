/* SPDX-License-Identifier: ISC */
/* wildcard.c - the match of :matches: two fingers, and a step back to the last "*" alone. */
#include "sieve/match.h"

struct finger {
	struct span text, pattern;
	size_t at, p; /* in the text, in the pattern */
	bool is_any_case, is_octets;
	struct span *values;
	size_t max, n;
};

static void
put_value(struct finger *f, size_t i, size_t from, size_t to)
{
	if (i < f->max)
		f->values[i] = span_make(f->text.p + from, to - from);
}

static size_t
char_size(const struct finger *f, size_t at)
{
	size_t n = 1;
	if (!f->is_octets && (unsigned char)f->text.p[at] >= 0xc0)
		while (at + n < f->text.n && n < 4 &&
		       ((unsigned char)f->text.p[at + n] & 0xc0) == 0x80)
			n++;
	return n;
}

/* One character of the pattern that is no "*" against one of the text. */
static bool
step(struct finger *f)
{
	size_t p = f->p, n;
	char c;
	if (p == f->pattern.n || f->at == f->text.n)
		return false;
	c = f->pattern.p[p];
	if (c == '?') {
		n = char_size(f, f->at);
		put_value(f, f->n++, f->at, f->at + n);
		f->at += n;
		f->p++;
		return true;
	}
	if (c == '\\' && p + 1 < f->pattern.n)
		c = f->pattern.p[++p];
	if (f->text.p[f->at] != c &&
	    (!f->is_any_case || ch_upper(f->text.p[f->at]) != ch_upper(c)))
		return false;
	f->p = p + 1;
	f->at++;
	return true;
}

static bool
is_star(const struct finger *f)
{
	return f->p < f->pattern.n && f->pattern.p[f->p] == '*';
}

int
wildcard_match(struct span text, struct span pattern, bool is_any_case, bool is_octets,
    struct span *values, size_t max, size_t *n_values, struct sieve_work *work)
{
	struct finger f = {.text = text,
	    .pattern = pattern,
	    .is_any_case = is_any_case,
	    .is_octets = is_octets,
	    .values = values,
	    .max = max,
	    .n = 1};
	/* of the last "*": where its text begins and ends so far, what is behind it, its value */
	size_t star_from = 0, star_to = 0, behind = 0, n_behind = 0;
	bool has_star = false;
	for (;;) {
		if (++work->done > work->most)
			return E_LIMIT;
		if (is_star(&f)) {
			if (has_star)
				put_value(&f, n_behind - 1, star_from, star_to);
			star_from = star_to = f.at;
			behind = ++f.p;
			n_behind = ++f.n;
			has_star = true;
			continue;
		}
		if (f.p == f.pattern.n && f.at == text.n)
			break;
		if (step(&f))
			continue;
		if (!has_star || star_to == text.n)
			return E_MORE;
		star_to += char_size(&f, star_to);
		f.at = star_to;
		f.p = behind;
		f.n = n_behind;
	}
	if (has_star)
		put_value(&f, n_behind - 1, star_from, star_to);
	put_value(&f, 0, 0, text.n);
	*n_values = f.n < max ? f.n : max;
	return E_OK;
}
