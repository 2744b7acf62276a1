/* SPDX-License-Identifier: ISC */
/*
 * spool.h - the process that owns the spool directory: takes messages, makes them durable, tells sched.
 *   spool.c   the loop: gather, write one batch, sync once, answer all; replay; retirement
 *   intake.c  clients: what they ask, message by message
 *   say.c     sched: what it asks, and what it is told
 */
#ifndef QUEUE_SPOOL_H
#define QUEUE_SPOOL_H

#include "proc/ask.h"
#include "proc/jail.h"
#include "proc/loop.h"
#include "queue/entry.h"
#include "queue/files.h"
#include "queue/journal.h"
#include "queue/room.h"
#include "spool/put.h"

enum {
	SPOOL_TICK_MS = 250,
	SPOOL_BATCH_BYTES_MOST = 8 << 20, /* then the batch is written, whoever else waits */
	SPOOL_CLIENT_BURST = 16,
};

/* One message that waits for the batch. */
struct arrival {
	struct client *client;   /* borrow; NULL: nobody waits (derived, or the client left) */
	uint16_t ask;            /* what is answered */
	struct record record;    /* spans borrow from bytes */
	struct buf bytes;        /* own: [u32 length, envelope, message] */
	int large;               /* own: the file of a large message; -1 */
	enum spool_verdict verdict;
	bool is_known;           /* the same id was taken before: accepted again, not written */
};

/* One who may put messages into the spool. */
struct client {
	struct client *next, **link; /* the list */
	struct asker *asker;         /* own */
	struct loop_fd *watch;       /* own */
	struct buf partial;          /* a PUT whose last packet has not come */
	int large;                   /* own: came with SPOOL_PUT_LARGE; -1 */
	uint64_t promised;           /* bytes of room */
	unsigned waiting;            /* arrivals of it in the batch */
};

struct spool {
	struct loop *loop;
	struct loop_timer *tick;
	struct files files;
	struct journal *journal;
	struct entries *entries;
	struct room room;
	struct arrival *batch;       /* own: JOURNAL_BATCH_RECORDS_MAX */
	size_t n_batch, batch_bytes;
	struct buf notes;            /* ids that are done: go with the next batch */
	bool is_ending;
	unsigned segments_live, segments_most;
	int64_t defer_after_ms;
	uint64_t message_bytes_most;
};

extern struct spool the_spool;

int spool_prepare(void);
void spool_jail(struct jail *);
int spool_run(void);

/* spool.c */
struct arrival *spool_arrival(void);                   /* the next place in the batch; writes it first when full */
void spool_write_batch(void);                          /* all that waits: one write, one sync, all answered */
/* spool_finish - these are done, durably: forgotten, files removed */
void spool_finish(struct id id);
MUST_USE int spool_message(const struct entry *, struct buf *out); /* its bytes, from the journal */
/* spool_carry - moves a message out of the journal into deferred/; not yet synced */
MUST_USE int spool_carry(struct entry *, const uint8_t *states);

/* intake.c */
void intake_open(void);
void intake_accept(struct arrival *);                  /* answers its client, after the sync */
void intake_refuse(struct arrival *, enum spool_verdict);
void arrival_clear(struct arrival *);

/* say.c */
void say_open(int chan);                               /* sched is there: told all, then what comes */
void say_new(struct entry *);
void say_pressure(void);
void say_flush(void);                                  /* what waits is sent, as far as the channel takes it */
bool say_is_there(void);

#endif
