/* SPDX-License-Identifier: ISC */
/*
 * greylist_rows.h - who sent what to whom first, and who was seen to come again (Berkeley DB,
 * private to the role).  Rows are of one size, whatever the addresses: keys are hashes.  Bounded:
 * past most, the row that would end next goes, first those that nobody came again for.  Damaged or
 * missing: it begins anew, and all wait once more.  Calls block on the disk.
 */
#ifndef SMTPD_POLICY_GREYLIST_ROWS_H
#define SMTPD_POLICY_GREYLIST_ROWS_H

#include "smtpd/policy/greylist.h"

struct greylist_rules {
	int64_t delay_sec;  /* who comes again sooner waits on */
	int64_t window_sec; /* who comes again later begins anew */
	int64_t keep_sec;   /* since the last time */
	uint32_t learn; /* times that a sender passes before it is known; 0: never */
	uint64_t most;  /* rows */
};

struct greylist_said {
	enum greylist_verdict verdict;
	uint32_t left_sec;
};

struct greylist_rows;

/* folder: that of the rows is made in it.  E_OK, E_IO */
MUST_USE int greylist_rows_open(
    const char *folder, const struct greylist_rules *, struct greylist_rows **out);
void greylist_rows_close(struct greylist_rows **);
/*
 * greylist_rows_judge - what came of it, noted.  Letters in any case.  Durable after
 *   greylist_rows_sync: what is lost waits once more.
 *   returns  E_OK; else close it and open it again: E_IO, E_LIMIT (the disk is full)
 */
MUST_USE int greylist_rows_judge(struct greylist_rows *, struct span key,
    struct span sender, struct span rcpt, int64_t now_sec, struct greylist_said *out);
/* greylist_rows_sweep - some of what has ended goes.  E_OK: all of it; E_MORE: some is left */
MUST_USE int greylist_rows_sweep(struct greylist_rows *, int64_t now_sec);
MUST_USE int greylist_rows_sync(struct greylist_rows *);
uint64_t greylist_rows_count(const struct greylist_rows *);

#endif
