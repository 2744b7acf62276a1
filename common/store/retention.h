/* SPDX-License-Identifier: ISC */
/*
 * retention.h - the rules (conf/retention.h) that are for one account, and how they are carried out: by
 * a session of that account, which asks the keeper for expunges and moves as any client does.  The
 * first rule that fits a message decides about it; those of the account come before those of its
 * domain, and these before the site's, which are those of the setting retention that are for it.
 */
#ifndef STORE_RETENTION_H
#define STORE_RETENTION_H

#include "conf/retention.h"
#include "store/store.h"

struct retention; /* the rules for one account */

enum {
	RETENTION_NEVER = -1,
	/* messages of one ask of the keeper, which divides it into steps of its own */
	RETENTION_STEP_MESSAGES = 1000,
	/* folders to which one step archives: past that it is two */
	RETENTION_STEP_TARGETS = 64,
	/* records that are looked at between two looks at whether to go on */
	RETENTION_LOOKS = 10000,
	RETENTION_STAMP_MAX = 64, /* octets of the file */
};

/* of a stamp: past that it is none, and sums of times do not overflow */
#define RETENTION_WHEN_MOST_SEC INT64_C(253402300799) /* the end of the year 9999 */

enum retention_from { RETENTION_OF_ACCOUNT, RETENTION_OF_DOMAIN, RETENTION_OF_SITE };

/* What the table of accounts says of an account (account/account.h, account/retentions.h). */
struct retention_own {
	struct span address;
	struct span of_account, of_domain; /* "rule\n" each */
};

/* retention_new - own; borrows from conf, and from nothing else */
struct retention *retention_new(const struct conf *, const struct retention_own *);
void retention_free(struct retention **);
/* borrow: as long as this is there */
struct span retention_address(const struct retention *);
/* retention_count - of those that are for the account; i counts these */
size_t retention_count(const struct retention *);
const struct retention_rule *retention_rule(const struct retention *, size_t i);
enum retention_from retention_from(const struct retention *, size_t i);
const char *retention_from_name(enum retention_from); /* "account", "domain", "site" */
/* retention_number - where it stands among those that come from there, in the setting, from 1 on */
unsigned retention_number(const struct retention *, size_t i);
/* retention_is_unknown - its text is no rule to this version: it keeps all mail of all folders */
bool retention_is_unknown(const struct retention *, size_t i);
/* retention_digest - of other rules it is another; never 0 */
uint64_t retention_digest(const struct retention *);
/*
 * retention_expire_days - RFC 2449 6.7: whole days for which a message stays in INBOX at least,
 * whatever else is asked of it (its size); RETENTION_NEVER: no rule removes or archives it
 */
int32_t retention_expire_days(const struct retention *);

/* retention_folder - is the rule for a folder of this name and use ("": none)? */
bool retention_folder(
    const struct retention *, size_t i, struct span name, struct span special_use);

struct retention_message {
	int64_t date_sec, saved_sec;
	uint64_t bytes;
	bool is_flagged;
};

/* retention_fits - does it fit a message of such a folder? */
bool retention_fits(const struct retention *, size_t i,
    const struct retention_message *, int64_t now_sec);

/* retention_due - the last time, not after now, at which it was that hour here */
int64_t retention_due(int64_t now_sec, int hour);

/* ---- a run ---- */

/* What a rule came to in a folder. */
struct retention_did {
	struct span folder; /* borrow */
	size_t rule;
	uint64_t messages, bytes;
	enum store_said said; /* why not all of it, or STORE_DONE */
};

struct retention_watch {
	void *ctx;
	void (*did)(void *ctx,
	    const struct retention_did *); /* where something was to be done */
	void (*progress)(
	    void *ctx, uint64_t done, uint64_t of); /* messages; may be NULL */
	bool (*goes_on)(void *ctx); /* false: it ends, between two steps; may be NULL */
};

/*
 * retention_run - carries out the rules in all folders, in steps.  What comes meanwhile is left for
 * the next run, also what it archives itself.  Its process may die at any time: what is not done yet
 * the next run does.  What was done is one line of the log.
 *   is_dry   nothing is changed; the same is told
 *   returns  E_OK; E_MORE (goes_on ended it); E_BAD (something was refused: told); E_LIMIT (another
 *            one runs); E_IO (logged)
 */
MUST_USE int retention_run(struct store *, const struct retention *, int64_t now_sec,
    bool is_dry, const struct retention_watch *);

/* ---- the file retained of a home: when a run was over ---- */
#define RETENTION_STAMP "retained"

struct retention_stamp {
	int64_t when_sec;
	uint64_t digest; /* of the rules that were carried out */
};

enum {
	/*
	 * no rules: then the index was made anew, and messages were found of which nothing is known,
	 * with no flags, in INBOX
	 */
	RETENTION_REBUILT = 0,
	/* so long after that nothing goes by itself */
	RETENTION_REBUILT_SEC = 7 * 86400,
};

/* retention_stamp_get - path: "HOME/retained" below dir.  E_OK, E_BAD (there is none) */
MUST_USE int retention_stamp_get(
    int dir, const char *path, struct retention_stamp *out);
/* retention_stamp_put - in the working directory, synced.  E_OK, E_LIMIT, E_IO (logged) */
MUST_USE int retention_stamp_put(const struct retention_stamp *);

#endif
