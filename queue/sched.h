/* SPDX-License-Identifier: ISC */
/*
 * sched.h - the scheduler: which recipient of which message is tried now, later, or never again.
 *   sched.c    the loop, and what the spool says        message.c  messages in work, and what becomes of them
 *   placers.c  jobs to deliver, results, checkpoints    defer.c    into deferral and out of it
 *   report.c   what senders are told, by bounce         rows.c     what is deferred, in the index
 *   admin.c    what "merpati queue" asks                admin_all.c  of all messages
 *   suspend.c  destinations that are left alone          backoff.c, hold.c, turn.c, pace.c: pure
 *   dest.c     what waits for other hosts (dest.h)      relays.c   relay processes, results (relays.h)
 *   orders.c   what relays are to send (orders.h)
 *   routes.c   which way an address takes (routes.h)
 */
#ifndef QUEUE_SCHED_H
#define QUEUE_SCHED_H

#include "proc/jail.h"
#include "proc/loop.h"
#include "queue/asks.h"
#include "queue/bounce.h"
#include "queue/index.h"
#include "queue/turn.h"

enum {
	SCHED_TICK_MS = 200,
	PLACERS_MAX = 64,
	FETCH_MOST = 512, /* deferred messages in work at once, or on their way */
	REASON_MAX = JOB_REASON_MAX,
};

/* before the moment in the reason of what its sender wants held (RFC 4865); no host's begins so */
#define RELEASE_REASON "4.7.1 to be sent at "

/* due_sec of a row that is held: never */
#define HELD_DUE_SEC INT64_MAX

enum rcpt_step {
	STEP_READY,    /* local, to be given to a placer */
	STEP_OUT,      /* elsewhere, to be given to its destination */
	STEP_QUEUED,   /* waits for a relay */
	STEP_RELAYING, /* with a relay */
	STEP_PLACING,  /* with a placer */
	STEP_PLACED,   /* in the mailbox, not yet synced */
	STEP_LATER,    /* try again: reason */
	STEP_FAILED,   /* never: reason; to be reported */
	STEP_SENT,     /* where it goes, durably; to be reported */
	STEP_DONE,     /* durably */
};

struct work {
	uint8_t step; /* enum rcpt_step */
	/*
	 * enum bounce_action: what its sender is to be told; of STEP_PLACED: once that is durable
	 */
	uint8_t owes;
	uint16_t n_forwards; /* that the spool makes of it, now */
	char *reason;        /* own; NULL: none */
};

enum message_state {
	/* recipients are ready or with placers, or the spool takes their forwards */
	MSG_ACTIVE,
	MSG_SYNCING,   /* all tried; what was placed waits for a checkpoint */
	MSG_REPORTING, /* waits for the bounce process */
	/* waits for the spool to write its file, or to mark it; or to be tried again without */
	MSG_DEFERRING,
};

struct message {
	/* own: table; borrow: list of its state */
	struct message *hash_next, *next, *prev;
	struct message_list *list; /* borrow: the one that it is in; NULL: none */
	struct job_ref ref;
	struct envelope envelope; /* in the arena */
	struct arena arena;       /* own */
	struct work *works;       /* in the arena: one per recipient */
	uint8_t state;            /* enum message_state */
	struct parcel *parcels; /* own: what of it waits for a relay, or is with one */
	bool was_tried;         /* an attempt was made since it came or was fetched */
	int64_t wait_sec; /* its destinations are not to be tried before; 0: they may */
	uint64_t waits_for; /* index_name of one of them; 0: of none */
	uint64_t tenant;    /* tenant_name */
	uint8_t lane;       /* of the index: a hash of the same */
	bool is_bulk;       /* it waits behind small mail */
	bool is_filing;     /* the spool writes its file while it is with relays */
	bool is_deferred;   /* it has a file in deferred/ */
	bool is_fetched;    /* and came from there: counted in n_fetched */
	/* by an admin: not tried, and kept with its file when what is under way ended */
	bool is_held;
	bool has_held_file; /* its file says so, or will when it is written */
	/* by an admin: nothing more is begun, and it goes when what is under way ended */
	bool is_removed;
	unsigned n_placing, n_deriving, n_marking;
	unsigned attempts; /* before this one */
	int64_t born_ms;   /* monotonic */
	int64_t first_sec; /* queue time */
	uint32_t turn;     /* the checkpoint that makes its placements durable */
	int64_t again_ms;  /* it has no file: not tried again before; monotonic */
};

struct message_list {
	struct message *first, *last;
	size_t n;
};

struct sched {
	struct loop *loop;
	int spool; /* own */
	struct loop_fd *spool_watch;
	struct index *index;
	struct message **buckets; /* own */
	size_t n_buckets, n_messages;
	struct message_list ready; /* with at least one recipient READY */
	struct message_list syncing, reporting;
	struct message_list unfiled; /* the spool could not write their files */
	size_t n_fetched;            /* deferred messages that came from the spool */
	struct turn_table turns;     /* of what waits for other hosts */
	struct loop_timer *tick;
	int64_t retry_first, retry_greylist, retry_most, lifetime, bounce_lifetime,
	    delay_warning, defer_after_ms, checkpoint_ms;
	struct buf scratch;
	bool has_pressure, is_replayed, is_heap_high;
};

