/* SPDX-License-Identifier: ISC */
/*
 * events.h - what happened to messages over IMAP, for scripts (RFC 6785): rows of the table "events",
 * each a cause and the messages of one mailbox that it concerns.  A row is written in the transaction
 * of the change that it tells of, and goes when its scripts have run.  In the keeper.
 */
#ifndef STORE_EVENTS_H
#define STORE_EVENTS_H

#include "conf/event.h"
#include "store/tables.h"

enum {
	EVENT_ROWS_MOST =
	    1000, /* that wait, of an account: what happens then is left out */
	EVENT_RANGES_MOST = 1000,   /* of uids, of a row: then there is another one */
	EVENT_BYTES_MAX = 65536,    /* of a row */
	EVENT_AGE_MOST_SEC = 86400, /* older ones go: nobody ran them */
	EVENT_WHO_MAX = 320,        /* octets: an address */
};

struct event_row {
	uint64_t number; /* the key */
	enum event_cause cause;
	uint8_t tries; /* it was given out so often, and nothing of it was done since */
	bool is_taken; /* it was given out: nothing is added to it any more */
	uint64_t
	    at_us; /* when it was made: with its number, unique in the account's life */
	uint32_t mailbox;
	struct span
	    who; /* borrow, as all spans here; "": the account itself, else a guest */
	struct span from, from_use; /* of COPY: the mailbox, its special use */
	uint32_t flags;             /* of FLAG: enum store_flag that changed */
	struct span keywords[STORE_KEYWORDS_MAX];
	size_t n_keywords;
	struct numset uids; /* own */
};

void event_row_encode(struct buf *, const struct event_row *);
/* event_row_decode - pure; out borrows from row, owns uids, also at E_BAD.  E_OK, E_BAD */
MUST_USE int event_row_decode(uint64_t number, struct span row, struct event_row *out);
/*
 * event_put - a row.  event_get - the first whose number is past after; space has its bytes.  E_OK,
 * E_BAD (there is none), or what makes the batch fail
 */
MUST_USE int event_put(struct tables *, struct db_txn *, const struct event_row *);
MUST_USE int event_get(struct tables *, struct db_txn *, uint64_t after,
    struct buf *space, struct event_row *out);
/* also when there is none */
MUST_USE int event_remove(struct tables *, struct db_txn *, uint64_t number);
/* events_bounds - the first and the last number, and how many; all 0: none.  E_OK, E_IO, E_LIMIT */
MUST_USE int events_bounds(
    struct tables *, struct db_txn *, uint64_t *first, uint64_t *last, unsigned *n);

#endif
