/* SPDX-License-Identifier: ISC */
/*
 * notify_saved.h - what NOTIFY asks for, as bytes; the table of mailboxes (notify_table.h) stands
 * behind it.  They come from the nest: anything may be in them.  Pure.
 */
#ifndef IMAPD_NOTIFY_SAVED_H
#define IMAPD_NOTIFY_SAVED_H

#include "base/buf.h"

struct notify_saved {
	uint64_t since;    /* of the feed: the table is right up to there */
	uint64_t metadata; /* changes of METADATA up to here were told; 0: none are */
	bool is_utf8;
	struct span text; /* borrow: behind the verb, as the client wrote it */
};

void notify_saved_put(struct buf *, const struct notify_saved *);
/* notify_saved_get - takes it from the front; borrows.  E_OK, E_BAD */
MUST_USE int notify_saved_get(struct rd *, struct notify_saved *out);

#endif
