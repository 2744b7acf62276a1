/* SPDX-License-Identifier: ISC */
/*
 * budget.h - how much may be submitted in an hour and in a day: items of the settings
 * budget_account and budget_domain, and of "merpati user budget".  Pure.
 *   WHAT=NUMBER/WINDOW   WHAT: messages, recipients, new (recipients not written to before);
 *                        WINDOW: hour, day; NUMBER: none is no limit
 */
#ifndef CONF_BUDGET_H
#define CONF_BUDGET_H

#include "base/buf.h"

enum budget_what { BUDGET_MESSAGES, BUDGET_RECIPIENTS, BUDGET_NEW, BUDGET_WHATS };

enum budget_window { BUDGET_HOUR, BUDGET_DAY, BUDGET_WINDOWS };

#define BUDGET_NONE UINT32_MAX /* no limit, and a wider one does not hold instead */

enum { BUDGET_MOST = 100000000 }; /* what an item may say */

struct budget {
	uint32_t most[BUDGET_WHATS][BUDGET_WINDOWS]; /* 0: not said */
};

extern const char *const budget_whats[BUDGET_WHATS];
extern const char *const budget_windows[BUDGET_WINDOWS];

/* budget_parse - one item, into what it is about.  E_OK, E_BAD */
MUST_USE int budget_parse(struct span item, struct budget *out);
/* budget_join - what own does not say is taken from wide; 0 where neither does, or for none */
struct budget budget_join(const struct budget *own, const struct budget *wide);

#endif
