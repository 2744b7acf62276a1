/* SPDX-License-Identifier: ISC */
/* table.h - lists: aligned columns for people, an array of objects in JSON for programs. */
#ifndef CTL_TABLE_H
#define CTL_TABLE_H

#include "base/buf.h"

enum cell_kind {
	CELL_TEXT,
	CELL_NUMBER,
	CELL_BOOL, /* yes or no */
	CELL_SIZE, /* bytes; people see 50M */
	CELL_TIME, /* wall clock, seconds; 0: never */
};

struct column {
	const char *key;   /* in JSON */
	const char *title; /* for people */
	enum cell_kind kind;
};

struct cell {
	char *text; /* own; NULL: a number */
	int64_t number;
};

struct table {
	const struct column *columns; /* borrow */
	size_t n_columns;
	struct cell *cells; /* own */
	size_t n_cells;
};

/* Cells come row by row, left to right. */
void table_text(struct table *, struct span);
void table_number(struct table *, int64_t); /* for all kinds but CELL_TEXT */
/* table_print - on stdout; people see nothing of an empty table but its heads */
void table_print(const struct table *, bool is_json);
/* table_print_one - the first row alone: a line per column, or one object */
void table_print_one(const struct table *, bool is_json);
void table_free(struct table *);

#endif
