/* SPDX-License-Identifier: ISC */
/*
 * errand.h - what is done about an account that tripped: its sessions end, its mail is held, the
 * postmaster is told.  Each until it is done, restarts or not (struct trip: done).
 */
#ifndef SMTPD_BUDGET_ERRAND_H
#define SMTPD_BUDGET_ERRAND_H

#include "smtpd/budget/book.h"

enum {
	ERRAND_AGAIN_MS = 5000, /* after a failure */
	ERRAND_HOLD_MS =
	    600000, /* the queue walks through all that waits: then it is asked again */
	ERRANDS_AT_ONCE = 32,
};

void errands_open(struct book *); /* borrow; before child_serve */
void errands_wake(void); /* an account tripped; begins when the loop turns next */
/* the queue is asked to hold its mail, and has not answered yet */
bool errands_are_holding(struct span account);

/* notice.c: what the postmaster is told, a whole message.  head_bytes: of its Return-Path line */
void notice_put(struct buf *out, struct span account, const struct trip *,
    const char *postmaster, const char *hostname, uint32_t *head_bytes);

#endif
