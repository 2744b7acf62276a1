/* SPDX-License-Identifier: ISC */
/*
 * source.h - where an import takes its messages from, as the process in the mailbox's jail sees it:
 * a Maildir that the command reads for it (source_maildir.c, maildir_folders.c), or an IMAP server
 * that a process without rights talks to (source_imap.c).
 *   results  E_OK; E_BAD (this folder cannot be had); E_IO (the source is lost); failure says why
 */
#ifndef MOVE_SOURCE_H
#define MOVE_SOURCE_H

#include "move/failure.h"
#include "move/keywords.h"

enum {
	SOURCE_FOLDERS_MAX = STORE_MAILBOXES_MAX,
	SOURCE_MESSAGES_MAX = 1000000, /* of a folder */
	SOURCE_RAW_MAX = 1024, /* octets of a folder's name as the source has it */
	SOURCE_LISTING_BYTES_MAX = 256 << 20, /* of a list of messages, on its way */
};

struct source_folder {
	struct span raw;  /* borrow: arena of the folders; as the source calls it */
	struct span name; /* as ours, UTF-8; empty: it cannot be, why says it */
	struct span special_use; /* "\\Sent"; empty: none */
	const char *why;         /* borrow: static */
	bool is_selectable, is_subscribed;
};

struct source_folders {
	struct arena arena;        /* own */
	struct source_folder *all; /* own */
	size_t n;
	/* own; names that are subscribed and may be no folder (any more) */
	struct span *subscriptions;
	size_t n_subscriptions;
	unsigned n_left_out; /* past SOURCE_FOLDERS_MAX */
};

struct source_message {
	uint32_t uid;        /* 0: it has none */
	uint32_t flags;      /* enum store_flag */
	uint64_t keywords;   /* bits of the listing's */
	uint64_t size_bytes; /* as the source says */
	int64_t date_sec;
	/* borrow: arena of the listing; the same for the life of the message */
	struct span key;
	struct span uidl; /* empty: none */
	struct span at;   /* of a Maildir: its path */
};

/* The messages of a folder: those with uids first, in their order. */
struct listing {
	struct arena arena;            /* own */
	uint32_t uidvalidity, uidnext; /* 0: it has no numbers */
	struct source_message *all;    /* own */
	size_t n, cap;
	struct keywords keywords;
	unsigned n_wrong;      /* lines or messages that could not be read */
	unsigned n_lost_uidls; /* of a POP3 server, that belong to no message here */
};

/* Who gets the bytes of a message.  What they return ends a fetch. */
struct fetch_to {
	void *ctx;
	int (*begin)(void *ctx);
	int (*bytes)(void *ctx, struct span);
	int (*end)(void *ctx, size_t index, bool is_whole); /* index: in the listing */
};

struct source {
	const struct source_kind *kind;
	int chan;               /* borrow: to who reads for us */
	struct failure failure; /* own (why); status: at E_IO */
	struct buf in;          /* own: what was read last */
	/* borrow; empty: UIDLs are only those that the source keeps */
	struct span uidl_format;
	bool is_date_of_name; /* of a Maildir: not the file's date */
	bool is_layout_fs;    /* of a Maildir: folders are directories in directories */
};

struct source_kind {
	int (*folders)(struct source *, struct source_folders *out);
	int (*list)(struct source *, const struct source_folder *, struct listing *out);
	/* wanted: indices in the listing, ascending.  Those that are gone meanwhile are left out */
	int (*fetch)(struct source *, const struct listing *,
	    const struct source_folder *, const uint32_t *wanted, size_t n,
	    const struct fetch_to *);
};

extern const struct source_kind source_maildir, source_imap;

void source_done(struct source *);
/* folders_add - copies into the arena; past the most it is only counted */
void folders_add(struct source_folders *, const struct source_folder *);
void folders_subscribe(struct source_folders *, struct span name);
void folders_free(struct source_folders *);
/* listing_add - E_OK, E_LIMIT (past SOURCE_MESSAGES_MAX) */
MUST_USE int listing_add(struct listing *, const struct source_message *);
/*
 * listing_sort - in order of uid, those without behind them in order of date; of two with one uid,
 * or one key, one is dropped
 */
void listing_sort(struct listing *);
void listing_free(struct listing *);

#endif
