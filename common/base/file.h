/* SPDX-License-Identifier: ISC */
/* file.h - bytes into a file, and out of it. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <dirent.h>

#include "base/buf.h"

/*
 * file_write - all of it, where the file stands.  Blocks on the disk.  E_OK, E_LIMIT (no room on
 * the disk, or a quota), E_IO; errno
 */
MUST_USE int file_write(int fd, struct span);
/*
 * file_read - appends what is left of it to out, whose max bounds it.  Blocks on the disk.  E_OK,
 * E_LIMIT (longer than that), E_IO; errno
 */
MUST_USE int file_read(int fd, struct buf *out);
/*
 * file_open_unnoted - as openat, to read (flags beside O_RDONLY | O_CLOEXEC), and when it was read
 * is not noted in it, where it is this user's.  The note is of no use, and a write: a look into a
 * folder may wait for the disk's journal for it.  -1, errno
 */
int file_open_unnoted(int at, const char *path, int flags);
/* folder_open_unnoted - the same as opendir.  NULL, errno */
DIR *folder_open_unnoted(const char *path);

#endif
