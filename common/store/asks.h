/* SPDX-License-Identifier: ISC */
/*
 * asks.h - what a session may ask of the keeper of its account, on index/keeper (only this uid reaches it).
 * Each may be asked again after a keeper died: the effect is the same.
 */
#ifndef STORE_ASKS_H
#define STORE_ASKS_H

enum keeper_ask {
	KEEPER_SELECT = 1, /* str mailbox -> u8 result, u32 id, u32 uidvalidity, u32 uidnext, u64 modseq, u32 count,
	                    * fd: a memory file of count records, read-only.  Takes in what is new first */
	KEEPER_EXPUNGE,    /* u32 mailbox, u16 n, n x u32 uid -> u8 result, after the sync */
	KEEPER_ASKS
};

#endif
