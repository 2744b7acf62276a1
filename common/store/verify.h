/* SPDX-License-Identifier: ISC */
/*
 * verify.h - whether index and files of an account say the same, while it is in use.  What seems
 * wrong is looked at a second time against fresh rows: what merely changed meanwhile is not told.
 * Reads every message once.
 */
#ifndef STORE_VERIFY_H
#define STORE_VERIFY_H

#include "store/store.h"

enum finding_kind {
	FINDING_NO_FILE, /* a row, or a message of a mailbox, whose file is not there */
	FINDING_SIZE,    /* the file's size is not the row's */
	FINDING_SUM,     /* nor is its SHA-256 */
	FINDING_UNREADABLE, /* the file could not be read */
	/* a file in msg/ without a row; or a message of a mailbox without one */
	FINDING_NO_ROW,
	FINDING_STRANGER,   /* what has no business in msg/ */
	FINDING_REFERENCES, /* the row's references are not the messages that have it */
	/* a mailbox's messages, unseen, deleted or bytes are not what its records come to */
	FINDING_COUNT,
	/*
	 * a cache item that is damaged: it is made again when it is wanted.  Or a search that goes
	 * by it may miss the message: a rebuild makes it again
	 */
	FINDING_CACHE,
	/*
	 * slices of signatures that are damaged, or of other messages: a search goes by what it can
	 * tell is sound.  A rebuild removes them, and they are made again when they are wanted
	 */
	FINDING_SLICES,
	FINDING_ANNOTATION, /* rows of the table "annotations" that are not as we write them */
	FINDING_KINDS
};

struct finding {
	enum finding_kind kind;
	char mailbox[STORE_NAME_MAX + 1]; /* "": of no one */
	uint32_t uid;                     /* 0: of no one */
	char file[80];                    /* a path below home, cut; "": of none */
	uint64_t is, should;              /* sizes, counts; 0 and 0: none */
};

struct verified {
	uint64_t mailboxes, messages, bytes; /* of all mailboxes, as rows say */
	uint64_t files;                      /* in msg/ */
	/* rows whose SHA-256 nobody knows: a rebuild could not read the file */
	uint64_t unsummed;
	uint64_t waiting; /* in new/ still */
	uint64_t
	    kept; /* messages that were expunged, and are kept where no name leads */
	uint64_t annotations; /* rows: METADATA */
	uint64_t findings;
	uint64_t of[FINDING_KINDS]; /* of these, each */
};

struct verify_watch {
	void *ctx;
	void (*on_finding)(void *ctx, const struct finding *);
	/* not more often than a hundred times a second */
	void (*on_progress)(void *ctx, uint64_t files, uint64_t of);
	/* is the item of a message what is made of it?  NULL: it is not asked */
	bool (*is_item_good)(struct span item, struct span message);
	/* are the slices of that mailbox sound, and of its messages?  NULL: it is not asked */
	bool (*are_slices_good)(struct span blocks, const struct store_view *);
};

/*
 * store_verify - the working directory is the account's home.  E_OK (findings or not), E_IO
 * (logged: the keeper, or a directory)
 */
MUST_USE int store_verify(
    struct store *, const struct verify_watch *, struct verified *out);
const char *finding_text(enum finding_kind); /* for people */

#endif
