/* SPDX-License-Identifier: ISC */
/*
 * tally.h - how TLS with the hosts of other domains came out: counted by UTC day, domain, policy
 * and failure, kept over restarts (Berkeley DB, private to the process, in spool/sts/results) until
 * it is reported.  Bounded: past a limit nothing new is counted, what is there is counted on.
 * Calls block on the disk.  Damaged: it begins anew.
 */
#ifndef QUEUE_STS_TALLY_H
#define QUEUE_STS_TALLY_H

#include "queue/sts/sts.h"

enum {
	TALLY_ROWS_MOST = 10000, /* days of domains */
	/* of a row; then no other policy or kind of failure has room in it */
	TALLY_ROW_BYTES_MAX = 16 << 10,
	/* of a domain in a day; then only those that are there are counted */
	TALLY_POLICIES_MOST = 8,
	/* kinds of failures of a policy; of more only the sum is kept */
	TALLY_FAILURES_MOST = 40,
	TALLY_FRESH_MOST = 256, /* kinds of results that wait in memory */
	TALLY_FLUSH_MS = 2000,  /* as long; a crash forgets them */
	TALLY_DAY_SEC = 86400,
	/*
	 * a report is due so long after its day, or up to 4 hours later, always the same for a
	 * domain
	 */
	TALLY_DELAY_LEAST_SEC = 60,
	TALLY_DELAY_MOST_SEC = 4 * 3600,
};

struct tally_failure {
	uint8_t outcome; /* enum tls_outcome */
	struct span source, host, address, helo, why;
	uint64_t count;
};

struct tally_policy {
	uint8_t policy;            /* enum tls_policy */
	struct span lines, hosts;  /* each line ends in LF */
	uint64_t n_fine, n_failed; /* sessions */
	struct tally_failure failures[TALLY_FAILURES_MOST];
	size_t n_failures;
};

/* One domain in one day.  Spans borrow from bytes. */
struct tally_row {
	uint32_t day; /* since 1970 */
	struct span domain;
	int64_t due_sec;   /* wall clock: when its report is due */
	int64_t first_sec; /* when it was first tried to be sent; 0: not yet */
	uint32_t attempts;
	struct tally_policy policies[TALLY_POLICIES_MOST];
	size_t n_policies;
	struct buf key, bytes; /* own */
};

struct tally;

uint32_t tally_day(int64_t wall_sec);
/* tally_open - salt: what makes our delays others than those of other hosts.  E_OK, E_IO */
MUST_USE int tally_open(
    const char *spool_dir, uint64_t rows_most, struct span salt, struct tally **out);
void tally_close(struct tally **); /* flushed first */
/*
 * tally_add - one session, or one failure without one; in memory until tally_flush.  True: it is
 * the first since a flush
 */
bool tally_add(struct tally *, uint32_t day, const struct sts_note *);
MUST_USE int tally_flush(struct tally *); /* E_OK, E_IO: what waited is lost (logged) */
/* tally_due - the first that is due by now.  E_OK, E_BAD (none), E_IO */
MUST_USE int tally_due(struct tally *, int64_t now_sec, struct tally_row *out);
/* it was tried to be sent */
MUST_USE int tally_later(
    struct tally *, struct tally_row *, int64_t now_sec, int64_t due_sec);
/*
 * tally_next - the first behind this day and domain, what waits in memory too.  E_OK, E_BAD (none),
 * E_IO
 */
MUST_USE int tally_next(
    struct tally *, uint32_t day, struct span domain, struct tally_row *out);
/* all of days before today are due now; n: how many */
MUST_USE int tally_hurry(struct tally *, int64_t now_sec, uint32_t *n);
MUST_USE int tally_remove(struct tally *, const struct tally_row *);
void tally_row_done(struct tally_row *);

#endif
