/* SPDX-License-Identifier: ISC */
/*
 * table.c - tables, what is in them, and numbers in keys.  A table that had no row when its
 * environment was closed is opened when it gets one: most of what opening an environment costs is
 * opening its tables, and half of those of a mailbox account are empty.
 */
#include <db.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "db/db.h"
#include "db/state.h"

enum { TABLE_MODE = 0640 };

struct db_cursor {
	struct db_table *table; /* borrow */
	struct db_txn *txn;     /* borrow; NULL: none */
	DBC *handle;            /* own; NULL: the table has no row */
	DBT key, value;         /* own: the library's memory, grown by it */
};

/* ---- tables ---- */

static DB_TXN *
txn_of(struct db_txn *t)
{
	return t ? t->handle : NULL;
}

/* E_OK, E_BAD (it is not there), E_LIMIT, E_IO */
static int
open_handle(struct db_table *t, bool is_made_if_missing)
{
	struct db *db = t->db;
	DB *h;
	int err = db_create(&h, db->env, 0);
	if (err)
		return db_result(db, err);
	if (is_made_if_missing)
		db->has_names |= faccessat(db->dir, t->name, F_OK, 0) != 0;
	err = h->set_flags(h, DB_CHKSUM);
	if (!err)
		err = h->set_pagesize(h, DB_PAGE_BYTES);
	if (!err)
		err = h->open(h, NULL, t->name, NULL, DB_BTREE,
		    DB_AUTO_COMMIT | (is_made_if_missing ? (uint32_t)DB_CREATE : 0),
		    TABLE_MODE);
	if (!err) {
		t->handle = h;
		return E_OK;
	}
	h->close(h, DB_NOSYNC);
	if (err == ENOENT)
		return E_BAD;
	/* a first page that is none: what the caller does not find here again is damage, not the world */
	db->is_damaged |= err == EINVAL || err == DB_OLD_VERSION;
	int told = db_result(db, err);
	return db->is_damaged ? E_LIMIT : told;
}

