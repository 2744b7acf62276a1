/* SPDX-License-Identifier: ISC */
/*
 * spool.h - the process that owns the spool directory: takes messages, makes them durable, tells
 * sched.
 *   spool.c       the role: what it opens, its loop, its tick
 *   commit.c      the batch: gathered, written with one write and one sync, answered
 *   carry.c       what leaves the journal: done, deferred, rescued; retirement of segments
 *   replay.c      what a start finds
 *   intake.c      clients: what they ask, message by message
 *   say.c         sched: what it is told
 *   sched_asks.c  sched: what it asks
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
	/* between the pieces of a segment that is written ahead */
	SPOOL_PREPARE_MS = 10,
	/* then the batch is written, whoever else waits */
	SPOOL_BATCH_BYTES_MOST = 8 << 20,
	SPOOL_NOTES_MOST = 128 << 10, /* bytes of each kind of notes in a batch */
	SPOOL_NOTE_KINDS = 2,
	SPOOL_RESCUE_EVERY_MS = 10000, /* a rescue that failed is tried again */
};

/* One message that waits for the batch. */
struct arrival {
	/* borrow; NULL: nobody waits (derived, or the client left) */
	struct client *client;
	uint16_t ask;         /* what is answered */
	struct record record; /* spans borrow from bytes */
	struct buf bytes;     /* own: [u32 length, envelope, message] */
	int large;            /* own: the file of a large message; -1 */
	enum spool_verdict verdict;
	/* sent before, or made from another: its id may have a file in deferred/ */
	bool may_be_known;
	/*
	 * it comes from a file of drop/, which goes with the sync: without the file it was taken
	 * before
	 */
	bool is_dropped;
	struct id dropped;
	bool is_derived; /* sched waits for it: made from parent */
	/* own: recipients of parent that are done with it, or forwarded by it, as in RECORD_MARK */
	struct buf marks;
	struct id parent;
	uint64_t promised; /* bytes of room, for what nobody waits for */
	/* borrow: an earlier one of the same batch with the same id; or NULL */
	struct arrival *twin;
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

/* What is written with the next batch beside its messages. */
struct notes {
	struct buf done;     /* ids: RECORD_DONE */
	struct buf marks;    /* n x {id, u16 n, n x u16}: RECORD_MARK */
	struct buf marked;   /* ids: sched is told when the marks are durable */
	struct buf removals; /* ids whose files go when the notes are durable */
};

struct spool {
	struct loop *loop;
	struct loop_timer *tick;
	struct files files;
	struct journal *journal;
	struct entries *entries;
	struct room room;
	struct arrival *batch; /* own: JOURNAL_BATCH_RECORDS_MAX */
	size_t n_batch, batch_bytes;
	/* whose the first of the last batch was: to compare with, it may be gone */
	const struct client *last_client;
	struct notes notes;
	uint32_t syncs_owed; /* sched waits for the notes */
	/* files were removed since the last sync of the file system */
	bool has_removed;
	bool is_ending; /* when sched has left, or at end_ms (monotonic) */
	int64_t end_ms;
	unsigned segments_live, segments_most;
	int64_t rescue_at_ms; /* not before; monotonic */
};

extern struct spool the_spool;

/* the role, for main.c */
void spool_jail(struct jail *);
int spool_run(void);

/* commit.c */
/* the next place in the batch; writes it first when full */
struct arrival *spool_arrival(size_t bytes);
void spool_write_batch(void); /* all that waits: one write, one sync, all answered */
bool spool_has_notes(void);
/* spool_dropped - the name of its file in drop/.  False: it came another way */
bool spool_dropped(const struct envelope *, struct id *name);
struct entry *spool_remember(const struct record *, unsigned segment);
/* with the next batch, then SAY_MARKED */
void spool_marks_put(struct id id, const uint16_t *which, uint16_t n);
/* spool_marks_apply - recipients of one message are done: its entry says so, or its file, durably.
 * E_OK, E_BAD (neither), E_IO */
MUST_USE int spool_marks_apply(struct id id, const uint16_t *which, uint16_t n);
/* spool_marks_get - the next of RECORD_MARK's.  which: ENVELOPE_RCPTS_MAX.  E_OK, E_BAD */
MUST_USE int spool_marks_get(struct rd *, struct id *, uint16_t *which, uint16_t *n);

/* carry.c */
/* done, durably: noted with the next batch, then its files go */
void spool_finish(struct id id);
/* wherever it is.  E_OK, E_BAD (none), E_IO */
MUST_USE int spool_message_of(struct id, struct buf *out);
/*
 * spool_carry - writes a message of the journal into deferred/: to be settled.  states: NULL, or
 * one for each recipient.  E_OK, E_BAD (not as many states), E_LIMIT, E_IO
 */
MUST_USE int spool_carry(struct entry *, const uint8_t *states, size_t n_states);
/* what segments that failed hold is written again, elsewhere */
void spool_rescue(void);
/* the oldest segment's messages get files: without sched nobody says which */
void spool_carry_oldest(void);
void spool_retire(void); /* segments that hold nothing unfinished, in order */

/* replay.c */
MUST_USE int spool_replay(void);

/* intake.c */
void intake_open(void);
void intake_answer(struct arrival *); /* to its client, after the sync; cleared */

/* say.c */
void say_open(int chan); /* sched is there: told all, then what comes */
void say(uint16_t type, struct buf *body, int fd); /* takes both */
void say_new(struct entry *);
/* say_envelope - SAY_NEW of one message; SAY_LONG when its envelope is too long for that.
 * E_OK, E_IO (there is no memory file for it now) */
MUST_USE int say_envelope(const struct job_ref *, struct span envelope);
void say_marked(struct id id, bool is_ok);
void say_derived(struct id parent, struct id id, enum spool_verdict);
void say_reported(struct id parent, enum spool_verdict);
void say_synced(void); /* all that is owed */
void say_pressure(void);
void say_domain(struct span domain); /* SAY_FLUSH */
void say_flush(void); /* what waits is sent, as far as the channel takes it */
/* what could not be said for want of a memory file is tried again */
void say_tick(void);
bool say_is_there(void);

/* sched_asks.c */
enum { SCHED_ROWS = 12 };
extern const struct ask_row sched_rows[SCHED_ROWS];
void sched_asks_settle(void); /* what it asked for so far is made durable, and said */
void sched_asks_forget(void); /* sched left: what was under way for it ends */

#endif
