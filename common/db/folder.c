/* SPDX-License-Identifier: ISC */
/*
 * folder.c - how the library opens its files and lists its folder: when they were read is not noted
 * in them (base/file.h), and no file is looked at for its name alone.  By itself it would open again,
 * with waits of 12 s together, what failed for want of descriptors or room, and at once what was busy:
 * here the call fails, and who waits is told, as is a whole service behind it.  What a signal
 * interrupted is begun again.
 */
#include <db.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "db/state.h"

enum { NAMES_STEP = 32 };

static int
open_whole(const char *path, int flags, mode_t mode)
{
	int fd;
	do
		fd = open(path, flags | O_CLOEXEC, mode);
	while (fd < 0 && errno == EINTR);
	return fd;
}

static int
open_unnoted(const char *path, int flags, ...)
{
	va_list args;
	va_start(args, flags);
	mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
	va_end(args);
	/* made, it may be another's; and then it would be there when it is opened as such */
	bool is_first = flags & O_CREAT && flags & O_EXCL;
	int fd = open_whole(path, is_first ? flags : flags | O_NOATIME, mode);
	if (fd >= 0 || errno != EPERM || is_first)
		return fd;
	return open_whole(path, flags, mode); /* not its owner */
}

static void
names_free(char **names, int n)
{
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

/* 0, errno */
static int
add(char ***names, int *n, const char *name)
{
	if (*n % NAMES_STEP == 0) {
		char **more =
		    realloc(*names, ((size_t)*n + NAMES_STEP) * sizeof **names);
		if (!more)
			return ENOMEM;
		*names = more;
	}
	(*names)[*n] = strdup(name);
	return (*names)[(*n)++] ? 0 : ENOMEM;
}

/*
 * All but what the folder itself says is a folder (not every file system says what there is): the
 * library goes by names.  0, errno
 */
static int
list(const char *path, char ***out, int *n_out)
{
	char **names = NULL;
	int n = 0, err = 0;
	struct dirent *e;
	DIR *d = folder_open_unnoted(path);
	if (!d)
		return errno;
	for (errno = 0; !err && (e = readdir(d)); errno = 0)
		if (e->d_type != DT_DIR)
			err = add(&names, &n, e->d_name);
	if (!err)
		err = errno; /* a part of the logs is none */
	closedir(d);
	if (err) {
		names_free(names, n);
		return err;
	}
	*out = names;
	*n_out = n;
	return 0;
}

int
db_folder_ways(void)
{
	int err = db_env_set_func_open(open_unnoted);
	if (!err)
		err = db_env_set_func_dirlist(list);
	return err ? err : db_env_set_func_dirfree(names_free);
}
