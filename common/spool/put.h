/* SPDX-License-Identifier: ISC */
/*
 * put.h - the one way into the spool.  A client (smtpd session, placer) holds a channel to
 * the spool process; a message of up to SPOOL_SMALL_MAX bytes travels on it, a larger one is
 * written by the client into an unnamed file that the spool handed out.
 * Nothing is accepted before spool_put returned E_OK; then it is on stable storage.
 */
#ifndef SPOOL_PUT_H
#define SPOOL_PUT_H

#include "spool/envelope.h"

enum {
	SPOOL_SMALL_MAX = 256 * 1024,
	SPOOL_CHUNK = 60 * 1024,
	SPOOL_WAIT_MS = 1000,
	SPOOL_FLUSH_EVERY_MS = 60000, /* for a domain */
	SPOOL_DOMAIN_MAX = 255,
	SPOOL_SYNC_WAIT_MS = 60000
};

/* what a client may ask of the spool (rows in queue/asks.h) */
enum spool_ask {
	/* u64 bytes promised to the client (SIZE, else the limit) -> u8 spool_verdict: reserves */
	SPOOL_ROOM = 1,
	/* (nothing) -> u8 spool_verdict, fd of an unnamed file to fill and sync */
	SPOOL_FILE,
	SPOOL_PUT, /* u8 spool_put_flag, bytes of [u32 envelope length, envelope, message]; the last one
	                 * is answered u8 spool_verdict after the sync */
	/* same layout, envelope only: the message is in the file of SPOOL_FILE */
	SPOOL_PUT_LARGE,
	/* the transaction ended without a message: reservation and partial bytes go (no reply) */
	SPOOL_DROP,
	/*
	 * str domain: what waits for it in deferral is tried now -> u8 spool_verdict; SPOOL_BUSY: that was
	 * asked less than SPOOL_FLUSH_EVERY_MS ago
	 */
	SPOOL_FLUSH,
};

enum spool_put_flag {
	SPOOL_PUT_LAST = 1, /* with this packet it is whole */
	/* it was sent before, and no answer came: perhaps it was taken */
	SPOOL_PUT_AGAIN = 2,
};

enum spool_verdict {
	SPOOL_OK = 0,
	SPOOL_FULL,   /* 452 4.3.1 */
	SPOOL_BUSY,   /* at the cap of live segments: 452 4.3.1 */
	SPOOL_FAILED, /* the sync failed: 451 4.3.0 */
	SPOOL_BAD,    /* the ask made no sense */
};

struct spool_client {
	int chan;                 /* own; -1: not connected */
	int (*connect)(int *out); /* how to get a channel: child_daemon("queue") */
	int file;                 /* own; the unnamed file of a large message; -1 */
	struct buf scratch;
};

void spool_client_init(struct spool_client *, int (*connect)(int *out));
void spool_client_done(struct spool_client *);
/*
 * spool_room - before 354: room for bytes.  Reconnects once.  E_OK with *out; E_IO: queue is down
 * (451 4.3.0)
 */
MUST_USE int spool_room(struct spool_client *, uint64_t bytes, enum spool_verdict *out);
/*
 * spool_file - an unnamed file for a message past SPOOL_SMALL_MAX; borrow: until spool_put or
 * spool_drop
 */
MUST_USE int spool_file(struct spool_client *, int *out, enum spool_verdict *);
/*
 * spool_put - hands a message over; returns when it is durable.  When the channel breaks before the
 * answer it is sent again on a new one: the same id is never taken twice.
 *   message  small: the bytes; large: empty, and the client has filled and fdatasync'ed the file
 *   returns  E_OK with *out, E_IO (no answer: tell 451)
 */
MUST_USE int spool_put(struct spool_client *, const struct envelope *,
    struct span message, enum spool_verdict *out);
void spool_drop(struct spool_client *);
/* spool_flush - SPOOL_FLUSH.  E_OK with *out, E_IO */
MUST_USE int spool_flush(
    struct spool_client *, struct span domain, enum spool_verdict *out);
/* spool_derived_id - id of a message made from another: hash(parent, recipient, kind, action) */
struct id spool_derived_id(
    struct id parent, struct span recipient, const char *kind, struct span action);

#endif
