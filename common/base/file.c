/* SPDX-License-Identifier: ISC */
/* file.c - bytes into a file. */
#include "base/file.h"

#include <errno.h>
#include <unistd.h>

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
