/* SPDX-License-Identifier: ISC */
/* stopped.h - which accounts sent too much and were stopped (account/trip.h): smtpd knows. */
#ifndef CTL_STOPPED_H
#define CTL_STOPPED_H

#include "account/trip.h"
#include "ctl/ctl.h"

struct stopped {
	bool is_known;       /* smtpd said it, or counts nothing: then nobody is */
	struct buf accounts; /* own: "account\n" each */
};

/* stopped_read - never fails: is_known tells.  Asks smtpd, where budgets are on and it runs */
void stopped_read(const struct conf *, struct stopped *out);
void stopped_free(struct stopped *);
/* stopped_word - "yes" (it may send), "stopped", or "unknown" */
struct span stopped_word(const struct stopped *, struct span account);
bool stopped_counts(const struct conf *); /* budgets are on */
/* stopped_release - one account.  EX_OK with *out; else said */
MUST_USE int stopped_release(
    const struct merpati *, struct span account, enum budget_release *out);

#endif
