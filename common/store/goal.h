/* SPDX-License-Identifier: ISC */
/*
 * goal.h - into which mailbox a message of new/ goes: INBOX, the one for junk, or where its
 * directions say (directions.h).  Mailboxes that are missing are made in the batch.
 */
#ifndef STORE_GOAL_H
#define STORE_GOAL_H

#include "store/directions.h"
#include "store/mailboxes.h"

enum { GOAL_MADE_MOST = 200 };

/* Messages of a step, for one mailbox. */
struct goal {
	struct goal *next; /* own */
	struct slot *slot; /* borrow */
	size_t n;
	struct store_record made[GOAL_MADE_MOST];
};

/* goal_of - that of this message; d: NULL: it has no directions.  borrow: until goals_free */
struct goal *goal_of(
    struct goal **all, const struct file_name *, const struct directions *d);
void goals_free(struct goal **all);
/*
 * directions_read - of this message; text holds what out borrows.  E_OK, E_BAD: there are none
 * that can be read (logged); E_IO: not now, for want of descriptors or memory
 */
MUST_USE int directions_read(struct file_id, struct buf *text, struct directions *out);
void directions_remove(struct file_id);
/* directions_are_old - name, in new/, has directions, of a message that came a day ago or never */
bool directions_are_old(const char *name);
/* directions_sweep - such go; called when all messages with directions have been taken in */
void directions_sweep(void);

#endif
