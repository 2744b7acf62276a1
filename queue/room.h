/* SPDX-License-Identifier: ISC */
/*
 * room.h - is there space for what clients were promised? And the ballast: a file that is given up
 * when the disk is full, so that what is needed to get out of it can still be written.
 */
#ifndef QUEUE_ROOM_H
#define QUEUE_ROOM_H

#include "base/base.h"

enum { ROOM_LOOK_EVERY_MS = 100 };

struct room {
	int dir; /* borrow: the spool directory */
	uint64_t ballast_bytes, reserve_bytes;
	uint64_t free_bytes; /* when last looked */
	uint64_t promised;   /* the sum of what was promised and has not come yet */
	int64_t looked_ms;
	bool has_ballast;
};

void room_init(struct room *, int dir, uint64_t ballast_bytes, uint64_t reserve_bytes);
/* room_promise - true: bytes are kept for the caller until room_back */
bool room_promise(struct room *, uint64_t bytes);
void room_back(struct room *, uint64_t bytes);
/* bytes that could be promised, as of the last look */
uint64_t room_left(const struct room *);
void room_is_full(struct room *); /* ENOSPC was seen: the ballast goes */
void room_tick(struct room *);    /* the ballast comes back when there is room */

#endif
