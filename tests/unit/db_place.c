/* SPDX-License-Identifier: ISC */
/* db_place.c - a directory for an environment, and rows in its table. */
#include "db_place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

/* Berkeley DB keeps memory of an environment that was abandoned. */
const char *__lsan_default_suppressions(void);

const char *
__lsan_default_suppressions(void)
{
	return "leak:libdb-5.3";
}

int
place_setup(void **state)
{
	struct place *p = calloc(1, sizeof *p);
	log_level(LOG_EMERG);
	strcpy(p->dir, "/tmp/merpati-closed-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	p->fd = open(p->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(p->fd >= 0);
	*state = p;
	return 0;
}

int
place_teardown(void **state)
{
	struct place *p = *state;
	char command[128];
	close(p->fd);
	snprintf(command, sizeof command, "rm -rf %s", p->dir);
	assert_int_equal(system(command), 0);
	free(p);
	return 0;
}

bool
is_there(const struct place *p, const char *name)
{
	return faccessat(p->fd, name, F_OK, 0) == 0;
}

struct db_table *
open_rows(const struct place *p, struct db **db)
{
	struct db_table *t = NULL;
	assert_int_equal(db_open(p->dir, CACHE_BYTES, db), E_OK);
	assert_int_equal(db_table_open(*db, "rows", true, &t), E_OK);
	return t;
}

void
put_rows(struct db *db, struct db_table *t, uint32_t from, uint32_t n)
{
	struct db_txn *txn;
	assert_int_equal(db_begin(db, &txn), E_OK);
	for (uint32_t i = from; i < from + n; i++) {
		struct buf key = {0};
		db_key_u32(&key, i);
		assert_int_equal(
		    db_put(t, txn, buf_as_span(&key), SPAN("a value of some length")),
		    E_OK);
		buf_free(&key);
	}
	assert_int_equal(db_commit(&txn), E_OK);
	assert_int_equal(db_sync(db), E_OK);
}

/* All n rows, and no other. */
void
check_rows(const struct place *p, uint32_t n)
{
	struct db *db;
	struct db_cursor *c;
	struct span key, value;
	uint32_t k = 0;
	struct db_table *t = open_rows(p, &db);
	assert_int_equal(db_cursor_open(t, NULL, &c), E_OK);
	for (int err = db_seek(c, SPAN(""), &key, &value); err == E_OK;
	     err = db_next(c, &key, &value)) {
		struct rd r = rd_of(key);
		assert_int_equal(rd_key_u32(&r), k++);
	}
	assert_int_equal(k, n);
	db_cursor_close(&c);
	db_close(&db);
}
