/* SPDX-License-Identifier: ISC */
/*
 * incoming.h - a new message: written by the session as tmp/ID, synced under msg/ too, then asked
 * for.  And what an import asks for beside.
 */
#ifndef STORE_INCOMING_H
#define STORE_INCOMING_H

#include "store/store.h"

struct hash;

struct incoming {
	struct file_id id;
	int fd; /* own; -1: none */
	uint64_t size_bytes;
	struct hash *sum; /* own; as tls/hash.h has it */
	unsigned char sha256[32];
	uint32_t flags;
	const struct span *keywords; /* borrow */
	size_t n_keywords;
	int64_t date_sec;  /* INTERNALDATE */
	struct span cache; /* borrow: its cache item; empty: none */
	/* it is copied, from another account: of the first one, and said of all; for scripts (RFC 6785) */
	bool is_copy;
	/* for import; 0: as usual */
	uint32_t uid; /* past all others of the mailbox, else STORE_TOO_MANY */
	int64_t saved_sec;
	struct span uidl; /* borrow; what UIDL answers instead of the id */
	/* store's: it has its name in msg/; it is, or may be, a row's */
	bool is_linked, is_kept;
};

/* E_OK, E_LIMIT (disk full), E_IO */
MUST_USE int incoming_begin(struct store *, struct incoming *out);
/* E_OK, E_LIMIT (disk full), E_IO */
MUST_USE int incoming_write(struct incoming *, struct span);
MUST_USE int incoming_end(struct incoming *); /* synced.  E_OK, E_LIMIT, E_IO */
/*
 * incoming_end_all - the same for many, with one sync of the whole file system: for import.  E_OK,
 * E_LIMIT, E_IO
 */
MUST_USE int incoming_end_all(struct incoming *, size_t n);
/* the last E_LIMIT: a quota of the file system, and not its end */
bool incoming_was_quota(void);
/* incoming_said - what any of these came to, as a client is told */
enum store_said incoming_said(int err);
/* its file too, unless it was appended.  After any result, once */
void incoming_drop(struct incoming *);
/* store_append - all n or none.  uids become first_uid and up.  out_* may be NULL */
enum store_said store_append(struct store *, struct span mailbox, struct incoming *,
    size_t n, uint32_t *uidvalidity, uint32_t *first_uid);
/*
 * store_replace - RFC 8508: the append of one, and the expunge of uid in mailbox, in one
 * transaction; STORE_GONE when there is no such message any more, and nothing is appended
 */
enum store_said store_replace(struct store *, uint32_t mailbox, uint32_t uid,
    struct span target, struct incoming *, uint32_t *uidvalidity, uint32_t *new_uid);
/*
 * store_deposit - the same into a mailbox of another account, all n or none, over a channel of a
 * deposit (door.h): of the messages fd, size, flags, keywords and date count.  They are copied
 */
enum store_said store_deposit(int chan, struct span mailbox, const struct incoming *,
    size_t n, uint32_t *uidvalidity, uint32_t *first_uid);
/*
 * store_adopt_numbers - import: an empty mailbox gets this UIDVALIDITY and UIDNEXT; one that has
 * this UIDVALIDITY from here already, a larger UIDNEXT.  UIDVALIDITYs given out later are larger.
 *   reserved  uids below it are the source's: a message that comes without a uid gets this one or
 *             more, so that a number that a client knows from the source never is another message
 *             here
 *   returns   STORE_DONE; STORE_EXISTS (it is not empty, or gave out larger uids); STORE_TOO_MANY
 *             (too near to 2^32)
 */
enum store_said store_adopt_numbers(struct store *, struct span mailbox,
    uint32_t uidvalidity, uint32_t uidnext, uint32_t reserved);

#endif
