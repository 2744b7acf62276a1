/* SPDX-License-Identifier: ISC */
/*
 * kept.h - messages that were expunged and are kept for some days: they move into a mailbox that is
 * seen by its name only where a folder for it is configured, and counts for no quota.  What is
 * expunged from there is gone.  In the keeper.
 */
#ifndef STORE_KEPT_H
#define STORE_KEPT_H

#include "store/sweep.h"

/* What a job expunges in a step, while it is kept. */
struct keeping {
	struct slot *source,
	    *kept;       /* borrow: of this step; kept NULL: it is gone at once */
	uint64_t modseq; /* of kept, of this step; 0: none yet */
	int64_t now_sec;
	struct keyword_map map;
	struct store_record *made; /* own */
	size_t n, cap;
};

/* keep_begin - at the begin of each step */
void keep_begin(struct keeping *, struct slot *source);
/* message_expunged - message_gone, but kept where that is wanted */
MUST_USE int message_expunged(struct keeping *, struct store_record *, uint64_t modseq);
/* keep_end - at the end of the step, when no walk is open */
MUST_USE int keep_end(struct keeping *);
void keep_free(struct keeping *);

/* kept_show - when all mailboxes are loaded: it has its name, where that is no other's */
void kept_show(void);
/* kept_is_above - it has no inferiors */
bool kept_is_above(struct span name);
/* slot_asked - of a name, or (none) that of what is kept; NULL: it is not there */
struct slot *slot_asked(struct span name);
/* kept_sum - what of it there is */
struct usage kept_sum(void);
/* kept_purge - what was kept long enough goes, in slices */
void kept_purge(void);

#endif
