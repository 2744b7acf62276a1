/* SPDX-License-Identifier: ISC */
/*
 * rule.h - items of the settings backoff and hold.  Pure.
 *   backoff  CLASS=PATTERN: what a reply that fits means.  CLASS: rate, greylist, or alone
 *   hold     FIELD=PATTERN [FIELD=PATTERN ...]: all must fit.  FIELD: sender, recipient, client,
 *            account
 * In a PATTERN * stands for any octets, and ? for one; letters of either case are the same.
 */
#ifndef CONF_RULE_H
#define CONF_RULE_H

#include "base/span.h"

enum backoff {
	BACKOFF_ALONE, /* it is about this message */
	BACKOFF_RATE,  /* it is too much: the provider gets less */
	/* the first attempt is refused to everybody: the next one soon */
	BACKOFF_GREYLIST,
	BACKOFF_CLASSES
};

enum hold_field { HOLD_SENDER, HOLD_RECIPIENT, HOLD_CLIENT, HOLD_ACCOUNT, HOLD_FIELDS };

struct backoff_rule {
	enum backoff class;
	struct span pattern; /* borrow, as all spans here */
};

struct hold_rule {
	struct span patterns[HOLD_FIELDS]; /* p NULL: any */
};

bool rule_fits(struct span pattern, struct span text);
/* E_OK, E_BAD */
MUST_USE int backoff_rule_parse(struct span text, struct backoff_rule *out);
MUST_USE int hold_rule_parse(struct span text, struct hold_rule *out); /* the same */

#endif
