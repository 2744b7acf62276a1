/* SPDX-License-Identifier: ISC */
/* large.c - bodies that are longer than a message, in memory files. */
#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "store/asks.h"

int
large_make(struct span body)
{
	int fd = memfd_create("ask", MFD_CLOEXEC);
	if (fd >= 0 && file_write(fd, body) != E_OK) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Read, not mapped: who made it may shorten it meanwhile. */
int
large_read(int fd, struct buf *out)
{
	struct stat st;
	buf_reset(out);
	if (fstat(fd, &st) != 0 || st.st_size < 0)
		return E_IO;
	char *room = buf_room(out, (size_t)st.st_size);
	if (!room)
		return E_LIMIT;
	for (off_t at = 0; at < st.st_size;) {
		ssize_t n = pread(fd, room + at, (size_t)(st.st_size - at), at);
		if (n == 0 || (n < 0 && errno != EINTR))
			return E_IO;
		at += n > 0 ? n : 0;
	}
	buf_added(out, (size_t)st.st_size);
	return E_OK;
}
