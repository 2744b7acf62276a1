/* SPDX-License-Identifier: ISC */
/* scratch.c - directories of tests. */
#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES_OPEN = 16 };

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st, (void)kind, (void)at;
	return remove(path);
}

void
scratch_remove(const char *dir)
{
	nftw(dir, remove_one, FILES_OPEN, FTW_DEPTH | FTW_PHYS);
}

static int
spoil_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	char junk[8192];
	(void)at;
	memset(junk, 0x5a, sizeof junk);
	int fd = kind == FTW_F ? open(path, O_WRONLY | O_CLOEXEC) : -1;
	for (off_t i = 0; fd >= 0 && i < st->st_size; i += (off_t)sizeof junk)
		assert_int_equal(pwrite(fd, junk, sizeof junk, i), sizeof junk);
	if (fd >= 0)
		close(fd);
	return 0;
}

void
scratch_spoil(const char *dir)
{
	assert_int_equal(nftw(dir, spoil_one, FILES_OPEN, FTW_PHYS), 0);
}
