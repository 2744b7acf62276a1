/* SPDX-License-Identifier: ISC */
/*
 * keeper.h - the one process that writes an account's index.  Forked by the first session (same
 * uid, same jail), it holds index/lock, answers on index/keeper, and leaves when it was alone for a
 * while.
 *   keeper.c     the process: index opened and closed, upkeep       sessions.c  who is connected, and who waits
 *   jobs.c       the batch: all that is asked, one sync             job_*.c     what is asked, a file each
 *   mailboxes.c  mailboxes in memory                                view.c      what sessions map
 *   takein.c     what lies in new/                                  doomed.c    files that go
 *   floor.c      numbers that are never given out twice             dump*.c and rebuild.c  when the index is lost
 */
#ifndef STORE_KEEPER_H
#define STORE_KEEPER_H

#include "account/usage.h"
#include "proc/loop.h"
#include "store/annotations.h"
#include "store/asks.h"
#include "store/dump.h"
#include "store/tables.h"

enum {
	/*
	 * alone it waits as long as it was of use, within these: its sessions linger before it is
	 * alone
	 */
	KEEPER_ALONE_LEAST_MS = 1000,
	KEEPER_ALONE_MOST_MS = 30000,
	KEEPER_SESSIONS_MOST = 1000,
	/* of these, channels of guests: the account's own sessions have room */
	KEEPER_GUESTS_MOST = 500,
	KEEPER_GROUPS_MAX = 2000,        /* octets of the names of a guest's groups */
	KEEPER_GUEST_CHANNELS_MOST = 64, /* of one of them */
	KEEPER_GRANTED_MOST = 1000,      /* identifiers that are told of */
	KEEPER_UPKEEP_MS = 10000,
	KEEPER_DUMP_EVERY_MS = 600000,
	/* a change: the next ones go along, and nobody's answer waits for the disk */
	KEEPER_USAGE_AFTER_MS = 1000,
	/* since the last checkpoint: then one when nobody waits */
	KEEPER_IDLE_LOG_BYTES = 4 << 20,
	/* then one at any time: it takes as long as several batches */
	KEEPER_BUSY_LOG_BYTES = 64 << 20,
	/*
	 * file systems commit every 5 s: then pages that were written are durable with their places
	 */
	KEEPER_SETTLE_MS = 6000,
	FLOOR_UIDS_AHEAD = 100000,
	FLOOR_MODSEQS_AHEAD = 100000,
	FLOOR_NAMES_AHEAD = 16, /* UIDVALIDITYs and ids of mailboxes */
};

/* What was told to anyone stays below these, whatever happens to the index. */
struct floor {
	uint32_t uidvalidity, mailbox; /* no larger one was given to a mailbox */
	uint32_t uid;                  /* no uid above was ever given out */
	uint64_t modseq;
};

struct sum {
	uint64_t bytes, messages;
};

struct slot;
struct view;
struct session;
struct job;

struct keeper {
	struct tables tables;
	struct floor floor;
	uint32_t uidvalidity, mailbox; /* the last that were given out */
	struct slot **by_id;           /* own; the dead ones too */
	/* borrow; the living ones, in the order of their bytes */
	struct slot **by_name;
	struct slot **touched; /* borrow; of this batch */
	size_t n_by_id, n_by_name, n_touched;
	struct slot
	    *kept; /* borrow: has what was expunged; NULL: nothing was.  kept.h */
	char **subscriptions; /* own; in the order of their bytes */
	size_t n_subscriptions;
	uint32_t n_uidls; /* at least one that import brought: 1 */
	/* of all mailboxes: as told, as the batch leaves it */
	struct sum sum, sum_next;
	/* of the table of annotations: as told, as the batch leaves it */
	struct annotation_sum annotated, annotated_next;

	struct event_rows {
		uint64_t last; /* number of one */
		unsigned n;
	} events;

	struct loop *loop;
	/*
	 * the last change of any mailbox, its number; the first one of this keeper, the last time
	 * the slot of a removed one went, or a subscription changed
	 */
	uint64_t change, change_first, change_gone, change_names;
	bool is_changed; /* since the last dump */
	bool is_dozed;   /* sessions sleep that follow the whole account: doze.c */
	/* what placers had placed when all of new/ was listed and taken in last */
	struct usage noted;
	struct usage own_limits; /* that the user set: the file limits */
	struct usage quota;      /* the account's, as a session said; 0: none */
	int64_t quota_at_ms;     /* when that session learnt it; 0: nobody said any */
	unsigned warned;   /* the level of which the user was told last: quota.c */
	bool is_usage_old; /* the file usage says another sum */
	/* after an unclean end, until all of new/ was: contents there are checked too */
	bool checks_sums;
	bool is_rebuilt; /* the index was made anew at the start */
	bool is_ending;
};

