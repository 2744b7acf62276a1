/* SPDX-License-Identifier: ISC */
/* scripts.c - the folder of a user's scripts. */
#include "sieve/scripts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "sieve/folder.h"
#include "sieve/script_name.h"

static const char folder_name[] = "sieve", active_name[] = "active";

int
sieve_scripts_open(int home, bool makes, struct sieve_scripts *out)
{
	*out = (struct sieve_scripts){.dir = -1};
	return folder_open(home, folder_name, makes, &out->dir);
}

void
sieve_scripts_close(struct sieve_scripts *s)
{
	if (s->dir >= 0)
		close(s->dir);
	s->dir = -1;
}

/* ---- reading ---- */

int
sieve_scripts_read(const struct sieve_scripts *s, struct span name, struct buf *out)
{
	struct buf file = {0};
	int err = sieve_name_to_file(name, &file) == E_OK
	              ? folder_read(s->dir, buf_cstr(&file), out)
	              : E_MORE;
	buf_free(&file);
	return err;
}

int
sieve_scripts_active(const struct sieve_scripts *s, struct buf *name)
{
	struct buf text = {.max = SIEVE_NAME_BYTES_MAX + 1};
	int err = folder_read(s->dir, active_name, &text);
	struct span line = buf_as_span(&text);
	if (err == E_OK || err == E_LIMIT) {
		bool has_name = err == E_OK && span_ends(line, SPAN("\n")) &&
		                sieve_name_valid(span_head(line, line.n - 1));
		if (has_name)
			buf_span(name, span_head(line, line.n - 1));
		else
			log_event(LOG_ERR, "sieve_scripts", "what=no_name file=%s",
			    active_name);
		err = has_name ? buf_done(name) : E_MORE;
	}
	buf_free(&text);
	return err;
}

/* E_OK, E_IO: nobody can say */
static int
is_active(const struct sieve_scripts *s, struct span name, bool *out)
{
	struct buf active = {0};
	int err = sieve_scripts_active(s, &active);
	*out = err == E_OK && span_eq(buf_as_span(&active), name);
	buf_free(&active);
	return err == E_MORE ? E_OK : err;
}

/* E_OK, E_MORE (none, or no name) or E_IO (not looked at) */
static int
find_script(const struct sieve_scripts *s, struct span name)
{
	struct buf file = {0};
	int err = sieve_name_to_file(name, &file) == E_OK
	              ? folder_has(s->dir, buf_cstr(&file))
	              : E_MORE;
	buf_free(&file);
	return err;
}

/* ---- all of them ---- */

static void
add_row(struct sieve_script_list *l, size_t *cap, struct span name, struct span active)
{
	l->rows = mem_room(l->rows, l->n, cap, sizeof *l->rows);
	l->rows[l->n++] = (struct sieve_script_row){
	    .name = arena_span(&l->arena, name), .is_active = span_eq(name, active)};
}

static int
by_name(const void *a, const void *b)
{
	const struct sieve_script_row *x = a, *y = b;
	return span_cmp(x->name, y->name);
}

/* E_OK, E_LIMIT, E_IO */
static int
read_folder(const struct sieve_scripts *s, struct span active,
    struct sieve_script_list *out, size_t *cap)
{
	int fd = folder_beneath(s->dir, ".", O_RDONLY | O_DIRECTORY);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	size_t seen = 0;
	struct dirent *e;
	if (!d) {
		int err = folder_failed("list", ".");
		if (fd >= 0)
			close(fd);
		return err;
	}
	while (seen <= SIEVE_SCRIPTS_SEEN_MAX && (e = readdir(d))) {
		struct buf name = {0};
		seen++;
		if (sieve_name_of_file(span_of(e->d_name), &name) == E_OK &&
		    find_script(s, buf_as_span(&name)) == E_OK)
			add_row(out, cap, buf_as_span(&name), active);
		buf_free(&name);
	}
	closedir(d);
	return seen > SIEVE_SCRIPTS_SEEN_MAX ? E_LIMIT : E_OK;
}

int
sieve_scripts_list(const struct sieve_scripts *s, struct sieve_script_list *out)
{
	struct buf active = {0};
	struct sieve_script_row *rows;
	size_t cap = 0;
	*out = (struct sieve_script_list){0};
	if (s->dir < 0)
		return E_OK;
	int err = sieve_scripts_active(s, &active);
	if (err == E_OK || err == E_MORE)
		err = read_folder(s, buf_as_span(&active), out, &cap);
	if (err == E_OK && out->n) {
		qsort(out->rows, out->n, sizeof *out->rows, by_name);
		rows = arena_get(&out->arena, out->n * sizeof *rows);
		for (size_t i = 0; i < out->n; i++)
			rows[i] = out->rows[i];
		mem_free(&out->rows);
		out->rows = rows;
	} else {
		mem_free(&out->rows);
		arena_reset(&out->arena);
		out->n = 0;
	}
	buf_free(&active);
	return err;
}

