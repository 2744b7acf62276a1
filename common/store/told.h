/* SPDX-License-Identifier: ISC */
/*
 * told.h - the last changes of METADATA, as bytes: a keeper leaves them to the next one, of whom
 * sessions that slept meanwhile ask what changed.  Pure.
 */
#ifndef STORE_TOLD_H
#define STORE_TOLD_H

#include "store/metadata.h"

enum {
	TOLD_KEPT =
	    256, /* changes; who asks for what is further back is told of these */
	TOLD_BYTES_MOST = 64 + TOLD_KEPT * (16 + METADATA_ENTRY_MAX),
};

/* One that somebody is told of. */
struct told_change {
	uint64_t number; /* 0: there is none */
	uint64_t by; /* session's number, of this keeper; 0: of none that is there */
	uint32_t mailbox; /* 0: the account's own entries */
	char entry[METADATA_ENTRY_MAX + 1];
};

struct told_ring {
	uint64_t
	    number; /* of the last change: past those of keepers before; 0: none yet */
	struct told_change at[TOLD_KEPT]; /* a change at its number modulo that */
};

/* told_add - one more, which gets the next number */
void told_add(struct told_ring *, uint32_t mailbox, struct span entry, uint64_t by);
/* told_next - the first one past since; NULL: there is none */
const struct told_change *told_next(const struct told_ring *, uint64_t since);
void told_put(struct buf *, const struct told_ring *);
/* told_get - out stays as it is unless E_OK; no session did any of these.  E_OK, E_BAD */
MUST_USE int told_get(struct span, struct told_ring *out);

#endif
