/* SPDX-License-Identifier: ISC */
/*
 * tables.h - the tables of an account's index, and the rows in them.  Only the keeper opens it.
 *   mailboxes      id -> struct mailbox, but for its keywords
 *   keywords       (mailbox, bit) -> name
 *   messages       (mailbox, uid / 13) -> the records of these 13 uids, a column after another: an
 *                  item stays below a quarter page, and a change of flags logs little
 *   expunged       (mailbox, modseq, first uid) -> last uid: for QRESYNC
 *   files          file id -> references, size, SHA-256, when it came
 *   doomed         file id -> it and more ids, whose references reached 0 in a batch: the files go
 *                  once that is on disk
 *   seen           file id -> day it was taken in; kept SEEN_DAYS: a replay brings nothing back
 *   subscriptions  name -> nothing: they outlive mailboxes (RFC 9051 6.3.7)
 *   uidls          file id -> what import brought along
 *   undo           number -> mailbox, uids: of a COPY that is not over.  Found at the start, they
 *                  go
 *   annotations    (mailbox, kind, who, name) -> what is noted of a mailbox: annotations.h
 *   kept           uid in the mailbox of what was expunged -> where it was: kept.h.
 *                  Not there before something is to be kept
 *   events         number -> what happened over IMAP, for scripts: events.h.  Not there before the
 *                  first
 */
#ifndef STORE_TABLES_H
#define STORE_TABLES_H

#include "db/db.h"
#include "store/name.h"
#include "store/store.h"

enum {
	TABLE_RECORDS = 13, /* uids an item covers */
	RECORD_BYTES = 72,
	SEEN_DAYS = 30,
	/* of address space: what is not used takes no memory */
	TABLE_CACHE_BYTES = 8 << 20,
	/* of a mailbox; then the oldest go, and expunged_floor rises */
	EXPUNGED_ROWS_MOST = 100000,
	DOOMED_ROW_FILES = 60,
};

_Static_assert((TABLE_RECORDS) * (RECORD_BYTES) < DB_ITEM_BEST_BYTES - 16,
    "an item overflows its page");
_Static_assert((DOOMED_ROW_FILES) * (FILE_ID_BYTES) < DB_ITEM_BEST_BYTES - 16,
    "a row overflows its page");

struct mailbox {
	uint32_t id;
	uint32_t uidvalidity, uidnext;
	uint64_t modseq;
	uint64_t messages, unseen, deleted, deleted_bytes, bytes;
	uint32_t first_recent;   /* uids from here on were shown to nobody */
	uint64_t recent;         /* messages of those */
	uint64_t expunged_floor; /* what went up to here is not known any more */
	uint32_t n_expunged;     /* rows */
	uint32_t n_keywords;
	/*
	 * uids below are those of the source it was imported from: whoever else comes gets this, or
	 * more
	 */
	uint32_t reserved;
	bool is_dead; /* was removed; what is left of it goes in the background */
	bool is_kept; /* the one that has what was expunged: kept.h.  At most one */
	char name[STORE_NAME_MAX + 1];
	char special_use[16]; /* "\\Sent"; "" none */
};

struct tables {
	struct db *db;
	struct db_table *mailboxes, *keywords, *messages, *expunged, *files, *doomed,
	    *seen, *subscriptions, *uidls, *undo, *annotations, *kept, *events;
};

/* tables_open - E_OK; E_BAD: a table is missing (new, or lost); E_LIMIT: damaged; E_IO */
MUST_USE int tables_open(struct tables *, const char *dir, bool is_made_if_missing);
/* tables_keep - the table of what was expunged is there, too.  E_OK, E_LIMIT, E_IO */
MUST_USE int tables_keep(struct tables *);
/* tables_events - that of events, too.  E_OK, E_LIMIT, E_IO */
MUST_USE int tables_events(struct tables *);
void tables_close(struct tables *);

/* ---- mailboxes, their keywords, subscriptions: tables.c ---- */
MUST_USE int mailbox_put(struct tables *, struct db_txn *, const struct mailbox *);
MUST_USE int mailbox_each(
    struct tables *, int (*fn)(void *ctx, const struct mailbox *), void *ctx);
/* the row, and its keywords */
MUST_USE int mailbox_row_remove(struct tables *, struct db_txn *, uint32_t id);
/* mailbox_count - a message more (1) or less (-1) in the sums of the row */
void mailbox_count(struct mailbox *, const struct store_record *, int by);
MUST_USE int keyword_put(
    struct tables *, struct db_txn *, uint32_t mailbox, uint32_t bit, struct span name);
MUST_USE int keyword_each(struct tables *,
    int (*fn)(void *ctx, uint32_t mailbox, uint32_t bit, struct span name), void *ctx);
MUST_USE int subscription_put(
    struct tables *, struct db_txn *, struct span name, bool is_subscribed);
MUST_USE int subscription_each(
    struct tables *, int (*fn)(void *ctx, struct span name), void *ctx);

/* ---- messages: records.c (an item's bytes: item.c) ---- */
void item_encode(struct buf *, const struct store_record *, size_t n);
/* item_decode - pure.  out has room for TABLE_RECORDS; uids ascend.  E_OK, E_BAD */
MUST_USE int item_decode(struct span, struct store_record *out, size_t *n);
/* records_append - ascending, and past all that are there */
MUST_USE int records_append(struct tables *, struct db_txn *, uint32_t mailbox,
    const struct store_record *, size_t n);
MUST_USE int record_each(struct tables *, uint32_t mailbox,
    int (*fn)(void *ctx, const struct store_record *), void *ctx);

/*
 * A walk over the items of a mailbox, which may change records on its way.  Closed before its
 * transaction ends.
 */
