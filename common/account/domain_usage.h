/* SPDX-License-Identifier: ISC */
/*
 * domain_usage.h - what all accounts of a domain use together, against the setting domain_quotas.
 * The sums are of the last seconds: making them reads two small files an account, in slices, with
 * verdicts and, so that they are no older when none was asked for, with each tick between them.
 */
#ifndef ACCOUNT_DOMAIN_USAGE_H
#define ACCOUNT_DOMAIN_USAGE_H

#include "account/account.h"
#include "account/usage.h"

struct conf;

enum {
	DOMAIN_SUMS_MS = 10000, /* so old they may be */
	/* and as many times as long as it took to make them: so much of the time it may take */
	DOMAIN_SUMS_REST = 50,
	DOMAIN_SLICE_US = 5000, /* of making them, for which one verdict waits */
	DOMAIN_TICK_MS = 250,   /* another one, whoever asks */
	/* for which the first verdict of a process waits: some 50,000 accounts */
	DOMAIN_FIRST_US = 500000,
};

struct domain_sums;

/* domain_sums_new - own; mail_dir: a descriptor, borrow */
struct domain_sums *domain_sums_new(const struct conf *, int mail_dir);
void domain_sums_free(struct domain_sums **);
/* domain_quota - of a domain, or that of an address; 0: none */
uint64_t domain_quota(const struct conf *, struct span address);
/*
 * domain_is_full - the domain of the address has a quota, and its accounts use as much.  Sums that
 * cannot be made, or are being made, are those of before; where DOMAIN_FIRST_US is not enough for the
 * first no domain is full until they are there
 */
bool domain_is_full(struct domain_sums *, struct accounts *, struct span address);
/* domain_sums_tick - every DOMAIN_TICK_MS: a slice, where sums are due */
void domain_sums_tick(struct domain_sums *, struct accounts *);
/*
 * domain_share - of what an account uses, what counts for its domain: its files are the user's to
 * write, and past its own quota and grace they count no more
 */
uint64_t domain_share(const struct conf *, const struct account *, uint64_t used_bytes);
/*
 * account_usage - what the files of a home say: of the index, and what was placed since.
 *   known    of the index; may be NULL
 *   returns  E_OK, E_BAD (nobody knows yet: no keeper wrote it)
 */
MUST_USE int account_usage(
    int mail_dir, const struct account *, struct usage_noted *known, struct usage *now);

#endif
