/* SPDX-License-Identifier: ISC */
/*
 * keeper.h - the one process that writes an account's index.  Forked by the first session (same uid, same
 * jail), it holds index/lock, answers on index/keeper, and leaves when it was alone for a while.
 *   keeper.c   the process: lock, socket, sessions, the batch
 *   takein.c   what lies in new/        view.c     what sessions read
 *   floor.c    numbers that are never given out twice      dump.c  and rebuild.c  when the index is lost
 */
#ifndef STORE_KEEPER_H
#define STORE_KEEPER_H

#include "proc/loop.h"
#include "store/tables.h"

enum {
	KEEPER_ALONE_MS = 30000,
	KEEPER_SESSIONS_MOST = 1000,
	KEEPER_DUMP_EVERY_MS = 600000,
	FLOOR_UIDS_AHEAD = 1000,
	FLOOR_MODSEQS_AHEAD = 10000,
};

/* What was told to anyone stays below these, whatever happens to the index. */
struct floor {
	uint32_t uidvalidity; /* the last one given to a mailbox */
	uint32_t uid;         /* no uid above was ever given out */
	uint64_t modseq;
};

/* A mailbox that a session selected: its records in a memory file. */
struct view {
	struct view *next;
	uint32_t mailbox;
	int fd;                       /* own; sealed: nobody else writes */
	struct store_record *records; /* own mapping */
	size_t n, cap;
};

struct keeper {
	struct tables tables;
	struct floor floor;
	struct view *views;          /* own */
	bool is_changed;             /* since the last dump */
	bool checks_sums;            /* after an unclean end: contents of new/ are checked too */
};

extern struct keeper the_keeper;

/* keeper_run - the working directory is the home; ready gets one byte when the socket listens.  Returns when done. */
void keeper_run(int ready);
/* keeper_open - index, floor, views; rebuilds what is damaged.  E_OK, E_IO */
MUST_USE int keeper_open(void);
void keeper_close(void);

/* floor.c */
MUST_USE int floor_read(struct floor *);                    /* E_OK, E_BAD (none), E_IO */
MUST_USE int floor_reserve(struct floor *, uint32_t uid, uint64_t modseq); /* synced when it must grow */
MUST_USE int floor_write(const struct floor *);
/* file_replace - name gets these bytes, whole or not at all; is_synced: and they are durable */
MUST_USE int file_replace(const char *name, struct span bytes, unsigned mode, bool is_synced);

/* takein.c */
MUST_USE int takein(void);                                  /* all of new/; in the index and msg/, durably */

/* view.c */
MUST_USE int view_of(uint32_t mailbox, struct view **out);  /* made when it is not there */
void view_add(uint32_t mailbox, const struct store_record *); /* where a view is */
void view_remove(uint32_t mailbox, uint32_t uid);
void views_close(void);

/* dump.c: "dump", a line each: what a rebuild needs beside the files */
MUST_USE int dump_write(struct tables *);
/* dump_read - pure: fn is called with each mailbox and each record of it.  E_OK, E_BAD (line is wrong: it ends there) */
struct dump_visitor {
	void *ctx;
	int (*on_mailbox)(void *ctx, const struct mailbox *);
	int (*on_record)(void *ctx, uint32_t mailbox, const struct store_record *);
};
MUST_USE int dump_read(struct span text, const struct dump_visitor *);

/* rebuild.c */
MUST_USE int index_make(struct tables *, struct floor *);    /* a new account's */
MUST_USE int index_rebuild(struct tables *, struct floor *); /* from files, dump and floor; what was is put aside */
MUST_USE int usage_write(struct tables *);                   /* "bytes messages\n", for the verdict on recipients */

#endif
