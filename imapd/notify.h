/* SPDX-License-Identifier: ISC */
/*
 * notify.h - NOTIFY, RFC 5465: what a client wants to be told of its mailboxes, at any time.  The
 * selected one is followed through its view, the others through the feed of the keeper.
 */
#ifndef IMAPD_NOTIFY_H
#define IMAPD_NOTIFY_H

#include "imapd/command.h"
#include "imapd/notify_parse.h"
#include "imapd/notify_table.h"

struct notify {
	struct arena arena; /* of text and set */
	struct span text;   /* as it was written */
	struct notify_set set;
	struct known_table
	    table; /* own; of all mailboxes, where others than the selected matter */
	uint64_t since; /* of the feed: up to there the table is right */
	bool is_asked;  /* the feed */
	bool is_behind; /* it slept: what happened meanwhile is read at once */
	bool is_utf8;   /* text is read as a client writes that has ENABLEd that */
	int fd;         /* borrow: the store's; -1: no feed */
};

/*
 * notify_begin - "SET ..." or "NONE" instead of what there is.  E_OK; what there was stays at E_BAD,
 * E_DENY, E_LIMIT (notify_parse; others than the selected mailbox beside one of another account) and
 * E_IO (the keeper cannot be asked)
 */
MUST_USE int notify_begin(struct session *, struct parse *);
/*
 * notify_answer - before the tagged OK to SET, RFC 5465 3.1: LIST with \NoAccess of what is asked for
 * without a right that it needs, and STATUS of the others if that is asked for
 */
void notify_answer(struct session *);
/*
 * notify_leave - a mailbox of another account is selected: NOTIFY of others than the selected one
 * ends with NOTIFICATIONOVERFLOW (RFC 5465 5.8), as the feed is of our own keeper
 */
void notify_leave(struct session *);
void notify_free(struct session *);
/* notify_has_metadata - is METADATA of this mailbox ("": of the server) asked for? */
bool notify_has_metadata(const struct session *, struct span mailbox);
/* notify_fd - is readable when there is something to tell; -1 */
int notify_fd(const struct session *);
/* notify_update - selected_update, as far as it is asked for, and what the feed says */
void notify_update(struct session *, enum update, bool is_uid);
/* notify_talks - between commands, too */
bool notify_talks(const struct session *);
/*
 * notify_wait - between commands: tells what changes until the client says something, and sleeps
 * meanwhile (then the session is over).  E_OK, E_MORE (idle for too long), E_DENY (the daemon
 * stops), E_IO
 */
MUST_USE int notify_wait(struct session *);

/*
 * notify_may_sleep - false: the mailbox that is selected has, or may soon have, messages that went
 * and whose client must not hear of it; through a sleep no more than that would be known of it
 */
bool notify_may_sleep(const struct session *);
/*
 * notify_doze - out becomes a descriptor (borrow, as store_doze has it; is_same, too) that wakes it
 * when there is something to tell; -1: there is nothing, ever.  looked: mod-sequence up to which the selected mailbox was looked at.
 * E_OK; E_MORE (look again), E_IO, as store_doze has it
 */
MUST_USE int notify_doze(struct session *, uint64_t looked, int *out, bool *is_same);
/*
 * notify_save, notify_load - through a sleep: what is asked for, and what was told.  save: E_LIMIT
 * (too much: stay awake), stores nothing where there is no NOTIFY.  load: E_OK, E_BAD
 */
MUST_USE int notify_save(const struct session *, struct buf *out);
MUST_USE int notify_load(struct session *, struct span saved);

#endif
