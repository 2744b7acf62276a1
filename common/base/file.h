/* SPDX-License-Identifier: ISC */
/* file.h - bytes into a file. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/span.h"

/*
 * file_write - all of it, where the file stands.  Blocks on the disk.  E_OK, E_LIMIT (no room on
 * the disk, or a quota), E_IO; errno
 */
MUST_USE int file_write(int fd, struct span);

#endif
