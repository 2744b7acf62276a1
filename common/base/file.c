/* SPDX-License-Identifier: ISC */
/* file.c - bytes into a file, and out of it. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { READ_BYTES = 65536 };

int
file_write(int fd, struct span s)
{
	while (s.n) {
		ssize_t n = write(fd, s.p, s.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return errno == ENOSPC || errno == EDQUOT ? E_LIMIT : E_IO;
		s = span_from(s, (size_t)n);
	}
	return E_OK;
}

/* What is read may be a secret: nothing of it stays outside of out. */
int
file_read(int fd, struct buf *out)
{
	for (;;) {
		char part[READ_BYTES];
		ssize_t n = read(fd, part, sizeof part);
		if (n < 0 && errno == EINTR)
			continue;
		if (n > 0)
			buf_put(out, part, (size_t)n);
		mem_wipe(part, n > 0 ? (size_t)n : 0);
		if (n < 0)
			return E_IO;
		if (n == 0 || buf_done(out) != E_OK)
			return buf_done(out);
	}
}

int
file_open_unnoted(int at, const char *path, int flags)
{
	flags |= O_RDONLY | O_CLOEXEC;
	int fd = openat(at, path, flags | O_NOATIME);
	/* not its owner */
	return fd < 0 && errno == EPERM ? openat(at, path, flags) : fd;
}

DIR *
folder_open_unnoted(const char *path)
{
	int fd = file_open_unnoted(AT_FDCWD, path, O_DIRECTORY);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	if (!d && fd >= 0)
		close(fd);
	return d;
}
