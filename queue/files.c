/* SPDX-License-Identifier: ISC */
/* files.c - the spool directory: its folders, the names in them, their syncs. */
#include "queue/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

enum { DIR_MODE = 0750 };

void
file_name(struct id id, char out[FILE_NAME_BYTES])
{
	const char *text = id_text(id);
	snprintf(out, FILE_NAME_BYTES, "%.2s/%s", text, text);
}

static int
open_dir(int at, const char *name, int *out)
{
	if (mkdirat(at, name, DIR_MODE) != 0 && errno != EEXIST)
		return E_IO;
	*out = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return *out >= 0 ? E_OK : E_IO;
}

static int
make_folders(int at)
{
	char name[4];
	if (faccessat(at, "ff", F_OK, 0) == 0)
		return E_OK;
	for (unsigned i = 0; i < FOLDERS; i++) {
		snprintf(name, sizeof name, "%02x", i);
		if (mkdirat(at, name, DIR_MODE) != 0 && errno != EEXIST)
			return E_IO;
	}
	return fsync(at) == 0 ? E_OK : E_IO;
}

int
files_open(const char *spool_dir, struct files *out)
{
	int journal = -1;
	*out = (struct files){-1, -1, -1, -1, -1};
	out->dir = open(spool_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = out->dir >= 0 ? E_OK : E_IO;
	if (err == E_OK)
		err = open_dir(out->dir, "large", &out->large);
	if (err == E_OK)
		err = open_dir(out->dir, "deferred", &out->deferred);
	if (err == E_OK)
		err = open_dir(out->dir, "corrupt", &out->corrupt);
	if (err == E_OK)
		err = open_dir(out->dir, "drop", &out->drop);
	if (err == E_OK)
		err = open_dir(out->dir, "journal", &journal);
	if (err == E_OK)
		err = make_folders(out->large);
	if (err == E_OK)
		err = make_folders(out->deferred);
	if (err == E_OK && fsync(out->dir) != 0)
		err = E_IO;
	if (err != E_OK)
		log_event(LOG_CRIT, "no_spool", "dir=%s err=%s", log_qs(spool_dir),
		    log_errno(errno));
	if (journal >= 0)
		close(journal);
	return err;
}

int
files_sync(const struct files *f)
{
	if (syncfs(f->dir) == 0)
		return E_OK;
	log_event(LOG_ALERT, "spool_sync_failed", "err=%s", log_errno(errno));
	return E_IO;
}

int
file_open(int at, struct id id, int flags, int *out)
{
	char name[FILE_NAME_BYTES];
	file_name(id, name);
	*out = openat(at, name, flags | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
	if (*out >= 0)
		return E_OK;
	return errno == ENOENT                      ? E_BAD
	       : errno == ENOSPC || errno == EDQUOT ? E_LIMIT
	                                            : E_IO;
}

bool
file_is_there(int at, struct id id)
{
	char name[FILE_NAME_BYTES];
	file_name(id, name);
	return faccessat(at, name, F_OK, 0) == 0;
}

int
folder_sync(int at, struct id id)
{
	char name[4];
	snprintf(name, sizeof name, "%.2s", id_text(id));
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int err = fd >= 0 && fsync(fd) == 0 ? E_OK : E_IO;
	if (fd >= 0)
		close(fd);
	return err;
}

bool
dropped_is_there(const struct files *f, struct id name)
{
	return faccessat(f->drop, id_text(name), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

void
dropped_remove(const struct files *f, struct id name)
{
	if (unlinkat(f->drop, id_text(name), 0) != 0 && errno != ENOENT)
		log_event(LOG_ALERT, "dropped_not_removed", "name=%s err=%s",
		    id_text(name), log_errno(errno));
}

void
message_files_remove(const struct files *f, struct id id)
{
	char name[FILE_NAME_BYTES];
	file_name(id, name);
	unlinkat(f->deferred, name, 0);
	unlinkat(f->large, name, 0);
}

static int
each_in(int folder, int (*fn)(void *ctx, const char *name), void *ctx)
{
	DIR *d = fdopendir(folder);
	int err = d ? E_OK : E_IO;
	for (struct dirent *e; err == E_OK && (e = readdir(d));)
		if (e->d_name[0] != '.')
			err = fn(ctx, e->d_name);
	if (d)
		closedir(d);
	return err;
}

int
folder_each(int at, unsigned folder, int (*fn)(void *ctx, const char *name), void *ctx)
{
	char name[4];
	snprintf(name, sizeof name, "%02x", folder & 0xff);
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd >= 0 ? each_in(fd, fn, ctx) : E_IO;
}
