/* SPDX-License-Identifier: ISC */
/* dkim_files.c - the folders of the keys that sign mail. */
#include "ctl/dkim_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/id.h"
#include "ctl/ctl.h"
#include "proc/daemon.h"

enum { FOLDER_MODE = 0700, FILE_MODE = 0400 };

static int
failed(const char *what)
{
	ctl_say("%s: %m", what);
	return E_IO;
}

/* ---- reading ---- */

static void
file_add(int dir, struct span domain, const char *name, struct dkim_files *out)
{
	struct buf current = {0};
	struct stat st;
	struct span selector;
	enum dkim_key_kind kind;
	if (!dkim_file_parse(span_of(name), &kind, &selector) ||
	    fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
		return;
	bool is_current = dkim_current(dir, kind, &current) == E_OK &&
	                  span_eq(buf_as_span(&current), selector);
	buf_free(&current);
	out->all = mem_room(out->all, out->n, &out->cap, sizeof *out->all);
	struct dkim_file *f = &out->all[out->n++];
	*f = (struct dkim_file){
	    .kind = kind, .is_current = is_current, .made_sec = st.st_mtim.tv_sec};
	if (asprintf(&f->domain, "%.*s", SPAN_ARG(domain)) < 0 ||
	    asprintf(&f->selector, "%.*s", SPAN_ARG(selector)) < 0)
		bug("asprintf");
}

typedef void name_fn(const struct conf *, int dir, struct span domain, const char *name,
    struct dkim_files *out, int *err);

/* Each name of a folder, in order. */
static int
each(const struct conf *conf, struct span domain, name_fn *fn, struct dkim_files *out)
{
	struct buf path = {0};
	struct dirent **names = NULL;
	int err = E_OK;
	dkim_path_put(conf, domain, &path);
	int dir =
	    open(buf_cstr(&path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int n = dir >= 0 ? scandirat(dir, ".", &names, NULL, alphasort) : -1;
	if (n < 0 && errno != ENOENT)
		err = failed(buf_cstr(&path));
	for (int i = 0; i < n; i++) {
		if (err == E_OK)
			fn(conf, dir, domain, names[i]->d_name, out, &err);
		free(names[i]);
	}
	free(names);
	if (dir >= 0)
		close(dir);
	buf_free(&path);
	return err;
}

static void
on_file(const struct conf *conf, int dir, struct span domain, const char *name,
    struct dkim_files *out, int *err)
{
	(void)conf, (void)err;
	file_add(dir, domain, name, out);
}

static void
on_domain(const struct conf *conf, int dir, struct span domain, const char *name,
    struct dkim_files *out, int *err)
{
	(void)dir, (void)domain;
	if (dkim_is_domain(span_of(name)))
		*err = each(conf, span_of(name), on_file, out);
}

int
dkim_files_read(const struct conf *conf, struct span domain, struct dkim_files *out)
{
	return each(conf, domain, domain.n ? on_file : on_domain, out);
}

void
dkim_files_free(struct dkim_files *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->all[i].domain);
		free(f->all[i].selector);
	}
	mem_free(&f->all);
	*f = (struct dkim_files){0};
}

/* ---- changing ---- */

int
dkim_folder_open(const struct conf *conf, struct span domain, bool is_new)
{
	struct buf path = {0};
	if (is_new)
		dkim_folder_make(conf);
	dkim_path_put(conf, domain, &path);
	if (is_new && mkdir(buf_cstr(&path), FOLDER_MODE) != 0 && errno != EEXIST)
		(void)failed(buf_cstr(&path));
	int dir =
	    open(buf_cstr(&path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir >= 0 && is_new && daemon_give(conf, USER_KEY, dir) != E_OK) {
		close(dir);
		dir = -1;
	}
	if (dir < 0 && errno == ENOENT)
		ctl_say("%.*s has no keys", SPAN_ARG(domain));
	else if (dir < 0)
		(void)failed(buf_cstr(&path));
	buf_free(&path);
	return dir;
}

/* Under a name of its own, whole and synced before it gets the one that counts. */
static int
file_put(const struct conf *conf, int dir, const char *name, struct span pem)
{
	struct buf temporary = {0};
	buf_putf(&temporary, ".new-%s", id_text(id_new()));
	int fd = openat(dir, buf_cstr(&temporary),
	    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	int err = fd >= 0 && fchmod(fd, FILE_MODE) == 0 ? file_write(fd, pem) : E_IO;
	if (err == E_OK)
		err = daemon_give(conf, USER_KEY, fd);
	if (err == E_OK &&
	    (fsync(fd) != 0 || linkat(dir, buf_cstr(&temporary), dir, name, 0) != 0 ||
		fsync(dir) != 0))
		err = E_IO;
	if (err != E_OK)
		(void)failed(name);
	if (fd >= 0) {
		close(fd);
		unlinkat(dir, buf_cstr(&temporary), 0);
	}
	buf_free(&temporary);
	return err == E_OK ? E_OK : E_IO;
}

int
dkim_file_make(
    const struct conf *conf, int dir, struct span selector, enum dkim_key_kind kind)
{
	struct buf name = {0}, pem = {0};
	struct dkim_key *key = dkim_key_new(kind);
	dkim_key_pem(key, &pem);
	dkim_file_put(selector, kind, &name);
	int err = file_put(conf, dir, buf_cstr(&name), buf_as_span(&pem));
	dkim_key_free(&key);
	buf_wipe(&pem);
	buf_free(&name);
	return err;
}

int
dkim_file_use(int dir, struct span selector, enum dkim_key_kind kind)
{
	struct buf name = {0}, link = {0}, temporary = {0};
	int err = E_OK;
	dkim_file_put(selector, kind, &name);
	dkim_current_put(kind, &link);
	buf_putf(&temporary, ".new-%s", id_text(id_new()));
	if (symlinkat(buf_cstr(&name), dir, buf_cstr(&temporary)) != 0)
		err = failed(buf_cstr(&link));
	else if (renameat(dir, buf_cstr(&temporary), dir, buf_cstr(&link)) != 0 ||
		 fsync(dir) != 0) {
		err = failed(buf_cstr(&link));
		unlinkat(dir, buf_cstr(&temporary), 0);
	}
	buf_free(&name);
	buf_free(&link);
	buf_free(&temporary);
	return err;
}

int
dkim_file_remove(int dir, struct span selector, enum dkim_key_kind kind)
{
	struct buf name = {0}, link = {0}, current = {0};
	int err = E_OK;
	dkim_file_put(selector, kind, &name);
	dkim_current_put(kind, &link);
	bool is_current = dkim_current(dir, kind, &current) == E_OK &&
	                  span_eq(buf_as_span(&current), selector);
	if (is_current && unlinkat(dir, buf_cstr(&link), 0) != 0 && errno != ENOENT)
		err = failed(buf_cstr(&link));
	if (err == E_OK && (unlinkat(dir, buf_cstr(&name), 0) != 0 || fsync(dir) != 0))
		err = failed(buf_cstr(&name));
	buf_free(&name);
	buf_free(&link);
	buf_free(&current);
	return err;
}
