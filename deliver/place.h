/* SPDX-License-Identifier: ISC */
/*
 * place.h - one message into the new/ of one mailbox, as the uid of its owner.  Descriptors of new/
 * folders are kept, bounded; nothing is synced here but by place_sync.
 */
#ifndef DELIVER_PLACE_H
#define DELIVER_PLACE_H

#include "account/recipient.h"
#include "spool/job.h"

struct conf;

enum {
	PLACE_FOLDERS_KEPT = 256, /* new/ folders whose descriptors are kept */
	/* up to so many files are synced one by one; past it the file system is */
	PLACE_SYNC_EACH_MOST = 8,
};

/*
 * place_open - the mail root and the spool, before the jail closes around them.  E_OK, E_IO
 * (logged)
 */
MUST_USE int place_open(const struct conf *);

/*
 * place_message - new/ID,TAG,S=,C= (,J: junk) of this target holds the message's bytes; there already is fine.
 *   reason   on failure: "4.2.2 ...", static
 *   returns  E_OK; E_IO: try later; E_BAD: the spool's bytes are not this message
 */
MUST_USE int place_message(
    const struct job_in *, const struct target *, const char **reason);

/* What is written beside the message as it came, or instead of it. */
struct place_made {
	uint16_t
	    number; /* of several in one mailbox; 0: the first, named as without scripts */
	struct span
	    first; /* borrow: bytes before the rest of the message, or all there are */
	bool has_rest; /* the message follows, from rest_at on */
	uint64_t rest_at;
	struct span directions; /* borrow: store/directions.h; empty: none */
};

/*
 * place_made - as place_message: this, into new/ of the target.  Its directions before it.
 */
MUST_USE int place_made(const struct job_in *, const struct target *,
    const struct place_made *, const char **reason);
/* place_has_script - one is active in this mailbox; one system call */
bool place_has_script(const struct target *);
/* place_sync - all that was placed since the last one is durable.  is_all: whoever placed it.
 * E_OK, E_IO: final, it is to be placed again */
MUST_USE int place_sync(bool is_all);

#endif
