/* SPDX-License-Identifier: ISC */
/* file.c - a table file read without an environment, while its writer is elsewhere and at rest. */
#include <db.h>
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "db/db.h"
#include "db/state.h"

enum { FILE_CACHE_BYTES = 256 * 1024 };

struct db_file {
	DB *handle; /* own */
	bool is_damaged;
};

static void
on_message(const DB_ENV *env, const char *prefix, const char *text)
{
	(void)env, (void)prefix;
	log_event(LOG_WARNING, "db", "says=%s", log_qs(text));
}

int
db_file_open(const char *path, struct db_file **out)
{
	DB *h;
	int err = db_create(&h, NULL, 0);
	if (err)
		return E_IO;
	h->set_errcall(h, on_message);
	err = h->set_cachesize(h, 0, FILE_CACHE_BYTES, 1);
	if (!err)
		err = h->open(h, NULL, path, NULL, DB_BTREE, DB_RDONLY, 0);
	if (err) {
		h->close(h, 0);
		if (err == ENOENT)
			return E_BAD;
		log_event(LOG_ERR, "table_not_opened", "path=%s err=%s", log_qs(path),
		    log_qs(db_strerror(err)));
		return E_IO;
	}
	*out = mem_new(sizeof **out);
	(*out)->handle = h;
	return E_OK;
}

void
db_file_close(struct db_file **fp)
{
	if (!*fp)
		return;
	(*fp)->handle->close((*fp)->handle, DB_NOSYNC);
	mem_free(fp);
}

int
db_file_get(struct db_file *f, struct span key, struct buf *out)
{
	return db_err(db_read(f->handle, NULL, key, out), &f->is_damaged);
}

int
db_file_behind(struct db_file *f, struct span after,
    int (*fn)(void *ctx, struct span key, struct span value), void *ctx)
{
	DBC *c;
	DBT k, v;
	memset(&k, 0, sizeof k);
	memset(&v, 0, sizeof v);
	if (f->handle->cursor(f->handle, NULL, &c, 0) != 0)
		return E_IO;
	k.data = (void *)after.p; /* only read */
	k.size = (uint32_t)after.n;
	int err, told = E_OK;
	uint32_t to = after.n ? DB_SET_RANGE : DB_NEXT;
	for (; (err = db_err(c->get(c, &k, &v, to), &f->is_damaged)) == E_OK;
	     to = DB_NEXT) {
		struct span key = span_make(k.data, k.size);
		if (to == DB_SET_RANGE && span_eq(key, after))
			continue;
		told = fn(ctx, key, span_make(v.data, v.size));
		if (told != E_OK)
			break;
	}
	c->close(c);
	return told != E_OK ? told : err == E_BAD ? E_OK : err;
}
