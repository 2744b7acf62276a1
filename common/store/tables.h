/* SPDX-License-Identifier: ISC */
/*
 * tables.h - the tables of a mailbox's index, and the rows in them.  Only the keeper opens it.
 *   mailboxes    id -> name, UIDVALIDITY, UIDNEXT, modseq, special use, subscribed, messages, bytes
 *   messages     (mailbox, uid / 15) -> the records of these 15 uids: an item stays below a quarter page
 *   expunged     (mailbox, modseq, uid) -> nothing: for QRESYNC
 *   files        file id -> references, size, SHA-256, when it came
 *   doomed       file id -> nothing: references reached 0; the file goes once that is on disk
 *   seen         file id -> day it was taken in; kept SEEN_DAYS: a replay brings nothing back
 *   cache, annotations   empty until there is IMAP
 */
#ifndef STORE_TABLES_H
#define STORE_TABLES_H

#include "db/db.h"
#include "store/name.h"
#include "store/store.h"

enum {
	TABLE_RECORDS = 15,  /* uids an item covers: 15 * 64 bytes */
	SEEN_DAYS = 30,
	TABLE_CACHE_BYTES = 512 * 1024,
	MAILBOXES_MAX = 10000,
};

struct mailbox {
	uint32_t id;
	uint32_t uidvalidity, uidnext;
	uint64_t modseq;
	uint64_t messages, bytes;
	char name[STORE_NAME_MAX + 1];
	char special_use[16];   /* "\\Sent"; "" none */
	bool is_subscribed;
};

struct tables {
	struct db *db;
	struct db_table *mailboxes, *messages, *expunged, *files, *doomed, *seen, *cache, *annotations;
};

/* tables_open - E_OK; E_BAD: a table is missing (new, or lost); E_LIMIT: damaged; E_IO */
MUST_USE int tables_open(struct tables *, const char *dir, bool is_made_if_missing);
void tables_close(struct tables *);

MUST_USE int mailbox_put(struct tables *, struct db_txn *, const struct mailbox *);
MUST_USE int mailbox_get(struct tables *, struct db_txn *, uint32_t id, struct mailbox *out); /* E_OK, E_BAD */
MUST_USE int mailbox_find(struct tables *, struct span name, struct mailbox *out); /* INBOX in any case */
MUST_USE int mailbox_each(struct tables *, int (*fn)(void *ctx, const struct mailbox *), void *ctx);

MUST_USE int record_put(struct tables *, struct db_txn *, uint32_t mailbox, const struct store_record *);
MUST_USE int record_remove(struct tables *, struct db_txn *, uint32_t mailbox, uint32_t uid, struct store_record *was); /* E_BAD: none */
MUST_USE int record_each(struct tables *, uint32_t mailbox, int (*fn)(void *ctx, const struct store_record *), void *ctx);
void record_encode(struct buf *, const struct store_record *);
MUST_USE int record_decode(struct rd *, struct store_record *);

/* a message is in one more mailbox: first (with its name's facts), or again */
MUST_USE int file_refer(struct tables *, struct db_txn *, const struct file_name *, int64_t came_sec);
/* one reference less; at none the file is doomed */
MUST_USE int file_release(struct tables *, struct db_txn *, struct file_id);
MUST_USE int file_is_known(struct tables *, struct file_id, bool *out); /* it has references */
MUST_USE int seen_put(struct tables *, struct db_txn *, struct file_id, int64_t now_sec);
MUST_USE int seen_has(struct tables *, struct file_id, bool *out);
MUST_USE int seen_prune(struct tables *, int64_t now_sec);  /* those older than SEEN_DAYS; bounded work */
MUST_USE int expunged_put(struct tables *, struct db_txn *, uint32_t mailbox, uint64_t modseq, uint32_t uid);
MUST_USE int doomed_each(struct tables *, int (*fn)(void *ctx, struct file_id), void *ctx);
MUST_USE int doomed_remove(struct tables *, struct db_txn *, struct file_id);

#endif
