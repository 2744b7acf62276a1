/* SPDX-License-Identifier: ISC */
/*
 * book.h - what the role budget writes down, in STATE/budget (db/shelf.h): counters of accounts and
 * of domains ("@domain"), to whom an account wrote before (hashes), and which accounts tripped.
 * Counts outlast the death of the process, and a crash of the host up to BOOK_SYNC_MS; that an
 * account tripped is durable at return.  Calls block on the disk.
 */
#ifndef SMTPD_BUDGET_BOOK_H
#define SMTPD_BUDGET_BOOK_H

#include "db/shelf.h"
#include "smtpd/budget/counter.h"

enum {
	BOOK_ACCOUNT_MAX = TRIP_ACCOUNT_MAX,
	BOOK_KNOWN_MOST =
	    10000, /* recipients of an account; past it any of them is forgotten */
	BOOK_RCPTS_MOST = 1000, /* of a message */
	BOOK_SYNC_MS = 5000,
	/* who has not sent for so long begins anew, without known recipients */
	BOOK_FORGET_SEC = 90 * 86400,
	BOOK_SWEEP_ROWS = 200, /* at most are looked at in one turn */
};

struct book {
	struct shelf shelf;
	bool has_unsynced;
	struct buf sweep_at; /* own: the last counters that the sweep looked at */
};

/* What becomes of a message. */
enum take { TAKE_OK, TAKE_OVER, TAKE_OVER_DOMAIN };

/* book_open - E_OK, E_IO */
MUST_USE int book_open(struct book *, const char *state_dir);
void book_close(struct book *);
/*
 * book_take - a message is counted for its account and the account's domain, where both have room
 * for it; else nothing changes.
 *   rcpts   hashes of its recipients, each once
 *   own     the account's budget, wide the domain's
 *   out     with TAKE_OVER...: what is used up
 *   returns E_OK with *how, E_IO
 */
MUST_USE int book_take(struct book *, struct span account, const uint64_t *rcpts,
    size_t n, const struct budget *own, const struct budget *wide, int64_t now_sec,
    enum take *how, struct overrun *out);
/* book_trip_get - E_OK, E_BAD (it did not trip), E_IO */
MUST_USE int book_trip_get(struct book *, struct span account, struct trip *out);
MUST_USE int book_trip_put(struct book *, struct span account, const struct trip *);
/* book_trip_end - and its counters begin anew.  E_OK, E_BAD (it did not trip), E_IO */
MUST_USE int book_trip_end(struct book *, struct span account);
/* book_trips - those behind this account, in order, while fn returns E_OK; what ended it */
MUST_USE int book_trips(struct book *, struct span after,
    int (*fn)(void *ctx, struct span account, const struct trip *), void *ctx);
/* book_sync - every BOOK_SYNC_MS.  Logs what fails */
void book_sync(struct book *);
/* book_sweep - some of what nobody used for BOOK_FORGET_SEC goes.  Logs what fails */
void book_sweep(struct book *, int64_t now_sec);

#endif
