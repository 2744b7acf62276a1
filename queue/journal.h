/* SPDX-License-Identifier: ISC */
/*
 * journal.h - spool/journal/N: segments that are written ahead, filled with batches, and used
 * again.
 *
 *   segment  a header page, then batches, each on a page boundary
 *   header   twice: magic, number of the use, 128 random bits, where the use before ends; synced
 *            before the first batch
 *   batch    magic, use, number in the segment, count, bytes, offset of each record, MAC; then the
 *            records
 *   record   kind, id, lengths, MAC over all of it; envelope; message
 *
 * All MACs are under the random bits of this use, which no message can know: neither an old record
 * nor a record's image inside a message is ever taken for one.
 */
#ifndef QUEUE_JOURNAL_H
#define QUEUE_JOURNAL_H

#include "spool/envelope.h"

enum {
	JOURNAL_PAGE = 4096,
	JOURNAL_BATCH_RECORDS_MAX = 256,
	JOURNAL_SEGMENTS_MAX = 256,
	JOURNAL_READ_MODE = 0640, /* the placer's group reads */
};

enum record_kind {
	RECORD_MESSAGE = 1, /* envelope and message */
	RECORD_LARGE,       /* envelope; the message is spool/large/xx/ID */
	/* "message": ids that are done: notes, so that a replay does not begin them again */
	RECORD_DONE,
	/* "message": n x {id, u16 n, n x u16}: recipients of messages that are done */
	RECORD_MARK,
};

struct record {
	uint8_t kind;
	struct id id;
	struct span envelope; /* borrow */
	struct span message;  /* borrow */
	uint64_t offset;      /* out: where message begins in the segment's file */
};

struct journal;

/*
 * journal_open - takes dir/journal; makes what is missing.  Nothing is read yet.
 *   E_OK, E_IO (logged: a file that cannot be opened, too; it may hold mail)
 */
MUST_USE int journal_open(const char *dir, uint64_t segment_bytes,
    unsigned segments_most, struct journal **out);
void journal_close(struct journal **);

/*
 * journal_replay - every record of every live segment, oldest first.  All are synced before: who
 * was killed may have written what it did not come to sync, and what is read here counts from now
 * on.  One whose sync fails is bad.
 *   on_record  segment: number of the file; a record's spans die after the call
 *   on_bad     bytes that are none, before a good later batch or inside a good one: to be put aside
 *   returns    E_OK, E_IO
 */
struct journal_visitor {
	void *ctx;
	void (*on_record)(void *ctx, unsigned segment, const struct record *);
	void (*on_bad)(void *ctx, unsigned segment, uint64_t offset, struct span bytes,
	    const char *why);
};

MUST_USE int journal_replay(struct journal *, const struct journal_visitor *);

/*
 * journal_write - one batch: one write, one sync.  Blocks for both.
 *   records  at most JOURNAL_BATCH_RECORDS_MAX; each gets its offset
 *   segment  where they are now
 *   returns  E_OK (durable); E_IO: the write or the sync failed, nothing of it counts, and the
 *            segment is left for ever (journal_is_bad); E_LIMIT: too large for a segment, or the
 *            cap is reached
 */
MUST_USE int journal_write(
    struct journal *, struct record *, size_t n, unsigned *segment);

/* Segments retire in order: the caller counts what is unfinished in each. */
/* segments in use, the current one too */
unsigned journal_live(const struct journal *);
/* the oldest that is not current; false: none */
bool journal_oldest(const struct journal *, unsigned *segment);
/* all of it is done, durably: to be used again */
void journal_retire(struct journal *, unsigned segment);
/* a sync of it failed: move what it holds */
bool journal_is_bad(const struct journal *, unsigned segment);
/*
 * journal_prepare - a piece of one more segment is written ahead when few are free: call it when
 * there is time.  E_OK (enough are ready), E_MORE, E_IO (errno says why)
 */
MUST_USE int journal_prepare(struct journal *);
MUST_USE int journal_read(
    struct journal *, unsigned segment, uint64_t offset, uint64_t n, struct buf *out);
size_t journal_room(const struct journal *); /* bytes that a batch may have now */

#endif
