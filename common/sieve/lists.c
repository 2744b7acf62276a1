/* SPDX-License-Identifier: ISC */
/* lists.c - the folder of a user's lists. */
#include "sieve/lists.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "sieve/folder.h"
#include "sieve/scripts.h"

static const char folder_name[] = "lists";

int
sieve_lists_open(const struct sieve_scripts *s, bool makes, struct sieve_lists *out)
{
	out->dir = -1;
	return s->dir < 0 ? E_OK : folder_open(s->dir, folder_name, makes, &out->dir);
}

void
sieve_lists_close(struct sieve_lists *l)
{
	if (l->dir >= 0)
		close(l->dir);
	l->dir = -1;
}

/* ---- reading ---- */

/* A name as the C library has it; it has no NUL, for list_name_check knows it. */
static int
read_named(const struct sieve_lists *l, struct span name, struct buf *out)
{
	struct buf file = {0};
	buf_span(&file, name);
	int err = folder_read(l->dir, buf_cstr(&file), out);
	buf_free(&file);
	return err;
}

int
sieve_list_read(const struct sieve_lists *l, struct span name, struct buf *out)
{
	return list_name_check(name) ? read_named(l, name, out) : E_MORE;
}

static void
count(const struct sieve_lists *l, struct sieve_list_row *row)
{
	struct buf text = {.max = LIST_BYTES_MAX};
	struct span one;
	row->is_read = read_named(l, row->name, &text) == E_OK;
	row->bytes = row->is_read ? text.len : 0;
	for (struct span all = buf_as_span(&text);
	     row->is_read && list_next(&all, &one) == E_OK;)
		row->members++;
	buf_free(&text);
}

static int
by_name(const void *a, const void *b)
{
	const struct sieve_list_row *x = a, *y = b;
	return span_cmp(x->name, y->name);
}

/* E_OK, E_IO (logged) */
static int
open_all(const struct sieve_lists *l, DIR **out)
{
	int fd = folder_beneath(l->dir, ".", O_RDONLY | O_DIRECTORY);
	*out = fd < 0 ? NULL : fdopendir(fd);
	if (*out)
		return E_OK;
	int err = folder_failed("list", folder_name);
	if (fd >= 0)
		close(fd);
	return err;
}

/* The name of the next one; NULL: there is none. */
static const char *
next_of(const struct sieve_lists *l, DIR *d)
{
	struct dirent *e;
	while ((e = readdir(d)))
		if (list_name_check(span_of(e->d_name)) &&
		    folder_has(l->dir, e->d_name) == E_OK)
			return e->d_name;
	return NULL;
}

int
sieve_lists_all(const struct sieve_lists *l, struct arena *arena,
    struct sieve_list_row **out, size_t *n_out)
{
	struct sieve_list_row *all = arena_get(arena, LISTS_SEEN_MAX * sizeof *all);
	size_t seen = 0;
	const char *name;
	DIR *d;
	*out = all;
	*n_out = 0;
	if (l->dir < 0 || !all)
		return l->dir < 0 ? E_OK : E_LIMIT;
	if (open_all(l, &d) != E_OK)
		return E_IO;
	while (seen <= LISTS_SEEN_MAX && (name = next_of(l, d)))
		if (++seen <= LISTS_SEEN_MAX)
			all[(*n_out)++] = (struct sieve_list_row){
			    .name = arena_span(arena, span_of(name))};
	closedir(d);
	for (size_t i = 0; i < *n_out; i++)
		count(l, &all[i]);
	qsort(all, *n_out, sizeof *all, by_name);
	return seen > LISTS_SEEN_MAX ? E_LIMIT : E_OK;
}

/* ---- changing ---- */

/* Under the lock.  E_OK, E_LIMIT (too many others), E_IO */
static int
room_check(const struct sieve_lists *l, const char *name)
{
	size_t n = 0;
	DIR *d;
	int err = folder_has(l->dir, name);
	if (err != E_MORE)
		return err; /* it takes the place of one that is there */
	if (open_all(l, &d) != E_OK)
		return E_IO;
	while (n < LISTS_SEEN_MAX && next_of(l, d))
		n++;
	closedir(d);
	return n < LISTS_SEEN_MAX ? E_OK : E_LIMIT;
}

int
sieve_list_put(const struct sieve_lists *l, struct span name, struct span text)
{
	struct buf file = {0};
	if (!list_name_check(name))
		return E_BAD;
	int err = text.n > LIST_BYTES_MAX ? E_LIMIT : folder_lock(l->dir);
	if (err != E_OK)
		return err;
	buf_span(&file, name);
	err = room_check(l, buf_cstr(&file));
	if (err == E_OK)
		err = folder_replace(l->dir, buf_cstr(&file), text);
	folder_unlock(l->dir);
	buf_free(&file);
	return err;
}

int
sieve_list_delete(const struct sieve_lists *l, struct span name)
{
	struct buf file = {0};
	if (!list_name_check(name) || l->dir < 0)
		return E_MORE;
	int err = folder_lock(l->dir);
	if (err != E_OK)
		return err;
	buf_span(&file, name);
	err = folder_has(l->dir, buf_cstr(&file));
	if (err == E_OK)
		err = folder_remove(l->dir, buf_cstr(&file));
	folder_unlock(l->dir);
	buf_free(&file);
	return err;
}
