/* SPDX-License-Identifier: ISC */
/*
 * progress.h - which mailboxes of a recipient have a message already, and which scripts have sent what
 * they send.  Scripts of a long list may take more time than one try has: the next one goes on where it
 * stopped.  A try that ended for another reason stores anew what may not have become durable, but sends
 * nothing twice, also where the agent cannot remember that.  In the placer's memory: one that forgets does
 * what was done once more.
 */
#ifndef DELIVER_PROGRESS_H
#define DELIVER_PROGRESS_H

#include "account/recipient.h"
#include "base/id.h"

enum {
	PROGRESS_MOST =
	    64 /* recipients; the one that was tried least lately is forgotten */
};

/* progress_has - this mailbox has it, and the last try ended for lack of time */
bool progress_has(struct id message, uint32_t rcpt, const struct target *);
/* progress_sent - what its script sends is sent */
bool progress_sent(struct id message, uint32_t rcpt, const struct target *);
/* progress_add - this mailbox is done in this try */
void progress_add(struct id message, uint32_t rcpt, const struct target *);
/* progress_end - of a try: is_over, no time was left */
void progress_end(struct id message, uint32_t rcpt, bool is_over);
void progress_forget(struct id message, uint32_t rcpt); /* all have it */
/* progress_lost - a sync failed: what was placed may not be there after a power cut, and is placed anew */
void progress_lost(void);

#endif
