/* SPDX-License-Identifier: ISC */
/*
 * folder.c - how the library opens its files and lists its folder: as it would itself, but when they
 * were read is not noted in them (base/file.h), and no file is looked at for its name alone.
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
open_unnoted(const char *path, int flags, ...)
{
	va_list args;
	va_start(args, flags);
	mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
	va_end(args);
	int fd = open(path, flags | O_CLOEXEC | O_NOATIME, mode);
	/* not its owner */
	return fd < 0 && errno == EPERM ? open(path, flags | O_CLOEXEC, mode) : fd;
}

static void
names_free(char **names, int n)
{
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

/* E_OK; E_LIMIT: no memory */
static int
add(char ***names, int *n, const char *name)
{
	if (*n % NAMES_STEP == 0) {
		char **more =
		    realloc(*names, ((size_t)*n + NAMES_STEP) * sizeof **names);
		if (!more)
			return E_LIMIT;
		*names = more;
	}
	(*names)[*n] = strdup(name);
	return (*names)[(*n)++] ? E_OK : E_LIMIT;
}

/* Files alone.  0, errno */
static int
list(const char *path, char ***out, int *n_out)
{
	char **names = NULL;
	int n = 0, err = E_OK;
	struct dirent *e;
	DIR *d = folder_open_unnoted(path);
	if (!d)
		return errno;
	while (err == E_OK && (e = readdir(d)))
		if (e->d_type != DT_DIR)
			err = add(&names, &n, e->d_name);
	closedir(d);
	if (err != E_OK) {
		names_free(names, n);
		return ENOMEM;
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
