/* SPDX-License-Identifier: ISC */
/*
 * index_parts.h - what the files of the index share.
 *   index.c       rows, their places in the orders, how many there are
 *   index_order.c what is due, and what waits for something      index_words.c  words that outlast a restart
 */
#ifndef QUEUE_INDEX_PARTS_H
#define QUEUE_INDEX_PARTS_H

#include "db/db.h"
#include "queue/index.h"

/* The walk through all rows: before its end, how many there are is known only up to where it is. */
struct walk {
	struct buf at; /* the last key that was counted; empty: at the beginning */
	bool was_through;
	struct index_census now; /* oldest: of the last whole walk */
	int64_t oldest_sec;      /* of this one */
};

struct index {
	char *dir;             /* own */
	struct db *db;         /* own */
	struct db_table *rows; /* id -> row */
	struct db_table *due;  /* lane, due time, id -> first_sec */
	/* name, is_bulk, lane, first_sec, id -> nothing: of rows that wait for something */
	struct db_table *waits;
	/* "clock" -> queue time, wall time; "format"; "word ..." -> a number */
	struct db_table *meta;
	struct walk walk;
	unsigned due_lane, waits_lane; /* whose turn it is */
};

/* of meta; durable after index_sync */
MUST_USE int index_number_put(struct index *, struct span key, int64_t value);

#endif