/* ---- room ---- */

int
sieve_scripts_room(const struct sieve_scripts *s, struct span name, uint64_t bytes,
    enum sieve_quota *what)
{
	struct sieve_script_list list;
	*what = SIEVE_QUOTA_SIZE;
	if (!sieve_name_valid(name))
		return E_BAD;
	if (s->bytes_most && bytes > s->bytes_most)
		return E_LIMIT;
	*what = SIEVE_QUOTA_SCRIPTS;
	int err = s->most ? find_script(s, name) : E_OK;
	if (err != E_MORE)
		return err; /* replaced, or no limit */
	err = sieve_scripts_list(s, &list);
	if (err == E_OK && list.n >= s->most)
		err = E_LIMIT;
	arena_reset(&list.arena);
	return err;
}

/* ---- changing ---- */

int
sieve_scripts_put(
    struct sieve_scripts *s, struct span name, struct span text, enum sieve_quota *what)
{
	struct buf file = {0};
	int err = folder_lock(s->dir);
	if (err != E_OK)
		return err;
	err = sieve_scripts_room(s, name, text.n, what);
	if (err == E_OK)
		err = sieve_name_to_file(name, &file);
	if (err == E_OK) {
		*what = SIEVE_QUOTA_DISK;
		err = folder_replace(s->dir, buf_cstr(&file), text);
	}
	folder_unlock(s->dir);
	buf_free(&file);
	return err;
}

int
sieve_scripts_delete(struct sieve_scripts *s, struct span name)
{
	struct buf file = {0};
	bool is = false;
	int err = find_script(s, name);
	if (err == E_OK)
		err = folder_lock(s->dir);
	if (err != E_OK)
		return err;
	err = is_active(s, name, &is);
	if (is)
		err = E_DENY;
	if (err == E_OK)
		err = sieve_name_to_file(name, &file);
	if (err == E_OK)
		err = folder_remove(s->dir, buf_cstr(&file));
	folder_unlock(s->dir);
	buf_free(&file);
	return err;
}

/* lock is held */
static int
activate(struct sieve_scripts *s, struct span name)
{
	struct buf line = {0};
	buf_span(&line, name);
	buf_ch(&line, '\n');
	int err = folder_replace(s->dir, active_name, buf_as_span(&line));
	buf_free(&line);
	return err == E_LIMIT ? E_IO : err;
}

int
sieve_scripts_activate(struct sieve_scripts *s, struct span name)
{
	if (s->dir < 0)
		return name.n ? E_MORE : E_OK;
	int err = folder_lock(s->dir);
	if (err != E_OK)
		return err;
	if (name.n == 0)
		err = folder_remove(s->dir, active_name);
	else
		err = find_script(s, name);
	if (err == E_OK && name.n)
		err = activate(s, name);
	folder_unlock(s->dir);
	return err;
}

/* At each moment the active one is there under the name that is said to be active. */
static int
move(struct sieve_scripts *s, const char *from, const char *to, struct span to_name,
    bool was_active)
{
	if (linkat(s->dir, from, s->dir, to, 0) != 0)
		return errno == EEXIST   ? E_DENY
		       : errno == ENOENT ? E_MORE
		                         : folder_failed("link", to);
	int err = folder_sync(s->dir);
	if (err == E_OK && was_active)
		err = activate(s, to_name);
	if (err == E_OK)
		return folder_remove(s->dir, from);
	unlinkat(s->dir, to, 0); /* it has its one name still */
	return err;
}

int
sieve_scripts_rename(struct sieve_scripts *s, struct span from, struct span to)
{
	struct buf from_file = {0}, to_file = {0};
	bool was_active = false;
	int err = sieve_name_valid(to) ? find_script(s, from) : E_BAD;
	if (err == E_OK)
		err = folder_lock(s->dir);
	if (err != E_OK)
		return err;
	if (sieve_name_to_file(from, &from_file) != E_OK ||
	    sieve_name_to_file(to, &to_file) != E_OK)
		bug("a name that was valid");
	err = is_active(s, from, &was_active);
	if (err == E_OK)
		err = move(s, buf_cstr(&from_file), buf_cstr(&to_file), to, was_active);
	folder_unlock(s->dir);
	buf_free(&from_file);
	buf_free(&to_file);
	return err;
}
