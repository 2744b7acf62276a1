/* SPDX-License-Identifier: ISC */
/*
 * import.h - messages of a source come into a mailbox: in a process of the mailbox's uid, in its
 * jail.  What is here already is found again, so that it can be ended at any moment and run again,
 * also while the source is still in use: a second run brings what came, changes of flags, and
 * removals.  What was changed, moved or removed here stays so.
 *   import.c         all folders, in order
 *   import_folder.c  one: what is to do, and doing
 *   import_target.c  the mailbox of a folder: name, use, numbers
 *   import_append.c  new messages: files, rows, and the notes of both
 */
#ifndef MOVE_IMPORT_H
#define MOVE_IMPORT_H

#include "base/span.h"

struct source_kind;

struct import_options {
	const struct source_kind *kind;
	/* borrow: to the command, or to the process that talks to a server: who reads for us */
	int chan;
	struct span source;      /* borrow: a name that is the same at the next run */
	struct span uidl_format; /* borrow; empty: none */
	bool is_dry_run;         /* only tell */
	bool keeps_removed;      /* what is no more at the source stays */
	bool is_date_of_name, is_layout_fs; /* of a Maildir, as in struct source */
};

enum {
	/* numbers behind a source's UIDNEXT that are left for it */
	IMPORT_UIDS_AHEAD = 10000,
	IMPORT_BATCH_MESSAGES = 200, /* appended with one sync */
	IMPORT_BATCH_BYTES = 64 << 20,
};

/*
 * import_run - command: the channel for MOVE_PROGRESS, MOVE_ROW, MOVE_SAY.  An exit status:
 * EX_DATAERR when a folder is not whole
 */
int import_run(int command, const char *home, const struct import_options *);

#endif
