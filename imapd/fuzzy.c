/* SPDX-License-Identifier: ISC */
/* fuzzy.c - about what was looked for. */
#include "imapd/fuzzy.h"

#include <string.h>

#include "mime/charset.h"

enum {
	SCORE_PREFIX_LEAST = 25,
	SCORE_PREFIX_MOST = 90,
	SCORE_INSIDE = 80,
	SCORE_MISTAKE = 20,
};

/* ---- words ---- */

/* Marks over and under letters: what folding takes off them (RFC 5051 2). */
static bool
is_mark(uint32_t c)
{
	return (c >= 0x300 && c <= 0x36f) || (c >= 0x1ab0 && c <= 0x1aff) ||
	       (c >= 0x20d0 && c <= 0x20ff);
}

static bool
is_letter(uint32_t c)
{
	if (c < 0x80)
		return ch_alnum((char)c);
	return c > 0xbf && !(c >= 0x2000 && c <= 0x206f) &&
	       !(c >= 0x3000 && c <= 0x303f) && !(c >= 0xff00 && c <= 0xff0f) &&
	       c != 0xfffd;
}

/* Of East Asia, of Thai and its neighbours: words without blanks between. */
static bool
is_own_script(uint32_t c)
{
	return (c >= 0x2e80 && c <= 0xd7ff) || (c >= 0xf900 && c <= 0xfaff) ||
	       (c >= 0x0e00 && c <= 0x0fff) || c >= 0x20000;
}

/* The next word of *in; false: there is none. */
static bool
word_next(struct span *in, struct fuzzy_word *out)
{
	out->n = 0;
	out->is_cut = out->has_own_script = false;
	while (in->n) {
		uint32_t c = utf8_next(in);
		if (is_mark(c))
			continue;
		if (!is_letter(c)) {
			if (out->n)
				return true;
			continue;
		}
		out->has_own_script |= is_own_script(c);
		if (out->n < FUZZY_LETTERS_MAX)
			out->letters[out->n++] = c;
		else
			out->is_cut = true;
	}
	return out->n > 0;
}

void
fuzzy_init(struct fuzzy *f, struct span folded)
{
	f->n = 0;
	while (f->n < FUZZY_WORDS_MAX && word_next(&folded, &f->words[f->n]))
		f->n++;
	fuzzy_begin(f);
}

/* ---- one word against another ---- */

static size_t
same_letters(
    const struct fuzzy_word *a, size_t at_a, const struct fuzzy_word *b, size_t at_b)
{
	size_t n = 0;
	while (at_a + n < a->n && at_b + n < b->n &&
	       a->letters[at_a + n] == b->letters[at_b + n])
		n++;
	return n;
}

/* From there on both are the same, to their ends. */
static bool
ends_alike(
    const struct fuzzy_word *a, size_t at_a, const struct fuzzy_word *b, size_t at_b)
{
	return at_a <= a->n && at_b <= b->n && a->n - at_a == b->n - at_b &&
	       same_letters(a, at_a, b, at_b) == a->n - at_a;
}

/* One letter is wrong, one too many, one too few, or two are in each other's place. */
static bool
has_mistake(const struct fuzzy_word *a, const struct fuzzy_word *b)
{
	size_t at = same_letters(a, 0, b, 0);
	if (ends_alike(a, at + 1, b, at + 1) || ends_alike(a, at + 1, b, at) ||
	    ends_alike(a, at, b, at + 1))
		return true;
	return at + 1 < a->n && at + 1 < b->n && a->letters[at] == b->letters[at + 1] &&
	       a->letters[at + 1] == b->letters[at] && ends_alike(a, at + 2, b, at + 2);
}

static bool
is_inside(const struct fuzzy_word *wanted, const struct fuzzy_word *word)
{
	for (size_t at = 0; at + wanted->n <= word->n; at++)
		if (same_letters(wanted, 0, word, at) == wanted->n)
			return true;
	return false;
}

static unsigned
word_score(const struct fuzzy_word *wanted, const struct fuzzy_word *word)
{
	size_t same = same_letters(wanted, 0, word, 0);
	if (same == wanted->n && word->n == wanted->n && wanted->is_cut == word->is_cut)
		return FUZZY_SCORE_MAX;
	if (same == wanted->n && wanted->n >= FUZZY_PREFIX_LEAST)
		return SCORE_PREFIX_LEAST +
		       (unsigned)((SCORE_PREFIX_MOST - SCORE_PREFIX_LEAST) * wanted->n /
				  word->n);
	if (wanted->has_own_script)
		return is_inside(wanted, word) ? SCORE_INSIDE : 0;
	bool may_err = wanted->n >= FUZZY_LETTERS_LEAST && !wanted->is_cut &&
	               !word->is_cut && word->n + 1 >= wanted->n &&
	               word->n <= wanted->n + 1;
	return may_err && has_mistake(wanted, word) ? SCORE_MISTAKE : 0;
}

/* ---- a text ---- */

void
fuzzy_begin(struct fuzzy *f)
{
	memset(f->best, 0, sizeof f->best);
}

static bool
is_best(const struct fuzzy *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->best[i] < FUZZY_SCORE_MAX)
			return false;
	return true;
}

bool
fuzzy_look(struct fuzzy *f, struct span folded, unsigned percent)
{
	struct fuzzy_word word;
	while (word_next(&folded, &word))
		for (size_t i = 0; i < f->n; i++) {
			unsigned score = word_score(&f->words[i], &word);
			if (score == 0)
				continue;
			score = score * percent / 100;
			if (score == 0)
				score = 1;
			if (score > f->best[i])
				f->best[i] = (uint8_t)score;
		}
	return is_best(f);
}

unsigned
fuzzy_score(const struct fuzzy *f)
{
	unsigned sum = 0;
	for (size_t i = 0; i < f->n; i++) {
		if (f->best[i] == 0)
			return 0;
		sum += f->best[i];
	}
	return f->n ? sum / (unsigned)f->n : 0;
}

/* ---- numbers ---- */

unsigned
fuzzy_near(int64_t n, int64_t from, int64_t to, int64_t most)
{
	if (n >= from && n <= to)
		return FUZZY_SCORE_MAX;
	if (from > to || most <= 0)
		return 0;
	uint64_t away =
	    n < from ? (uint64_t)from - (uint64_t)n : (uint64_t)n - (uint64_t)to;
	if (away > (uint64_t)most)
		return 0;
	unsigned left = (unsigned)((double)((uint64_t)most - away) *
				   (FUZZY_SCORE_MAX - 2) / (double)most);
	return left + 1;
}
