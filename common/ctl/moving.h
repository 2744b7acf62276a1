/* SPDX-License-Identifier: ISC */
/*
 * moving.h - the command's side of import and export: files for the process in the mailbox, and
 * what that tells.
 */
#ifndef CTL_MOVING_H
#define CTL_MOVING_H

#include "ctl/ctl.h"
#include "ctl/table.h"
#include "ctl/worker.h"
#include "move/asks.h"

struct moving {
	struct merpati *ctl;
	int root;             /* own: the Maildir; -1: none */
	bool is_writing;      /* export: it may be written, and not read */
	struct table folders; /* own */
};

void moving_init(struct moving *, struct merpati *, bool is_export);
/* moving_account - one account, by its address.  EX_OK, or what it said */
MUST_USE int moving_account(
    struct merpati *, const char *address, struct arena *, struct account *out);
/*
 * moving_serve - until the worker ends; prints what became of each folder.  Its exit status, or
 * EX_IOERR
 */
MUST_USE int moving_serve(struct moving *, struct worker *);
void moving_done(struct moving *);

#endif
