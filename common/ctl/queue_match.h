/* SPDX-License-Identifier: ISC */
/*
 * queue_match.h - which messages of the queue a command means: options, and what fits them.
 * Patterns are those of a shell (* ? [a-z]), ASCII letters in any case.  All options must fit.  Of
 * a message with very many recipients the first ADMIN_RCPTS_SHOWN that wait are looked at.
 */
#ifndef CTL_QUEUE_MATCH_H
#define CTL_QUEUE_MATCH_H

#include "ctl/ctl.h"
#include "spool/admin.h"

enum { QUEUE_MATCH_OPTS = 11 };

struct queue_match {
	/* as given; NULL: not */
	const char *sender, *recipient, *destination, *reply, *state, *older, *younger,
	    *larger, *smaller, *account;
	bool is_all;
	/* what they say */
	int64_t older_sec, younger_sec, larger_bytes, smaller_bytes;
};

#define QUEUE_MATCH_USAGE                                                              \
	"  --all                 all that wait\n"                                      \
	"which messages; all that is given must fit, and * and ? stand for "           \
	"anything:\n"                                                                  \
	"  --sender PATTERN      the sender; \"\" or <> for reports\n"                 \
	"  --account PATTERN     who submitted it, by login\n"                         \
	"  --recipient PATTERN   one of the recipients that wait\n"                    \
	"  --destination PATTERN the domain of one of them\n"                          \
	"  --reply TEXT          the last reply to one of them has this in it\n"       \
	"  --older AGE, --younger AGE    since it came, like 90m or 2d\n"              \
	"  --larger SIZE, --smaller SIZE like 500K\n"                                  \
	"  --state STATE         active, deferred or held\n"

/* queue_match_opts - its options, for opts_read */
void queue_match_opts(struct queue_match *, struct opt out[QUEUE_MATCH_OPTS]);
/* queue_match_read - what was given.  EX_OK, EX_USAGE (said) */
MUST_USE int queue_match_read(const struct merpati *, struct queue_match *);
bool queue_match_is_empty(const struct queue_match *); /* no option was given */
bool queue_match_is_all(const struct queue_match *);   /* none, or --all alone */
bool queue_match_fits(
    const struct queue_match *, const struct admin_entry *, int64_t now_sec);
extern const char *const queue_states[ADMIN_HELD + 1];

#endif
