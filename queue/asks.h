/* SPDX-License-Identifier: ISC */
/*
 * asks.h - every message between the processes of queue, and who may send it.
 *   client (smtpd session, bounce, agent) -> spool: common/spool/put.h
 *   sched <-> spool: below.  Encoded and decoded in queue/msg.c, side by side.
 */
#ifndef QUEUE_ASKS_H
#define QUEUE_ASKS_H

#include "spool/envelope.h"
#include "spool/job.h"

/* spool -> sched (never blocks the spool: what does not fit waits in its memory) */
enum spool_says {
	SAY_NEW = 0x100,   /* u16 n, n x {ref, u32 length, envelope}: synced, to be delivered.  Also what a replay found */
	SAY_DEFERRED,      /* u16 n, n x {id, u8 ok}: answers SCHED_DEFER: file synced, journal record retired */
	SAY_REPLAYED,      /* nothing: every live record has been said once since the start */
	SAY_COPY,          /* id, u8 ok, fd: answers SCHED_COPY: a sealed memory file with the message's bytes */
	SAY_DERIVED,       /* id (the new one), u8 spool_verdict: answers SCHED_DERIVE; it comes as SAY_NEW too */
	SAY_PRESSURE,      /* u8 live segments, u8 most: checkpoint and defer what is slow, now */
	SAY_MARKED,        /* id, u8 ok: answers SCHED_MARK */
};

/* sched -> spool */
enum sched_asks {
	SCHED_DONE = 1,    /* u16 n, n x id: every recipient is done, and durably so: retire record or file.  No reply */
	SCHED_DEFER,       /* u16 n, n x {id, u16 n_rcpts, states[n]}: own file in deferred/, one sync for all -> SAY_DEFERRED */
	SCHED_MARK,        /* id, u16 n, n x u16: these recipients of a deferred message are done: one synced write
	                    * of their state bytes in its file -> SAY_MARKED */
	SCHED_COPY,        /* id -> SAY_COPY */
	SCHED_DERIVE,      /* parent id, u32 length, envelope of the new message (its bytes are the parent's, with a new
	                    * Return-Path line) -> SAY_DERIVED */
	SCHED_CORRUPT,     /* id: a placer found the bytes damaged: put aside into corrupt/.  No reply */
};

#endif
