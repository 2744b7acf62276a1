/* SPDX-License-Identifier: ISC */
/*
 * asks.h - every message between the processes of queue, and who may send it.
 *   client (smtpd session, placer) -> spool: common/spool/put.h sched <-> spool: below sched ->
 *   bounce: BOUNCE_MAKE, below sched -> deliver's placers: common/spool/job.h sched <-> relay:
 *   queue/relay/order.h; relay, sts -> resolver: common/net/resolver.h relay -> sts:
 *   queue/sts/sts.h; sts -> fetch: common/net/fetch.h; sts -> spool, as a client:
 *   common/spool/put.h; bounce, sts -> key: common/tls/key.h (DKIM signatures of reports); relay -> monitor: QUEUE_UNIX, below; spool -> monitor: MON_READY
 *   (proc/daemon.h) merpati queue -> sched: common/spool/admin.h, on RUN/queue/admin; -> sts: on
 *   RUN/queue/reports
 * The role metrics asks nobody and is asked nothing here: it answers scrapers (metrics/role.h).
 */
#ifndef QUEUE_ASKS_H
#define QUEUE_ASKS_H

#include "proc/daemon.h"
#include "spool/envelope.h"
#include "spool/job.h"

/* The roles, in the order of main.c's table. */
enum queue_role {
	QUEUE_SPOOL,
	QUEUE_SCHED,
	QUEUE_BOUNCE,
	QUEUE_DROP,
	QUEUE_RELAY,
	QUEUE_RESOLVER,
	QUEUE_FETCH,
	QUEUE_STS,
	QUEUE_KEY
};

/* sched -> spool */
enum sched_ask {
	/*
	 * u16 n, n x id: every recipient is done, and durably so: retire record or file.  No reply
	 */
	SCHED_DONE = 1,
	/*
	 * u16 n, n x {id, u16 rcpts, states[rcpts]}: a file each in deferred/, one sync ->
	 * SAY_DEFERRED
	 */
	SCHED_DEFER,
	SCHED_MARK, /* id, u16 n, n x u16: marks of recipients (spool/envelope.h): a note with the next batch, or the
	                 * states of the deferred file -> SAY_MARKED, once it is durable */
	SCHED_COPY, /* id -> SAY_COPY */
	SCHED_DERIVE, /* parent id, u16 n, n x u16, u16 left, str envelope: a new message with the parent's bytes, and marks as
	                 * those of a report -> SAY_DERIVED.  So many are to come of one alias, with this: room is needed for
	                 * all of them, or none is made */
	SCHED_REPORT, /* parent id, u16 n, n x u16, str envelope; fd: the message's bytes: a report, and the marks of the
	                 * recipients that it tells of.  One batch takes both, or neither -> SAY_REPORTED */
	/* u16 n, n x id: deferred messages -> SAY_NEW for each that is there, else SAY_MISSING */
	SCHED_FETCH,
	SCHED_LIST, /* u16 folder: the names in this one of deferred/, and in those behind it, until there are some -> SAY_NAMES,
	                 * several.  What no batch finished in them, and in the same of large/, is removed */
	/*
	 * id, u8 held: what waits in its deferred file is held, or no longer.  No reply: its row
	 * counts
	 */
	SCHED_HOLD,
	/* nothing -> SAY_SYNCED, when what was done before is noted durably */
	SCHED_SYNC,
	/* u32 tag, u16 n, n x id: bytes of messages, one behind the other -> SAY_COPIES */
	SCHED_COPIES,
	SCHED_ASKS
};

/* spool -> sched.  What does not fit into the channel waits in the spool's memory. */
enum spool_says {
	/* u16 n, n x {u8 source, u32 segment, u64 offset, str envelope}: synced, to be delivered */
	SAY_NEW = 0x100,
	SAY_REPLAYED, /* nothing: all that was live at the start has been said */
	SAY_DEFERRED, /* u16 n, n x {id, u8 ok} */
	SAY_MARKED,   /* id, u8 ok */
	SAY_COPY,     /* id, u8 ok, fd: a sealed memory file with the message's bytes */
	/* parent id, id of the new one, u8 spool_verdict: it is durable; it comes as SAY_NEW too */
	SAY_DERIVED,
	/* parent id, u8 spool_verdict: it is durable, and so are its marks */
	SAY_REPORTED,
	SAY_SYNCED, /* u32 how many SCHED_SYNC this answers, in their order */
	/* id, u8: 0: there is no such message any more; 1: it cannot be read now */
	SAY_MISSING,
	/*
	 * u16 n, n x id; the last: n = 0, u16 the folder to go on with, LIST_FOLDERS: that was all
	 */
	SAY_NAMES,
	SAY_LONG, /* u8 source, u32 segment, u64 offset, empty str; fd: as one of SAY_NEW, but the envelope,
	                  * too long for a message, is in a sealed memory file */
	SAY_COPIES, /* u32 tag, u16 n, n x {u8 ok, u64 offset, u64 bytes}, fd: a sealed memory file; where it is one
	                  * large message, its own file, for reading */
	/* u8 live segments, u8 most: checkpoint, and defer what is slow, now */
	SAY_PRESSURE,
	SAY_FLUSH, /* str domain: what waits for it in deferral is tried now (RFC 1985) */
};

/*
 * sched -> bounce: str envelope, u16 n, n x {u16 recipient, u8 bounce_action, str reason}, str to,
 * u64 wall clock of the last attempt, u64 wall clock of the end of its lifetime; fd: the message's
 * bytes -> str envelope of a report; fd: its bytes, in a memory file.  No fd: none could be made
 */
enum bounce_ask { BOUNCE_MAKE = 1, BOUNCE_ASKS };

/*
 * relay -> monitor: u16 place in the setting routes -> u8 result, fd: a connection to the UNIX
 * socket of that route
 */
enum queue_mon_ask { QUEUE_UNIX = MON_EXTRA };

enum { COPIES_MOST = 32 }; /* messages of a SCHED_COPIES */

enum { SAY_BATCH_MAX = 128, SAY_NAMES_MAX = 256, LIST_FOLDERS = 256 };

#endif