struct record_walk {
	struct db_cursor *cursor; /* own */
	uint32_t mailbox, number; /* of the item */
	bool is_on;               /* an item is loaded */
	size_t n;
	struct store_record records[TABLE_RECORDS];
};

MUST_USE int walk_open(
    struct tables *, struct db_txn *, uint32_t mailbox, struct record_walk *out);
/* walk_to - loads the item of uid, or the first behind it.  E_OK, E_BAD: there is none */
MUST_USE int walk_to(struct record_walk *, uint32_t uid);
/* walk_save - what is in records now; none left: the item goes */
MUST_USE int walk_save(struct record_walk *);
void walk_close(struct record_walk *);

/* ---- files and what went: files.c (uidls, undo: tables.c) ---- */
/* a message is in one more mailbox: first (with its name's facts), or again */
MUST_USE int file_refer(
    struct tables *, struct db_txn *, const struct file_name *, int64_t came_sec);
/* file_mend - its row gets the size and the sum of another file.  Also E_BAD: there is none */
MUST_USE int file_mend(struct tables *, struct db_txn *, const struct file_name *);
/* one reference less; at none (is_last) its row goes, and the caller has it doomed */
MUST_USE int file_release(
    struct tables *, struct db_txn *, struct file_id, bool *is_last);
/* it has references */
MUST_USE int file_is_known(struct tables *, struct file_id, bool *out);
/* file_row - the same, with its size and its sum (all zeros: nobody knows it) */
MUST_USE int file_row(
    struct tables *, struct file_id, bool *is_known, struct file_name *out);
/* 0: it is not known */
MUST_USE int file_references(struct tables *, struct file_id, uint32_t *out);
/* file_each - rows behind after, or (NULL) all; the sum of one that a rebuild found is all zeros */
MUST_USE int file_each(struct tables *, const struct file_id *after,
    int (*fn)(void *ctx, const struct file_name *, uint32_t references), void *ctx);
MUST_USE int seen_put(
    struct tables *, struct db_txn *, struct file_id, int64_t now_sec);
MUST_USE int seen_put_day(
    struct tables *, struct db_txn *, struct file_id, uint32_t day);
/*
 * seen_each - in order of id, behind after (NULL: from the first).  E_OK, E_IO, or what fn returned
 */
MUST_USE int seen_each(struct tables *, const struct file_id *after,
    int (*fn)(void *ctx, struct file_id, uint32_t day), void *ctx);
MUST_USE int seen_has(struct tables *, struct file_id, bool *out);
/* those older than SEEN_DAYS; bounded work */
MUST_USE int seen_prune(struct tables *, int64_t now_sec);
/*
 * expunged_put - these uids went at modseq, in rows; the oldest go when there are too many (m keeps
 * count)
 */
MUST_USE int expunged_put(struct tables *, struct db_txn *, struct mailbox *m,
    uint64_t modseq, const struct numset *);
/* expunged_since - uids that went after modseq */
MUST_USE int expunged_since(
    struct tables *, uint32_t mailbox, uint64_t modseq, struct numset *out);
/* expunged_drop - the oldest rows, at most that many.  last: modseq of the last that went */
MUST_USE int expunged_drop(struct tables *, struct db_txn *, uint32_t mailbox,
    unsigned most, unsigned *n, uint64_t *last);
/* doomed_put - these files, their ids one behind the other; a row for DOOMED_ROW_FILES of them */
MUST_USE int doomed_put(struct tables *, struct db_txn *, struct span ids);
/*
 * doomed_each - the ids of each row whose first is behind after, or (NULL) of all; a row that is
 * not as we write it is passed over
 */
MUST_USE int doomed_each(struct tables *, const struct file_id *after,
    int (*fn)(void *ctx, struct span ids), void *ctx);
/* rows that are not as we write them go: n */
MUST_USE int doomed_mend(struct tables *, struct db_txn *, unsigned *n);
/* a row */
MUST_USE int doomed_remove(struct tables *, struct db_txn *, struct file_id first);
MUST_USE int undo_put(struct tables *, struct db_txn *, uint32_t number,
    uint32_t mailbox, const struct numset *);
MUST_USE int undo_remove(struct tables *, struct db_txn *, uint32_t number);
MUST_USE int undo_each(struct tables *,
    int (*fn)(void *ctx, uint32_t number, uint32_t mailbox, const struct numset *),
    void *ctx);

/* Where a message was before it was expunged. */
struct kept_row {
	uint32_t uid;          /* among the expunged: the key */
	uint32_t mailbox, was; /* its mailbox's id, and its uid there */
	struct span name;      /* of that mailbox, then; borrow */
};

/* ---- what was expunged: files.c ---- */
MUST_USE int kept_put(struct tables *, struct db_txn *, const struct kept_row *);
MUST_USE int kept_remove(struct tables *, struct db_txn *, uint32_t uid);
/* kept_get - space has the name.  E_OK, E_BAD (none), E_IO */
MUST_USE int kept_get(
    struct tables *, uint32_t uid, struct buf *space, struct kept_row *out);
/* in order of uid, from that one on */
MUST_USE int kept_each(struct tables *, uint32_t from,
    int (*fn)(void *ctx, const struct kept_row *), void *ctx);
MUST_USE int uidl_put(
    struct tables *, struct db_txn *, struct file_id, struct span uidl);
/* if there is one */
MUST_USE int uidl_remove(struct tables *, struct db_txn *, struct file_id);
MUST_USE int uidl_each(
    struct tables *, int (*fn)(void *ctx, struct file_id, struct span uidl), void *ctx);

#endif
