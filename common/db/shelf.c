/* SPDX-License-Identifier: ISC */
/* shelf.c - rows that nobody else knows. */
#include "db/shelf.h"

#include <string.h>

#include "base/log.h"

/* One key of the second table is smaller to read than a row. */
static int
count_rows(struct shelf *s)
{
	struct db_cursor *c = NULL;
	struct span key, value;
	int err = db_cursor_open(s->tables[1], NULL, &c);
	if (err != E_OK)
		return err;
	for (err = db_seek(c, SPAN(""), &key, &value); err == E_OK;
	     err = db_next(c, &key, &value))
		s->n++;
	db_cursor_close(&c);
	return err == E_BAD ? E_OK : err;
}

static int
open_tables(struct shelf *s, const struct shelf_plan *plan)
{
	int err = db_open(s->dir, SHELF_CACHE_BYTES, &s->db);
	for (size_t i = 0; i < SHELF_TABLES_MAX && plan->tables[i]; i++)
		if (err == E_OK)
			err =
			    db_table_open(s->db, plan->tables[i], true, &s->tables[i]);
	s->n = 0;
	return err == E_OK ? count_rows(s) : err;
}

static int
renew(struct shelf *s, const struct shelf_plan *plan)
{
	struct buf aside = {0};
	int err = db_put_aside(&s->db, s->dir, &aside);
	log_event(LOG_ALERT, plan->damaged, "dir=%s aside=%s do=\"%s\"", log_qs(s->dir),
	    log_qs(buf_cstr(&aside)), plan->advice);
	buf_free(&aside);
	return err == E_OK ? open_tables(s, plan) : err;
}

int
shelf_open(struct shelf *s, const struct shelf_plan *plan, const char *folder)
{
	struct buf dir = {0};
	memset(s, 0, sizeof *s);
	buf_putf(&dir, "%s/%s", folder, plan->below);
	s->dir = mem_dup(buf_cstr(&dir));
	buf_free(&dir);
	int err = open_tables(s, plan);
	if (err == E_LIMIT && s->db && !db_is_damaged(s->db))
		err = E_IO; /* the disk is full */
	if (err == E_LIMIT)
		err = renew(s, plan);
	return err == E_OK ? E_OK : E_IO;
}

void
shelf_close(struct shelf *s)
{
	db_close(&s->db);
	mem_free(&s->dir);
}

int
shelf_sync(struct shelf *s)
{
	int err = db_sync(s->db);
	return err == E_OK ? db_checkpoint(s->db, SHELF_CHECKPOINT_BYTES) : err;
}

int
shelf_first(struct db_table *numbers, uint64_t most, struct buf *out)
{
	struct db_cursor *c = NULL;
	struct span key, value;
	int err = db_cursor_open(numbers, NULL, &c);
	if (err != E_OK)
		return err;
	err = db_seek(c, SPAN(""), &key, &value);
	if (err == E_OK) {
		struct rd r = rd_of(key);
		if (rd_key_u64(&r) > most)
			err = E_BAD;
		else
			buf_span(out, r.in);
	}
	db_cursor_close(&c);
	return err;
}