/* It had no row when all was closed, and its file is there. */
static bool
is_empty(const struct db *db, const char *name)
{
	struct stat st;
	struct span all = buf_as_span(&db->empty);
	bool is_named = false;
	while (all.n && !is_named)
		is_named = span_eqs(span_cut(&all, ' '), name);
	return is_named && fstatat(db->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(st.st_mode) && st.st_size && st.st_size % DB_PAGE_BYTES == 0;
}

int
db_table_open(
    struct db *db, const char *name, bool is_made_if_missing, struct db_table **out)
{
	if (db->n_tables == TABLES_MAX)
		bug("too many tables");
	struct db_table *t = mem_new(sizeof *t);
	t->db = db;
	t->name = mem_dup(name);
	int err = is_empty(db, name) ? E_OK : open_handle(t, is_made_if_missing);
	if (err != E_OK) {
		mem_free(&t->name);
		mem_free(&t);
		return err;
	}
	db->tables[db->n_tables++] = t;
	*out = t;
	return E_OK;
}

/* Before it gets a row. */
static int
need_handle(struct db_table *t)
{
	int err = t->handle ? E_OK : open_handle(t, false);
	if (err != E_BAD)
		return err;
	t->db->is_damaged = true; /* its file was there */
	return E_LIMIT;
}

static bool
has_row(struct db_table *t)
{
	DBC *c;
	DBT k = {.flags = DB_DBT_PARTIAL}, v = {.flags = DB_DBT_PARTIAL};
	if (!t->handle)
		return false;
	if (t->handle->cursor(t->handle, NULL, &c, 0) != 0)
		return true;
	int err = c->get(c, &k, &v, DB_FIRST);
	c->close(c);
	return err != DB_NOTFOUND;
}

void
db_tables_note_empty(struct db *db, struct buf *out)
{
	for (size_t i = 0; i < db->n_tables; i++)
		if (!has_row(db->tables[i]))
			buf_putf(out, "%s ", db->tables[i]->name);
}

int
db_tables_close(struct db *db, uint32_t flags)
{
	int err = 0;
	for (size_t i = 0; i < db->n_tables; i++) {
		DB *h = db->tables[i]->handle;
		int failed = h ? h->close(h, flags) : 0;
		err = err ? err : failed;
		mem_free(&db->tables[i]->name);
		mem_free(&db->tables[i]);
	}
	db->n_tables = 0;
	return err;
}

/* ---- rows ---- */

static DBT
dbt_of(struct span s)
{
	DBT d = {.data = (void *)(uintptr_t)s.p, .size = (uint32_t)s.n};
	return d;
}

/* Reads into the buffer; grows it once when the value is larger than guessed. */
int
db_read(DB *h, DB_TXN *txn, struct span key, struct buf *out)
{
	DBT k = dbt_of(key), v = {.flags = DB_DBT_USERMEM};
	size_t guess = 512;
	for (;;) {
		buf_reset(out);
		v.data = buf_room(out, guess);
		v.ulen = (uint32_t)guess;
		if (!v.data)
			return ENOSPC;
		int err = h->get(h, txn, &k, &v, 0);
		if (err != DB_BUFFER_SMALL) {
			if (!err)
				buf_added(out, v.size);
			return err;
		}
		guess = v.size;
	}
}

int
db_get(struct db_table *t, struct db_txn *txn, struct span key, struct buf *out)
{
	buf_reset(out);
	if (!t->handle)
		return E_BAD;
	return db_result(t->db, db_read(t->handle, txn_of(txn), key, out));
}

int
db_put(struct db_table *t, struct db_txn *txn, struct span key, struct span value)
{
	DBT k = dbt_of(key), v = dbt_of(value);
	int err = need_handle(t);
	if (err != E_OK)
		return err;
	/* what was, and what is */
	t->db->logged_bytes += key.n + 2 * value.n + LOG_RECORD_BYTES;
	return db_result(t->db, t->handle->put(t->handle, txn_of(txn), &k, &v, 0));
}

int
db_del(struct db_table *t, struct db_txn *txn, struct span key)
{
	DBT k = dbt_of(key);
	if (!t->handle)
		return E_BAD;
	t->db->logged_bytes += key.n + LOG_RECORD_BYTES;
	return db_result(t->db, t->handle->del(t->handle, txn_of(txn), &k, 0));
}

/* The library's one; none while there is nothing to stand on. */
static int
need_cursor(struct db_cursor *c)
{
	DB *h = c->table->handle;
	if (c->handle)
		return E_OK;
	return h ? db_result(c->table->db, h->cursor(h, txn_of(c->txn), &c->handle, 0))
	         : E_BAD;
}

int
db_cursor_open(struct db_table *t, struct db_txn *txn, struct db_cursor **out)
{
	struct db_cursor *c = mem_new(sizeof *c);
	c->table = t;
	c->txn = txn;
	c->key.flags = c->value.flags = DB_DBT_REALLOC;
	int err = t->handle ? need_cursor(c) : E_OK;
	if (err != E_OK) {
		mem_free(&c);
		return err;
	}
	*out = c;
	return E_OK;
}

void
db_cursor_close(struct db_cursor **cp)
{
	struct db_cursor *c = *cp;
	if (!c)
		return;
	if (c->handle)
		c->handle->close(c->handle);
	free(c->key.data);
	free(c->value.data);
	mem_free(cp);
}

static int
step(struct db_cursor *c, uint32_t how, struct span *key, struct span *value)
{
	int err = need_cursor(c);
	if (err == E_OK)
		err = db_result(
		    c->table->db, c->handle->get(c->handle, &c->key, &c->value, how));
	if (err == E_OK) {
		*key = span_make(c->key.data, c->key.size);
		*value = span_make(c->value.data, c->value.size);
	}
	return err;
}

int
db_seek(struct db_cursor *c, struct span at_least, struct span *key, struct span *value)
{
	if (at_least.n == 0)
		return step(c, DB_FIRST, key, value);
	c->key.data = mem_grow(c->key.data, at_least.n, 1);
	memcpy(c->key.data, at_least.p, at_least.n);
	c->key.size = (uint32_t)at_least.n;
	return step(c, DB_SET_RANGE, key, value);
}

int
db_next(struct db_cursor *c, struct span *key, struct span *value)
{
	return step(c, DB_NEXT, key, value);
}

int
db_cursor_del(struct db_cursor *c)
{
	if (!c->handle)
		bug("a cursor on no item");
	return db_result(c->table->db, c->handle->del(c->handle, 0));
}

int
db_cursor_put(struct db_cursor *c, struct span value)
{
	DBT v = dbt_of(value);
	if (!c->handle)
		bug("a cursor on no item");
	return db_result(
	    c->table->db, c->handle->put(c->handle, &c->key, &v, DB_CURRENT));
}

void
db_key_u32(struct buf *b, uint32_t v)
{
	v = htobe32(v);
	buf_put(b, &v, sizeof v);
}

void
db_key_u64(struct buf *b, uint64_t v)
{
	v = htobe64(v);
	buf_put(b, &v, sizeof v);
}

uint32_t
rd_key_u32(struct rd *r)
{
	uint32_t v = 0;
	struct span s = rd_bytes(r, sizeof v);
	memcpy(&v, s.p, s.n);
	return be32toh(v);
}

uint64_t
rd_key_u64(struct rd *r)
{
	uint64_t v = 0;
	struct span s = rd_bytes(r, sizeof v);
	memcpy(&v, s.p, s.n);
	return be64toh(v);
}
