/* SPDX-License-Identifier: ISC */
/*
 * policies.h - policies of MTA-STS that were fetched (RFC 8461 5.1), kept over restarts (Berkeley
 * DB, private to the process, in spool/sts/policies).  Bounded: past most, the domain that mail
 * went to longest ago goes.  Calls block on the disk.  Damaged or missing: it begins anew, and
 * policies are fetched again.
 */
#ifndef QUEUE_STS_POLICIES_H
#define QUEUE_STS_POLICIES_H

#include "base/arena.h"
#include "base/buf.h"

enum {
	POLICIES_DOMAINS_MOST = 10000,
	/* bytes of a policy as it is kept: MTA_STS_MX_MAX names fit */
	POLICIES_TEXT_MAX = 32 << 10,
	POLICIES_WHY_MAX = 200,
};

struct policy_row {
	struct span domain; /* in lower case; borrow, as all spans here */
	struct span id; /* of the record by which it was fetched, or was tried to be */
	struct span policy; /* as mta_sts_policy_put writes it; empty: there is none */
	int64_t ends_sec;   /* wall clock, as all times here: it holds until then */
	int64_t tried_sec;  /* the last fetch */
	int64_t used_sec;   /* mail went to the domain; of days, not of seconds */
	int64_t due_sec; /* then it is looked at again, whether there is mail or not */
	uint8_t failure; /* enum tls_outcome of the last fetch */
	struct span why;
};

struct policies;

/* E_OK, E_IO */
MUST_USE int policies_open(const char *spool_dir, uint64_t most, struct policies **out);
void policies_close(struct policies **);
/* E_OK, E_BAD (none), E_IO */
MUST_USE int policies_get(
    struct policies *, struct span domain, struct arena *, struct policy_row *out);
/* policies_put - in place of what was there.  Durable after policies_sync */
MUST_USE int policies_put(struct policies *, const struct policy_row *);
/* E_OK, E_BAD (none), E_IO */
MUST_USE int policies_remove(struct policies *, struct span domain);
/* policies_due - the first that is due by now.  E_OK, E_BAD (none), E_IO */
MUST_USE int policies_due(
    struct policies *, int64_t now_sec, struct arena *, struct policy_row *out);
MUST_USE int policies_sync(struct policies *);

#endif
