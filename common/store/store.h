/* SPDX-License-Identifier: ISC */
/*
 * store.h - a mailbox, as a session sees it.  The process has the uid of the mailbox and is jailed to its
 * directory; one store a process.  What changes goes through the account's keeper (keeper.h), which is
 * started when there is none, and asked again once when it died.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/buf.h"
#include "base/id.h"

struct jail;
struct store;

enum {
	STORE_WAIT_MS = 30000,        /* most a call waits for the keeper */
	STORE_NAME_MAX = 255,         /* octets of a mailbox name */
	STORE_EXPUNGE_MAX = 8000,     /* messages of one ask; store_expunge asks as often as needed */
};

/* One message of a mailbox; as it stands in the view. */
struct store_record {
	uint32_t uid;
	uint32_t flags;           /* system flags: enum store_flag */
	uint64_t keywords;        /* a bit each, of the mailbox's table */
	uint64_t modseq;
	uint64_t size_bytes;
	int64_t date_sec;         /* INTERNALDATE */
	int64_t saved_sec;        /* SAVEDATE */
	struct file_id id;
};

enum store_flag { FLAG_SEEN = 1, FLAG_ANSWERED = 2, FLAG_FLAGGED = 4, FLAG_DELETED = 8, FLAG_DRAFT = 16 };

/* A session's own snapshot: it does not change until it is taken again. */
struct store_view {
	uint32_t mailbox;         /* id */
	uint32_t uidvalidity, uidnext;
	uint64_t modseq;          /* the highest */
	struct store_record *records; /* own; in order of uid */
	size_t n;
};

/* store_jail - what a process that opens a store needs, beside read and write below home */
void store_jail(struct jail *);
/* store_create - home (0710) gets its folders, index and mailboxes; as the mailbox's uid, in its jail.
 * One that is there already stays.  E_OK, E_IO (logged) */
MUST_USE int store_create(const char *home);
/* store_open - home is the mailbox's directory; it becomes the working directory.  E_OK, E_IO (logged) */
MUST_USE int store_open(const char *home, struct store **out);
void store_close(struct store **);
/* store_select - takes in what is new, then a snapshot.  E_OK, E_BAD (no such mailbox), E_IO */
MUST_USE int store_select(struct store *, struct span mailbox, struct store_view *out);
void store_view_free(struct store_view *);
/* store_message_open - the message's file, for reading; out is the caller's.  E_OK, E_BAD (it is gone), E_IO */
MUST_USE int store_message_open(struct store *, const struct store_record *, int *out);
/* store_uidl - what UIDL answers: the file's id, for ever.  RFC 1939: at most 70 characters */
void store_uidl(struct store *, const struct store_record *, struct buf *out);
/* store_expunge - these uids go; durable at E_OK.  One that is gone already is fine.  E_OK, E_IO */
MUST_USE int store_expunge(struct store *, uint32_t mailbox, const uint32_t *uids, size_t n);

#endif
