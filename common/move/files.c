/* SPDX-License-Identifier: ISC */
/* files.c - files below one directory, for the process that may not read or write them itself. */
#include "move/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/file.h"
#include "move/asks.h"
#include "move/source.h"
#include "store/asks.h"

enum { COPY_BYTES = 1 << 18 };

int
files_root(const char *path, int *out)
{
	*out = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (*out >= 0)
		return E_OK;
	return errno == ELOOP || errno == ENOTDIR ? E_BAD : E_IO;
}

static int
open_beneath(int root, struct span path, int flags, mode_t mode)
{
	struct open_how how = {.flags = (uint64_t)(unsigned)flags | O_CLOEXEC,
	    .mode = mode,
	    .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
	               RESOLVE_NO_XDEV};
	struct buf name = {0};
	buf_span(&name, path.n ? path : SPAN("."));
	int fd = (int)syscall(SYS_openat2, root, buf_cstr(&name), &how, sizeof how);
	buf_free(&name);
	return fd;
}

static int
path_of(struct rd *body, struct span *out)
{
	*out = rd_str(body, MOVE_PATH_MAX);
	return span_find(*out, '\0') == out->n ? E_OK : E_BAD;
}

static int
said(struct buf *reply)
{
	int status = errno == ENOENT                     ? EX_NOINPUT
	             : errno == EACCES || errno == EPERM ? EX_NOPERM
	             : errno == EEXIST                   ? EX_CANTCREAT
	                                                 : EX_IOERR;
	move_reply_put(reply, status, span_of(strerror(errno)));
	return E_OK;
}

/* ---- reading ---- */

static void
put_entry(int dir, const char *name, struct buf *out)
{
	struct stat st;
	if (!strcmp(name, ".") || !strcmp(name, "..") ||
	    fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return; /* gone meanwhile */
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return;
	struct move_entry e = {.name = span_of(name),
	    .is_directory = S_ISDIR(st.st_mode),
	    .size_bytes = (uint64_t)st.st_size,
	    .mtime_sec = st.st_mtim.tv_sec};
	move_entry_put(out, &e);
}

int
files_list(int root, struct rd *body, struct buf *reply, int *fd_back)
{
	struct buf entries = {.max = SOURCE_LISTING_BYTES_MAX};
	struct span path;
	if (path_of(body, &path) != E_OK || rd_end(body) != E_OK)
		return E_BAD;
	int fd = open_beneath(root, path, O_RDONLY | O_DIRECTORY, 0);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	if (!d)
		return said(reply);
	size_t n = 0;
	for (struct dirent *e; n < FILES_ENTRIES_MAX && (e = readdir(d)); n++)
		put_entry(dirfd(d), e->d_name, &entries);
	closedir(d);
	*fd_back = buf_done(&entries) == E_OK && n < FILES_ENTRIES_MAX
	               ? large_make(buf_as_span(&entries))
	               : -1;
	buf_free(&entries);
	bool is_made = *fd_back >= 0;
	move_reply_put(reply, is_made ? EX_OK : EX_UNAVAILABLE,
	    is_made ? SPAN("") : SPAN("too many files in one directory"));
	return E_OK;
}

int
files_read(int root, struct rd *body, struct buf *reply, int *fd_back)
{
	struct span path;
	struct stat st;
	if (path_of(body, &path) != E_OK || rd_end(body) != E_OK)
		return E_BAD;
	int fd = open_beneath(root, path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW, 0);
	if (fd < 0)
		return said(reply);
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		move_reply_put(reply, EX_NOINPUT, SPAN("no regular file"));
		return E_OK;
	}
	*fd_back = fd;
	move_reply_put(reply, EX_OK, SPAN(""));
	return E_OK;
}

/* ---- writing ---- */

int
files_make_directory(int root, struct rd *body, struct buf *reply)
{
	struct buf name = {0};
	struct span path;
	if (path_of(body, &path) != E_OK || rd_end(body) != E_OK)
		return E_BAD;
	size_t at = span_rfind(path, '/');
	int parent = open_beneath(root, at < path.n ? span_head(path, at) : SPAN("."),
	    O_RDONLY | O_DIRECTORY, 0);
	buf_span(&name, at < path.n ? span_from(path, at + 1) : path);
	int result = parent >= 0 ? mkdirat(parent, buf_cstr(&name), 0700) : -1;
	if (result != 0)
		said(reply);
	else
		move_reply_put(reply, EX_OK, SPAN(""));
	if (parent >= 0)
		close(parent);
	buf_free(&name);
	return E_OK;
}

static int
copy(int from, int to)
{
	static char chunk[COPY_BYTES];
	ssize_t n;
	off_t at = 0;
	while ((n = pread(from, chunk, sizeof chunk, at)) > 0) {
		if (file_write(to, span_make(chunk, (size_t)n)) != E_OK)
			return -1;
		at += n;
	}
	return (int)n;
}

int
files_write(int root, struct rd *body, int fd, struct buf *reply)
{
	struct span path;
	int err = path_of(body, &path);
	struct timespec times[2] = {
	    {.tv_nsec = UTIME_NOW}, {.tv_sec = (time_t)(int64_t)rd_u64(body)}};
	if (err != E_OK || rd_end(body) != E_OK || fd < 0)
		return E_BAD;
	int to =
	    open_beneath(root, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	if (to < 0 || copy(fd, to) != 0 || futimens(to, times) != 0)
		said(reply);
	else
		move_reply_put(reply, EX_OK, SPAN(""));
	if (to >= 0)
		close(to);
	return E_OK;
}
