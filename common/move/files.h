/* SPDX-License-Identifier: ISC */
/*
 * files.h - the command's side of MOVE_LIST, MOVE_OPEN, MOVE_MAKE_DIRECTORY and MOVE_WRITE: files
 * below one directory, with the rights of who runs the command.  It is openat2 beneath that
 * directory, no links followed, regular files only: what a user put into his Maildir cannot make
 * root read anything else.
 */
#ifndef MOVE_FILES_H
#define MOVE_FILES_H

#include "base/buf.h"

struct rd;

enum { FILES_ENTRIES_MAX = 2000000 /* of a directory */ };

/*
 * files_root - a directory by its path; the last part may be no link.  E_OK, E_IO (errno), E_BAD (a
 * link, or no directory)
 */
MUST_USE int files_root(const char *path, int *out);
/*
 * Bodies as asks.h has them.  reply gets status and text; *fd_back what the row says.  E_OK, E_BAD
 * (the body)
 */
MUST_USE int files_list(int root, struct rd *body, struct buf *reply, int *fd_back);
MUST_USE int files_read(int root, struct rd *body, struct buf *reply, int *fd_back);
MUST_USE int files_make_directory(int root, struct rd *body, struct buf *reply);
MUST_USE int files_write(int root, struct rd *body, int fd, struct buf *reply);

#endif
