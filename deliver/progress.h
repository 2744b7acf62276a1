/* SPDX-License-Identifier: ISC */
/*
 * progress.h - which mailboxes of a recipient have a message already.  Scripts of a long list may take
 * more time than one try has: the next one goes on where it stopped, and does not begin at its first
 * member again.  In the placer's memory: one that forgets does what was done once more, to the same end.
 */
#ifndef DELIVER_PROGRESS_H
#define DELIVER_PROGRESS_H

#include "account/recipient.h"
#include "base/id.h"

enum {
	PROGRESS_MOST =
	    64 /* recipients; the one that was tried least lately is forgotten */
};

/* progress_has - this mailbox has it, since progress_add */
bool progress_has(struct id message, uint32_t rcpt, const struct target *);
void progress_add(struct id message, uint32_t rcpt, const struct target *);
void progress_forget(struct id message, uint32_t rcpt); /* all have it */
/* progress_lost - a sync failed: what was placed may not be there after a power cut */
void progress_lost(void);

#endif
