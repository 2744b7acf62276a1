/* SPDX-License-Identifier: ISC */
/*
 * maildir_read.h - a Maildir, as the command reads it for the process in the jail: what
 * source_maildir.c and its folders (maildir_folders.c) share.
 */
#ifndef MOVE_MAILDIR_READ_H
#define MOVE_MAILDIR_READ_H

#include "move/asks.h"
#include "move/source.h"

enum {
	MAILDIR_CHUNK_BYTES = 1 << 17,
	MAILDIR_LIST_MAX = 1 << 28 /* bytes of a list beside messages */
};

/* maildir_list_directory, maildir_open_file - EX_OK, or what the command said; why is set */
MUST_USE int maildir_list_directory(struct source *, struct span path, struct rd *out);
MUST_USE int maildir_open_file(struct source *, struct span path, int *fd);
/* maildir_path_put - of a name in a folder ("": the Maildir itself); borrows from out */
struct span maildir_path_put(struct buf *out, struct span folder, const char *name);
/* maildir_read_file - a file of its folder; empty when it is not there.  E_OK, E_IO */
MUST_USE int maildir_read_file(
    struct source *, struct span folder, const char *name, struct buf *out);

MUST_USE int maildir_folders(struct source *, struct source_folders *out);

#endif
