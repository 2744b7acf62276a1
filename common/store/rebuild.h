/* SPDX-License-Identifier: ISC */
/* rebuild.h - what the two files of a rebuild share: nothing else includes it. */
#ifndef STORE_REBUILD_H
#define STORE_REBUILD_H

#include "store/keeper.h"
#include "store/sum.h"

/* What the dump says of a file. */
struct dumped_sum {
	struct file_id id;
	unsigned char sha256[SHA256_BYTES];
};

/* Sorted by id. */
struct id_set {
	struct file_id *all; /* own */
	size_t n, cap;
};

/* A message that was expunged: where it was. */
struct place {
	uint32_t mailbox, uid;
};

/* A file in new/. */
struct waiting {
	struct file_id id; /* first: what by_file_id compares */
	struct file_name name;
};

struct rebuilding {
	struct tables *tables;
	struct floor *floor;
	struct db_txn *txn;
	struct mailbox *all; /* own; in order of id */
	size_t n, cap;
	struct mailbox *last; /* that a record was of */
	uint32_t last_uid;
	struct dumped_sum *sums; /* own; in order of id */
	size_t n_sums, sums_cap;
	struct waiting *waiting; /* own; in order of id */
	size_t n_waiting, waiting_cap;
	struct id_set doomed; /* own; in order of id before a record is read */
	/* own; in order before a record is read: what was expunged, and is kept */
	struct place *expunged;
	size_t n_expunged, expunged_cap;
	struct kept_row kept; /* whose record is next; uid 0: none */
	struct buf kept_name; /* own */
	unsigned from_dump, found, without, torn;
	/* records of the dump and files in msg/, as at_work.h has it */
	uint64_t looked_at, to_look_at;
};

void rebuild_step(struct rebuilding *); /* one more of them is looked at */

/* rebuild_add_mailbox - borrow, until the next one */
struct mailbox *rebuild_add_mailbox(struct rebuilding *, const struct mailbox *);
/* rebuild_add_message - its file is in msg/ */
MUST_USE int rebuild_add_message(
    struct rebuilding *, struct mailbox *, const struct store_record *);
bool message_is_there(struct file_id); /* its file is in msg/ */
bool rebuild_is_doomed(const struct rebuilding *, struct file_id); /* it was deleted */
/*
 * rebuild_read_dump - records whose file is in new/ have it moved.  E_OK, E_BAD (none, or it ends
 * early), E_IO
 */
MUST_USE int rebuild_read_dump(struct rebuilding *);

#endif
