/* SPDX-License-Identifier: ISC */
/*
 * metadata.h - METADATA: RFC 5464.  Mailbox "" is the server, whose entries each account has for
 * itself.
 */
#ifndef STORE_METADATA_H
#define STORE_METADATA_H

#include "store/store.h"

enum {
	METADATA_ENTRY_MAX = 255,   /* octets of an entry's name */
	METADATA_VALUE_MAX = 16384, /* octets; RFC 5464 4.1 asks for 1,024 */
	/* of a mailbox, or of the server; it asks for 10 */
	METADATA_ENTRIES_MOST = 128,
	/* bytes of all of an account, names in it: 64 of the largest */
	METADATA_ACCOUNT_MAX = 1 << 20,
	/* bytes of all, past which guests set nothing more: the rest is the owner's */
	METADATA_GUESTS_MAX = METADATA_ACCOUNT_MAX / 2,
};

struct metadata_entry {
	struct span name;  /* borrow; in lower case */
	bool is_nil;       /* to be set: it goes */
	struct span value; /* borrow; any octets */
};

/* tied to the mailbox's special use: RFC 6154 4 */
#define METADATA_SPECIAL_USE "/private/specialuse"

/*
 * metadata_entry_form - RFC 5464 3.2, in any case.  metadata_entry_check - one that may be set: in
 * lower case, with components enough.  Pure
 */
bool metadata_entry_form(struct span name);
bool metadata_entry_check(struct span name);
/*
 * store_metadata - calls fn with each entry that has a value; it asks the store nothing.
 * STORE_NONEXISTENT, STORE_LATER
 */
enum store_said store_metadata(struct store *, struct span mailbox,
    void (*fn)(void *ctx, const struct metadata_entry *), void *ctx);
/*
 * store_metadata_set - all n, or none; durable at STORE_DONE.  A special use is taken from who had
 * it.  STORE_NONEXISTENT, STORE_BAD_NAME, STORE_TOO_MANY (METADATA_ENTRIES_MOST,
 * METADATA_ACCOUNT_MAX)
 */
enum store_said store_metadata_set(
    struct store *, struct span mailbox, const struct metadata_entry *, size_t n);
/*
 * store_metadata_changes - calls fn with what others set since the last call; the first only begins
 * to look.  From then on store_watch ends for such changes, too.  E_OK, E_IO
 */
MUST_USE int store_metadata_changes(struct store *,
    void (*fn)(void *ctx, struct span mailbox, struct span entry), void *ctx);
void store_metadata_quiet(struct store *); /* nobody wants to hear any more */
/* What store_metadata_changes told last, through a sleep; 0: it was not asked */
uint64_t store_metadata_seen(const struct store *);
void store_metadata_go_on(struct store *, uint64_t seen);
/*
 * store_metadata_keep - who sleeps from here on, without store_doze_all, is told of what comes when it
 * asks again: the next keeper will know, too.  One is started only where that of the last ask is gone.
 * E_OK; E_IO (the disk is full, say, or no keeper)
 */
MUST_USE int store_metadata_keep(struct store *);

#endif
