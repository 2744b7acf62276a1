/* SPDX-License-Identifier: ISC */
/*
 * asks.h - what the process in the mailbox's jail may ask of the two others of an import or export:
 * of the command, which has the rights of who runs it, and of the process that talks to a server.
 * A reply begins with u8 status (sysexits.h, EX_OK: it is done) and a str for people; what comes
 * behind them, in a memory file when the row says so.
 */
#ifndef MOVE_ASKS_H
#define MOVE_ASKS_H

#include "proc/ask.h"
#include "store/store.h"

/* ---- of the command ---- */
enum move_ask {
	/* files of a Maildir: a path is relative to it, and leads out of it by no means */
	MOVE_LIST = 1, /* str directory -> in a memory file: n x struct move_entry */
	MOVE_OPEN,     /* str path -> fd: a regular file, for reading */
	/* export */
	MOVE_MAKE_DIRECTORY, /* str path -> */
	/* str path, i64 mtime, fd -> : a new file gets what the descriptor holds */
	MOVE_WRITE,
	/* what is told; no reply */
	MOVE_PROGRESS, /* str folder, u64 done, u64 of */
	MOVE_ROW,      /* struct move_row */
	MOVE_SAY,      /* str */
	MOVE_ASKS
};

enum {
	MOVE_PATH_MAX = 1100,
	MOVE_ROW_BYTES = 2048,
	/* for a command, which may be stopped for a while, and disks */
	MOVE_WAIT_MS = 600000,
};

struct move_entry {
	struct span name; /* borrow */
	bool is_directory;
	uint64_t size_bytes;
	int64_t mtime_sec;
};

/* What became of a folder. */
enum move_numbers { NUMBERS_NONE, NUMBERS_KEPT, NUMBERS_NEW };

struct move_row {
	struct span folder; /* borrow */
	uint64_t source;    /* messages there */
	uint64_t here;      /* messages in the mailbox */
	uint64_t fetched, bytes;
	uint64_t flagged; /* whose flags were changed */
	uint64_t removed; /* that are no more at the source */
	uint64_t left; /* that were removed or moved here, and were not brought again */
	uint64_t failed;  /* that should be here and are not */
	uint8_t numbers;  /* enum move_numbers */
	struct span note; /* borrow; empty: none */
};

/* ---- of the process that talks to a server ---- */
enum net_ask {
	/* -> in a memory file: n x struct source_folder, u32 n, n x str: subscriptions */
	NET_FOLDERS = 1,
	NET_MESSAGES, /* str folder -> in a memory file: a listing */
	/*
	 * u32 n uids, in a memory file: ascending, in the folder listed last -> when all were said:
	 */
	NET_FETCH,
	NET_BEGIN = 0x100, /* a message begins */
	NET_BYTES,         /* some of it */
	NET_END,           /* u32 uid, u8 is_whole */
};

enum { NET_BYTES_MAX = 60000, NET_WAIT_MS = 600000 };

/* ---- asks.c: encode and decode, side by side ---- */
void move_entry_put(struct buf *, const struct move_entry *);
MUST_USE int move_entry_get(struct rd *, struct move_entry *out);
void move_row_put(struct buf *, const struct move_row *);
MUST_USE int move_row_get(struct rd *, struct move_row *out);

struct source_folder;
struct listing;
void net_folder_put(struct buf *, const struct source_folder *);
MUST_USE int net_folder_get(struct rd *, struct source_folder *out); /* borrows */
void net_listing_put(struct buf *, const struct listing *);
MUST_USE int net_listing_get(struct rd *, struct listing *out); /* into its arena */

/*
 * move_ask - asks and waits.
 *   out      the rest of the reply, from its memory file when it came with one; borrows in
 *   fd_out   a descriptor that is none of these; may be NULL: then there is a memory file
 *   why      text of a failure
 *   returns  EX_OK, what the reply said, or EX_IOERR (who is asked is gone)
 */
MUST_USE int move_ask(int chan, uint16_t type, struct buf *body, int fd, struct buf *in,
    struct rd *out, int *fd_out, struct buf *why);
/* move_tell - no reply; failures show at the next ask */
void move_tell(int chan, uint16_t type, struct buf *body);
/* move_reply_put - the head of a reply */
void move_reply_put(struct buf *, int status, struct span why);

#endif