extern struct sched the_sched;

int sched_prepare(void);
void sched_jail(struct jail *);
int sched_run(void);

/* sched.c */
/* to the spool; body is freed.  The spool gone: exits */
void sched_tell(uint16_t type, struct buf *body);
/* the same, with a descriptor (borrow) */
void sched_tell_fd(uint16_t type, struct buf *body, int fd);
/* SCHED_DONE, together with others: by sched_flush, or before the next word */
void sched_done(struct id);
void sched_flush(void);
bool sched_is_local(struct span address);

/* message.c */
/* NULL: known already, or no envelope */
struct message *message_new(const struct job_ref *, struct span envelope);
struct message *message_find(struct id);
void message_free(struct message *);
/* what is next, after something became known; may free it */
void message_judge(struct message *);
/* what people are shown; rcpts: until the next call */
void message_entry(const struct message *, struct admin_entry *out);
void message_remove(struct message *); /* for good; may free it */
/* when what is under way ended; admin_left tells */
void message_hold(struct message *);
/* something is under way for it, or about to be */
bool message_is_busy(const struct message *);
/* all of it is in mailboxes, or sent: only its checkpoint is waited for */
bool message_is_stored(const struct message *);
void message_again(struct message *); /* what is LATER is tried again */
/* NULL: something is under way */
void message_move(struct message *, enum message_state, struct message_list *);
/* owes nothing from now on */
void work_set(struct work *, enum rcpt_step, const char *reason);
/* seconds from first_sec on in which it is not tried, for its sender asked for that */
int64_t message_hold_sec(const struct message *);
int64_t message_life(const struct message *); /* seconds from first_sec on */

/* placers.c */
void placers_open(void);
void placers_tick(void);
void placers_feed(void); /* jobs to those who are free */
bool placers_are_there(void);

/* defer.c */
void defer_message(struct message *); /* its file is written or marked, then its row */
/* the same, for what is not to be tried: what failed is not reported yet */
void defer_held(struct message *);
/* its recipients that are done or relayed: noted with the next batch */
void defer_note(struct message *);
/* the spool has made all forwards: noted, too */
void defer_forwarded(struct message *);
/* it is with relays for long: its file is written meanwhile */
void defer_file(struct message *);
size_t defer_room(size_t most); /* so many more can be fetched; at most most */
/*
 * defer_fetch - these are due now.  False: some cannot be had, and would be named again at once:
 * nobody asks on until the next tick
 */
bool defer_fetch(const struct id *, size_t n);
void defer_said(struct rd *body); /* SAY_DEFERRED */
void defer_unfiled(void); /* those without a file are tried again, after a pause */
void defer_marked(struct rd *body); /* SAY_MARKED */
void defer_due(void);               /* fetches what is due */
void defer_more(void); /* the same, where more was due than there was room for */

enum fetched { FETCHED_NOT, FETCHED, FETCHED_REMOVED };
/* a message has come: was it asked for, and is it still wanted? */
enum fetched defer_fetched(struct id);
void defer_missing(struct rd *body); /* SAY_MISSING */
/* on its way from the spool, it is removed when it comes */
void defer_forget(struct id);
void defer_old(void); /* what must not hold the journal any longer */

/* rows.c */
/* of a message that has its file.  False: not written; it is found by its name */
bool rows_put(const struct index_row *);
/* its file says it, too: a row that is made anew from it must be held as well */
void rows_tell_held(struct id, bool is_held);
/*
 * What is not in memory is held, released (due now), begun anew or removed; its row is synced by
 * rows_flush.  False: there is none, or no need
 */
bool rows_hold(struct id);
bool rows_release(struct id);
bool rows_requeue(struct id);
bool rows_remove(struct id);
/* files and rows are compared: folder by folder, in the background */
void rows_list(void);
void rows_names(struct rd *body); /* SAY_NAMES */
void rows_flush(void);            /* they are synced */
/* those that could not be written, or are lost, are made again */
void rows_relist(void);
uint64_t rows_wait_for_deliver(void); /* of a row: waits_for */
/* what waits for deliver comes, as there is room for it */
void rows_deliver_is_there(void);
void rows_measure(void); /* how many there are, and since when */

/* report.c */
void report_open(void);
/* what its sender is to be told of what failed, and of what is late */
void report_choose(struct message *);
/* or ACTION_NONE */
enum bounce_action report_of_success(
    const struct message *, uint32_t rcpt, enum bounce_action);
void report_message(struct message *); /* what it owes */
/* it waits no longer.  False: its report is on the way into the spool */
bool report_abandon(const struct message *);
void report_said(struct rd *body);          /* SAY_REPORTED */
void report_copy(struct rd *body, int *fd); /* SAY_COPY */

/* admin.c */
void admin_open(void);
void admin_synced(struct rd *body);  /* SAY_SYNCED */
void admin_copy(struct id, int *fd); /* SAY_COPY for an admin */
/* it leaves memory: who wants it held is told */
void admin_left(struct id, bool is_held);

#endif
