/* SPDX-License-Identifier: ISC */
/* guest_door.h - a door to the account of store_home.h, for tests of who comes in. */
#ifndef TEST_GUEST_DOOR_H
#define TEST_GUEST_DOOR_H

#include "store_home.h"

enum { DOOR_MESSAGE_BYTES_MOST = 1 << 20 };

extern char anna[], bert[]; /* addresses; anna is in the groups staff and it */

/* door - what the keeper lets in for who; the channel is the caller's */
int door(const char *who, bool is_deposit, uint64_t quota_bytes);
/* give - that identifier gets these rights */
void give(struct home *, const char *mailbox, const char *who, unsigned rights);

#endif
