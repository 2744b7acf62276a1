/* SPDX-License-Identifier: ISC */
/* pattern.h - names with wildcards, of LIST and LSUB: RFC 9051 6.3.9.  Pure. */
#ifndef STORE_PATTERN_H
#define STORE_PATTERN_H

#include "store/store.h"

/* octets, once wildcards side by side are one */
enum { PATTERN_MAX = 2 * STORE_NAME_MAX + 1 };

struct pattern {
	size_t n;
	char p[PATTERN_MAX];
	bool matches_none; /* it has more letters than any name */
	/* in "%": levels of the hierarchy are told even where there is no mailbox */
	bool ends_in_level;
};

/* pattern_make - reference and name together, as one name */
void pattern_make(struct pattern *, struct span reference, struct span name);
/*
 * pattern_matches - '*' is anything, '%' anything within a level; INBOX in any case.  Time: name by
 * pattern
 */
bool pattern_matches(const struct pattern *, struct span name);

#endif
