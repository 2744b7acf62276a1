/* SPDX-License-Identifier: ISC */
/*
 * usage.h - what an account uses, for verdicts on recipients.  Two files of its home, each with one
 * kind of writer:
 *   usage    the keeper's: the sums of the index, and how much of `placed` they hold
 *   placed   the placers': what each ever put into new/, in a slot of its own; goes down for what
 *            failed alone
 * Neither is synced: it is an estimate, and the next time the keeper took in all that lies in new/
 * it is exact.
 */
#ifndef ACCOUNT_USAGE_H
#define ACCOUNT_USAGE_H

#include "base/span.h"

struct buf;

enum {
	/* placers that count at once without disturbing each other */
	PLACED_SLOTS = 16,
	PLACED_SLOT_BYTES = 16, /* bytes and messages */
	USAGE_TEXT_MAX = 192,
};

struct usage {
	uint64_t bytes, messages;
};

/*
 * The file usage: "bytes messages noted-bytes noted-messages limit-bytes limit-messages kept-bytes
 * kept-messages\n".
 */
struct usage_noted {
	struct usage sum; /* of the index */
	/* what placed said before the keeper listed new/, and found and took in all of it */
	struct usage noted;
	/* limits that the user set for himself, below the admin's (RFC 9208); 0: none */
	struct usage own_limits;
	struct usage
	    kept; /* what was expunged and is there for some days; counts for no quota */
};

/* limit_least - of two limits, 0 being none, the smaller */
uint64_t limit_least(uint64_t a, uint64_t b);

void usage_put(struct buf *, const struct usage_noted *);
/*
 * usage_read - path, from the directory dir.  E_OK; E_BAD: there is none, or it says something
 * else; then out is zero.  Never blocks
 */
MUST_USE int usage_read(int dir, const char *path, struct usage_noted *out);
/* usage_now - what is used when the placers placed so much; what they lost counts as nothing */
struct usage usage_now(const struct usage_noted *, struct usage placed);

/*
 * placed_read - the sum of all slots; zero when there is no such file, or it is not one of ours.
 * Never blocks.
 */
struct usage placed_read(int dir, const char *path);
/*
 * placed_add - one message of so many bytes; placed_take_back: it did not come to be.
 *   slot   any number of this process.  Two that share a slot at the same instant may lose what one
 *          of them adds
 * Never blocks; what cannot be written is not counted.
 */
void placed_add(int dir, const char *path, unsigned slot, uint64_t bytes);
void placed_take_back(int dir, const char *path, unsigned slot, uint64_t bytes);

#endif
