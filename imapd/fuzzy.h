/* SPDX-License-Identifier: ISC */
/*
 * fuzzy.h - texts, days and sizes that are about what was looked for, and how much so: FUZZY, RFC
 * 6203.  Pure.  Texts are folded (casemap.h), so case is nothing; what stands over and under letters
 * is nothing here either.  All words that are looked for must be there, in any order, each one
 *   as a word                                                       100
 *   as the beginning of a word: the more of it, the better          25 to 90
 *   from FUZZY_LETTERS_LEAST letters on, as a word of which one
 *     letter is wrong, too many, too few, or in its neighbour's place 20
 *   anywhere, where it is of a script that has no blanks             80
 * and the score is their mean.
 */
#ifndef IMAPD_FUZZY_H
#define IMAPD_FUZZY_H

#include "base/span.h"

enum {
	FUZZY_WORDS_MAX = 16,    /* that are looked for: more are not */
	FUZZY_LETTERS_MAX = 64,  /* of a word: what stands behind is not compared */
	FUZZY_LETTERS_LEAST = 5, /* of a word that may have a mistake in it */
	FUZZY_PREFIX_LEAST = 2,  /* letters that may be the beginning of a word */
	FUZZY_SCORE_MAX = 100,
	FUZZY_DAYS = 14, /* so far outside a day may be */
};

struct fuzzy_word {
	uint32_t letters[FUZZY_LETTERS_MAX];
	size_t n;
	bool is_cut;         /* there were more */
	bool has_own_script; /* without blanks between words */
};

struct fuzzy {
	struct fuzzy_word words[FUZZY_WORDS_MAX];
	size_t n; /* 0: there is no word in it */
	/* of each, in what was looked through since fuzzy_begin; 0: not found */
	uint8_t best[FUZZY_WORDS_MAX];
};

void fuzzy_init(struct fuzzy *, struct span folded);
void fuzzy_begin(struct fuzzy *);
/*
 * fuzzy_look - one text; percent: what being found in it is worth.  Returns whether nothing better
 * can be found
 */
bool fuzzy_look(struct fuzzy *, struct span folded, unsigned percent);
/* fuzzy_score - 1 to FUZZY_SCORE_MAX; 0: some word is not there */
unsigned fuzzy_score(const struct fuzzy *);

/*
 * fuzzy_near - of a number that should be from .. to, both inside: FUZZY_SCORE_MAX there, less
 * outside, 0 further away than most
 */
unsigned fuzzy_near(int64_t n, int64_t from, int64_t to, int64_t most);

#endif
