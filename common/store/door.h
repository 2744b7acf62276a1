/* SPDX-License-Identifier: ISC */
/*
 * door.h - how another account gets at this one's mailboxes: a process of this account (its uid, its
 * jail) gets a channel of the keeper, on which the keeper is told who the guest is, and hands it out.
 * What is said of the guest comes from who started that process, never from the guest.
 */
#ifndef STORE_DOOR_H
#define STORE_DOOR_H

#include "store/store.h"

struct door_terms {
	struct span
	    guest; /* its address; empty: nobody, who was given anything is asked for */
	struct span groups; /* that the guest is in: "name\n" each */
	uint32_t
	    guest_uid; /* what its address was given under another uid is not its own */
	/* of this account, for what the guest adds; 0: none */
	uint64_t quota_bytes, quota_messages;
	bool is_deposit;             /* for messages that come: door_deposit */
	uint64_t message_bytes_most; /* of one of them */
};

/*
 * door_open - a channel to the keeper of the account below home, which is started when there is
 * none; home becomes the working directory.  granted: n x str, who was given anything, as far as its max
 * goes.  E_OK, E_IO
 */
MUST_USE int door_open(
    const char *home, const struct door_terms *, struct buf *granted, int *out);

/* What a guest with a deposit may ask: an ask at a time, until it leaves. */
enum deposit_ask {
	/*
	 * str mailbox, u16 n messages, u64 bytes of all of them, u8 is_copy, once and first -> u8 said:
	 * whether they may come there.  More than was said ends who brings it
	 */
	DEPOSIT_BEGIN = 1,
	/* u32 flags, u64 date, u64 size, u16 n, n x str keyword, fd: a regular file -> u8 said */
	DEPOSIT_MESSAGE,
	/* -> u8 said, u32 uidvalidity, u32 first uid; of all that came.  Once */
	DEPOSIT_END,
	DEPOSIT_ASKS
};

/* door_deposit - behind door_open: copies what comes over peer, and appends it.  Takes both */
void door_deposit(int keeper, int peer, const struct door_terms *);

#endif
