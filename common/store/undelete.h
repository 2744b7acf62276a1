/* SPDX-License-Identifier: ISC */
/*
 * undelete.h - what was expunged is kept for some days, as store_keep said, in a mailbox of its own.
 * Who moves it elsewhere has it again; what is expunged there is gone.  Its SAVEDATE is when it was
 * expunged.  It counts for no quota.  A session's side; the keeper's is kept.h.
 */
#ifndef STORE_UNDELETE_H
#define STORE_UNDELETE_H

#include "store/store.h"

/*
 * store_keep - before store_open, and in each process that may start a keeper, which keeps to what its
 * own said.
 *   days    0: nothing is kept, and what was is not any more.  Where nobody said, nothing is, and what
 *           was stays
 *   folder  by which name it is seen; "": by none
 */
void store_keep(int days, const char *folder);
/* store_keep_most - bytes of it that stay at most; past them the oldest go */
void store_keep_most(uint64_t bytes);
/* store_keep_as - as a configuration says, which daemons and the command have read; address NULL: of
 * no account */
void store_keep_as(const struct conf *, const char *address);

struct store_kept {
	uint32_t uid, was; /* among what was expunged; in its mailbox */
	struct span
	    mailbox; /* borrow: as it is called now, or was when it was removed */
};

/* store_kept - its numbers.  E_OK, E_BAD (there never was any), E_IO */
MUST_USE int store_kept(struct store *, struct store_mailbox *out);
/* store_kept_select - as store_select, and its flags stay.  E_OK, E_BAD, E_IO */
MUST_USE int store_kept_select(struct store *, struct store_view *out);
/* store_kept_each - where each was, in order of uid.  E_OK, E_IO, or what fn returned */
MUST_USE int store_kept_each(
    struct store *, int (*fn)(void *ctx, const struct store_kept *), void *ctx);

#endif
