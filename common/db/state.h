/* SPDX-License-Identifier: ISC */
/* state.h - what the files of this folder share: nothing outside common/db includes it. */
#ifndef DB_STATE_H
#define DB_STATE_H

#include <db.h>

#include "base/buf.h"
#include "db/closed.h"

enum { TABLES_MAX = 16, LOG_RECORD_BYTES = 150 };

struct db_table {
	struct db *db; /* borrow */
	char *name;    /* own */
	DB *handle;    /* own; NULL: it has no row, and is opened when it gets one */
};

struct db {
	DB_ENV *env;                         /* own */
	int dir;                             /* own */
	struct db_table *tables[TABLES_MAX]; /* own */
	size_t n_tables;
	struct buf
	    empty; /* own: names of tables without a row, as it was left; a space behind each */
	uint32_t left_log; /* the last log file, as it was left; 0: not known */
	bool is_as_left;
	bool has_names;        /* files came that are not durably found yet */
	bool is_busy;          /* log files are longer from now on */
	uint64_t logged_bytes; /* about: since the last checkpoint */
	unsigned n_slices;     /* written back since then */
	/* own, the library's: names of files that no recovery needs, then NULL.  NULL: none */
	char **old_logs;
	size_t n_removed; /* of them */
	bool is_damaged;
	bool is_full; /* a write found no room */
};

struct db_txn {
	struct db *db; /* borrow */
	DB_TXN *handle;
};

int db_err(int err, bool *is_damaged); /* the library's result as ours */
int db_result(
    struct db *, int err); /* the same, and what it says of the environment is noted */
/* the library's result */
int db_read(DB *, DB_TXN *, struct span key, struct buf *out);
int db_folder_ways(void); /* the library takes those of folder.c; its result */
/* db_tables_note_empty - names of those without a row, as many as fit, a space behind each */
void db_tables_note_empty(struct db *, struct buf *out);
int db_tables_close(struct db *,
    uint32_t flags); /* the first thing that went wrong, as the library says it */

#endif
