/* SPDX-License-Identifier: ISC */
/* file.h - bytes into a file, and out of it. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

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

#endif
