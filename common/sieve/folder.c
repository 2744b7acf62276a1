/* SPDX-License-Identifier: ISC */
/* folder.c - files of a user's folder, read and replaced whole. */
#include "sieve/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"

enum { FILE_MODE = 0600, DIR_MODE = 0700, LOCK_TRY_MS = 10 };

static const char new_name[] = ".new";

int
folder_failed(const char *what, const char *name)
{
	log_event(LOG_ERR, "sieve_scripts", "what=%s file=%s err=%s", what,
	    log_qs(name), log_errno(errno));
	return E_IO;
}

/* Without O_NONBLOCK a FIFO would wait for its other end. */
int
folder_beneath(int dir, const char *name, int flags)
{
	struct open_how how = {
	    .flags = (uint64_t)(unsigned)flags | O_CLOEXEC | O_NONBLOCK,
	    .mode = flags & O_CREAT ? FILE_MODE : 0,
	    .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
	               RESOLVE_NO_XDEV};
	return (int)syscall(SYS_openat2, dir, name, &how, sizeof how);
}

int
folder_open(int above, const char *name, bool makes, int *out)
{
	*out = -1;
	if (makes) {
		if (mkdirat(above, name, DIR_MODE) == 0) {
			if (fsync(above) != 0)
				return folder_failed("sync", ".");
		} else if (errno != EEXIST) {
			return folder_failed("make", name);
		}
	}
	*out = folder_beneath(above, name, O_RDONLY | O_DIRECTORY);
	return *out < 0 && errno != ENOENT ? folder_failed("open", name) : E_OK;
}

int
folder_has(int dir, const char *name)
{
	struct stat st;
	if (dir < 0)
		return E_MORE;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? E_MORE : folder_failed("stat", name);
	return S_ISREG(st.st_mode) ? E_OK : E_MORE;
}

int
folder_read(int dir, const char *name, struct buf *out)
{
	struct stat st;
	int fd = dir < 0 ? -1 : folder_beneath(dir, name, O_RDONLY), err = E_OK;
	if (fd < 0)
		return dir < 0 || errno == ENOENT ? E_MORE
		                                  : folder_failed("open", name);
	if (fstat(fd, &st) != 0)
		err = folder_failed("stat", name);
	else if (!S_ISREG(st.st_mode)) {
		log_event(LOG_ERR, "sieve_scripts", "what=no_regular_file file=%s",
		    log_qs(name));
		err = E_IO;
	} else {
		err = file_read(fd, out);
		if (err == E_IO)
			folder_failed("read", name);
	}
	close(fd);
	return err;
}

/* One that does not give it back must not stop the others for ever. */
int
folder_lock(int dir)
{
	int64_t until_ms = clock_mono_ms() + SIEVE_FOLDER_LOCK_MS;
	if (dir < 0) {
		errno = ENOENT;
		return folder_failed("lock", ".");
	}
	while (flock(dir, LOCK_EX | LOCK_NB) != 0) {
		struct timespec pause = {.tv_nsec = LOCK_TRY_MS * 1000000L};
		if ((errno != EWOULDBLOCK && errno != EINTR) ||
		    clock_mono_ms() >= until_ms)
			return folder_failed("lock", ".");
		nanosleep(&pause, NULL);
	}
	return E_OK;
}

void
folder_unlock(int dir)
{
	if (flock(dir, LOCK_UN) != 0)
		folder_failed("unlock", ".");
}

int
folder_sync(int dir)
{
	return fsync(dir) == 0 ? E_OK : folder_failed("sync", ".");
}

/* E_OK, E_LIMIT (no room on the disk), E_IO; nothing is left of it after a failure */
static int
write_new(int dir, struct span text)
{
	if (unlinkat(dir, new_name, 0) != 0 && errno != ENOENT)
		return folder_failed("remove", new_name);
	int fd = folder_beneath(dir, new_name, O_WRONLY | O_CREAT | O_EXCL);
	if (fd < 0)
		return errno == ENOSPC || errno == EDQUOT
		           ? E_LIMIT
		           : folder_failed("create", new_name);
	int err = file_write(fd, text);
	if (err == E_IO)
		folder_failed("write", new_name);
	if (err == E_OK && fsync(fd) != 0)
		err = errno == ENOSPC || errno == EDQUOT
		          ? E_LIMIT
		          : folder_failed("sync", new_name);
	close(fd);
	if (err != E_OK && unlinkat(dir, new_name, 0) != 0)
		folder_failed("remove", new_name);
	return err;
}

int
folder_replace(int dir, const char *name, struct span text)
{
	int err = write_new(dir, text);
	if (err == E_OK && renameat(dir, new_name, dir, name) != 0) {
		err = folder_failed("rename", name);
		if (unlinkat(dir, new_name, 0) != 0)
			folder_failed("remove", new_name);
	}
	return err == E_OK ? folder_sync(dir) : err;
}

int
folder_remove(int dir, const char *name)
{
	if (unlinkat(dir, name, 0) != 0 && errno != ENOENT)
		return folder_failed("remove", name);
	return folder_sync(dir);
}
