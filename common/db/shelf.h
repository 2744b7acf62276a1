/* SPDX-License-Identifier: ISC */
/*
 * shelf.h - an environment with a table of rows and some by which they are found, of which nobody
 * else knows what is in it: what is damaged is put aside (logged), and begins anew, empty.
 */
#ifndef DB_SHELF_H
#define DB_SHELF_H

#include "db/db.h"

enum {
	SHELF_TABLES_MAX = 3,
	SHELF_CACHE_BYTES = 512 << 10,
	SHELF_CHECKPOINT_BYTES = 1 << 20, /* of log since the last */
};

struct shelf_plan {
	const char *below; /* the folder, of the one that is given at the opening */
	/* the rows; then one or two with a key for each row.  NULL: no more */
	const char *tables[SHELF_TABLES_MAX];
	const char *damaged; /* the event that is logged then, and what is to do */
	const char *advice;
};

struct shelf {
	char *dir;                                 /* own */
	struct db *db;                             /* own */
	struct db_table *tables[SHELF_TABLES_MAX]; /* in the order of the plan */
	uint64_t n; /* rows, as found; the owner counts on */
};

/* shelf_open - E_OK, E_IO (the disk is full, too).  Walks all keys of the second table; blocks */
MUST_USE int shelf_open(struct shelf *, const struct shelf_plan *, const char *folder);
void shelf_close(struct shelf *); /* also one that could not be opened */
/* shelf_sync - all that was committed is durable; a checkpoint when one is due.  As db_sync */
MUST_USE int shelf_sync(struct shelf *);

/*
 * shelf_first - of a table whose keys are a number (db_key_u64) and the key of a row: that key of
 * the least number, put into key.  E_OK, E_BAD (none, or it is more than most), as db_seek
 */
MUST_USE int shelf_first(struct db_table *, uint64_t most, struct buf *key);

#endif
