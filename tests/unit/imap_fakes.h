/* SPDX-License-Identifier: ISC */
/*
 * imap_fakes.h - a selected mailbox without a store: records, items and files in memory.  What
 * reads messages finds its functions of store/store.h here.
 */
#ifndef TESTS_IMAP_FAKES_H
#define TESTS_IMAP_FAKES_H

#include "imapd/command.h"

enum { FAKE_ITEM = 1, FAKE_NO_FILE = 2, FAKE_RECENT = 4 };

struct fake_message {
	uint32_t uid, flags;
	uint64_t keywords, modseq;
	int64_t date_sec, saved_sec;
	unsigned kind;    /* FAKE_ITEM: the store has its item */
	const char *text; /* borrow */
};

/* What was asked of the store since fakes_open. */
struct fake_counts {
	unsigned files, items_put, flushes, items_read, slices_written;
};

/* own: what was written last as slices of the mailbox; fakes_close empties it */
extern struct buf fake_slices;

extern struct fake_counts fake_counts;

/*
 * fakes_open - a session that has them selected, its io a socket whose other end is *peer; keywords
 * end in NULL
 */
void fakes_open(struct session *, const struct fake_message *, size_t n,
    const char *const *keywords, int *peer);
void fakes_close(struct session *);
/*
 * fakes_command - runs a handler on its arguments; what it wrote stays in s->io.out, and its code
 * in s->code
 */
enum reply fakes_command(
    struct session *, command_handler *, const char *verb, const char *arguments);

#endif
