/* SPDX-License-Identifier: ISC */
/* db_place.h - what the tests of an environment share: a directory of its own, and a table in it. */
#ifndef TEST_DB_PLACE_H
#define TEST_DB_PLACE_H

#include "db/db.h"

enum { CACHE_BYTES = 256 * 1024 };

struct place {
	char dir[64];
	int fd;
};

int place_setup(void **state); /* state: own, a struct place */
int place_teardown(void **state);
bool is_there(const struct place *, const char *name);
/* open_rows - the environment, and its table "rows", which is made */
struct db_table *open_rows(const struct place *, struct db **);
/* put_rows - of the numbers from..from + n - 1, committed and synced */
void put_rows(struct db *, struct db_table *, uint32_t from, uint32_t n);
/* check_rows - all n rows, and no other */
void check_rows(const struct place *, uint32_t n);

#endif
