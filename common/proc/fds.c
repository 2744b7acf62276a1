/* SPDX-License-Identifier: ISC */
/* fds.c - the descriptors of a process that begins another life. */
#include "proc/fds.h"

#include <stdlib.h>
#include <unistd.h>

static int
by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

void
fds_close_others(int *keep, size_t n)
{
	unsigned from = STDERR_FILENO + 1;
	qsort(keep, n, sizeof *keep, by_number);
	for (size_t i = 0; i < n; i++) {
		if (keep[i] < (int)from)
			continue;
		if (keep[i] > (int)from)
			close_range(from, (unsigned)keep[i] - 1, 0);
		from = (unsigned)keep[i] + 1;
	}
	close_range(from, ~0u, 0);
}