extern struct keeper the_keeper;

/*
 * keeper_run - the working directory is the home.  Returns when done.
 *   first    own: a channel of who started it
 *   start    own: closed once the socket listens; -1: nobody waits for that
 */
void keeper_run(int first, int start);
/*
 * keeper_look - somebody has a mailbox selected, or waits: what comes into new/ is taken in as it
 * comes
 */
void keeper_look(void);
/*
 * keeper_lists - new/ is about to be listed: events of before are forgotten.
 *   is_there  false: it cannot be, or what lies there could not be taken in.  That is tried again when
 *             a session selects or waits, and every KEEPER_UPKEEP_MS while one is there; without
 *             inotify with the next ask that takes in.  Until then who is to hear of mail does not
 *             fall asleep (takein_is_behind), and so stays to be told
 */
void keeper_lists(bool is_there);
/* keeper_open - index, floor, mailboxes; rebuilds what is damaged.  E_OK, E_IO */
MUST_USE int keeper_open(void);
void keeper_close(void);
/* keeper_usage_now - the file usage has the sum of now, not of KEEPER_USAGE_AFTER_MS ago */
void keeper_usage_now(void);
/*
 * keeper_rebuild - an index made anew, and closed: by a process that holds index/lock.  E_OK, E_IO
 */
MUST_USE int keeper_rebuild(struct store_rebuilt *out);

/* ---- sessions.c ---- */
/* Whose a channel is: the account's, a guest's, or of one who brings a guest's messages (door.h). */
enum keeper_phase { PH_OWN = 1, PH_GUEST = 2, PH_DEPOSIT = 4 };

/* An account of the same domain that has something of this one: on a channel that it did not make. */
struct guest {
	unsigned refs;
	uint32_t uid; /* of its account: rights.h */
	/* the account's own quota: what a guest adds is counted there */
	uint64_t quota_bytes, quota_messages;
	struct span groups; /* that it is in: "name\n" each; borrow: behind who */
	char who[];         /* its address */
};

struct session {
	struct session *next, **link;
	struct asker *asker;   /* own */
	struct loop_fd *watch; /* own */
	uint64_t number;       /* of all that came, from 1 */
	struct job *job;       /* borrow: what it waits for */
	bool has_heard;        /* that there are events of before */
	bool is_held;          /* to the rights of its user: KEEPER_HOLD */
	struct guest *guest;   /* own; NULL: of the account itself */
	bool is_paused;        /* it asks more than one thing at a time */
	uint32_t selected;     /* mailbox; 0: none */
	bool is_waiting;       /* KEEPER_WAIT */
	/* it sleeps once it leaves: of DOZE, DOZE_ALL and RENEW that may doze, until an ask that makes a job */
	bool is_dozing;
	uint32_t wait_mailbox;
	uint64_t wait_modseq, wait_metadata;
	bool is_fed, is_fed_now; /* KEEPER_FEED */
	uint64_t feed_since;
};

void sessions_first(int fd);        /* own; one that is connected already */
MUST_USE int sessions_listen(void); /* E_OK, E_IO */
bool sessions_none(void);
bool sessions_doze(void); /* none is there, the last one went to sleep, most likely */
bool sessions_look(void); /* one has a mailbox selected, or waits */
/* session_answer - reply (its memory is reused) and a descriptor (borrow), or -1 */
void session_answer(struct session *, uint16_t ask, struct buf *reply, int fd);
void guest_leave(struct guest **); /* one reference less */
/* sessions_take_guest - there is room for one more channel of this guest */
bool sessions_take_guest(struct span who);
/* sessions_end_waits - who waits for this mailbox looks at it again */
void sessions_end_waits(uint32_t mailbox);
/* session_select - this mailbox (0: none) instead of the one before */
void session_select(struct session *, uint32_t mailbox, bool is_examine);
/* sessions_wake - those who wait for what was published */
void sessions_wake(void);
/*
 * ask_body - the body of an ask, from its message or its memory file, which is closed; borrow until
 * the next ask
 */
struct span ask_body(struct rd *body, int *fd);

/* ---- doze.c ---- */
/*
 * doze_load - which mailboxes have sessions that sleep; after an unclean end all are woken: a change
 * that was on disk may not have been told
 */
void doze_load(bool is_unclean);
/* doze_wake - those who follow the whole account: a subscription, or METADATA, changes */
void doze_wake(void);
/* slices_drop - what sessions turned for searches of a mailbox; also what one has only begun */
void slices_drop(uint32_t mailbox);
/* slices_are - a name in index/: is it one that slices_drop of that mailbox removes? */
bool slices_are(const char *name, uint32_t *mailbox);

/* Whom what a batch did to a mailbox wakes. */
struct doze_due {
	uint32_t mailbox; /* those who sleep in it; 0: nobody */
	bool all;         /* those who follow the whole account */
};

/* doze_due - before it is published */
struct doze_due doze_due(struct slot *);
/*
 * doze_publish - behind that: who begins to watch, and then finds nothing changed in the view, is
 * woken
 */
void doze_publish(struct doze_due);

/* ---- floor.c ---- */
MUST_USE int floor_read(struct floor *); /* E_OK, E_BAD (none), E_IO */
/* synced when it must grow */
MUST_USE int floor_reserve(struct floor *, const struct floor *least);
MUST_USE int floor_write(const struct floor *);
/*
 * file_replace - name gets these bytes, whole or not at all; is_synced: and they are durable.
 * E_OK, E_LIMIT (disk full), E_IO
 */
MUST_USE int file_replace(
    const char *name, struct span bytes, unsigned mode, bool is_synced);
/*
 * file_swap - the same, not synced, for one that is written again and again, seconds apart: who has
 * it open reads what it was, until it is written once more
 */
MUST_USE int file_swap(const char *name, struct span bytes, unsigned mode);

/* ---- limits.c ---- */
/* limits_read - what the user set last; zero: nothing */
struct usage limits_read(void);

/* ---- takein.c ---- */
/* takein_want - what lies in new/ now; a number for takein_is_done */
uint64_t takein_want(void);
bool takein_is_done(uint64_t want);
/*
 * takein_put_away - files whose rows were told of get their place in msg/, once those are durable.  It is
 * done some ms after they were told: a session that is faster finds no file, and asks
 * (store_message_open).  May block: a folder that was not read for long comes from the disk, which nobody
 * who waits for news has to wait for
 */
void takein_put_away(void);
/*
 * takein_is_behind - what is done did not take in all, or nothing was done yet: new/ could not be listed,
 * a file not be moved, or there is no room.
 * No event says when it can be, so that nobody may sleep by one
 */
bool takein_is_behind(void);
/* msg_move - what lies at from becomes the message's file in msg/.  E_OK, E_IO (errno) */
MUST_USE int msg_move(const char *from, struct file_id);
/* tmp_sweep - leftovers of sessions that died in an APPEND: those without a row go */
void tmp_sweep(void);

/* ---- doomed.c ---- */
void doomed_add(struct file_id);            /* the batch took its last reference */
MUST_USE int doomed_write(struct db_txn *); /* those of the batch */
void doomed_publish(void);                  /* they are on disk: the files go soon */
void doomed_forget(void);                   /* the batch came to nothing */
void doomed_hurry(void); /* the batch finds little room on the disk: at once then */
void doomed_begin(void); /* what is there goes, in rounds, until none is left */
bool doomed_waits(void); /* there are some, and their time comes */

/* ---- quota.c ---- */
/* quota_refuses - so much more, and so much less, is past the quota (of the asker) or own_limits */
bool quota_refuses(
    const struct usage *quota, const struct sum *more, const struct sum *less);
/* quota_look - a level was passed: the user is told */
void quota_look(void);
unsigned warned_read(void); /* of keepers before */

/* ---- job_event.c ---- */
void events_load(void); /* what waits for scripts */

/* ---- kept.c ---- */
bool keeps(void); /* what is expunged is to be kept: store_keep */

/* ---- rebuild.c ---- */
MUST_USE int index_make(struct tables *, struct floor *); /* a new account's */
/* index_rebuild - from files, dump and floor; what was is put aside.  out: what was found */
MUST_USE int index_rebuild(struct tables *, struct floor *, struct store_rebuilt *out);

#endif
