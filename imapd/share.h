/* SPDX-License-Identifier: ISC */
/*
 * share.h - mailboxes of others: "Other Users/NAME/..." are those of NAME at the same domain, as far
 * as they gave this account rights to (RFC 4314).  Each such account is a store of its own, which is
 * opened when it is named first and may be gone any time.  While a mailbox of one is selected,
 * session.store is that store, and session.own the account's.
 */
#ifndef IMAPD_SHARE_H
#define IMAPD_SHARE_H

#include "imapd/command.h"
#include "store/incoming.h"

#define SHARE_ROOT "Other Users"

enum {
	SHARES_KEPT = 4, /* stores of others that stay open, beside the selected one */
	/* messages of one COPY, or round of a MOVE, between accounts: each is an open file */
	SHARE_COPY_MOST = 500,
};

/* Where a mailbox is. */
struct place {
	struct store *store;
	struct span name;        /* borrow: in that store */
	const char *owner_local; /* borrow; NULL: the account's own */
};

/* share_is_name - SHARE_ROOT or below it.  Pure */
bool share_is_name(struct span mailbox);
/*
 * share_find - the place of a mailbox, which need not be there.  R_DONE, R_NO_MAILBOX (nobody gave
 * anything under that name), R_LATER
 */
enum reply share_find(struct session *, struct span mailbox, struct place *out);
/* share_selected - whose the selected mailbox is: a local part; empty: the account's own */
struct span share_selected(const struct session *);
/* share_again - what is selected next is of that account.  E_OK, E_BAD (it gives nothing), E_IO */
MUST_USE int share_again(struct session *, struct span local);
/* share_owner_put - the address of the account that it is in */
void share_owner_put(struct buf *, const struct session *, const struct place *);
/*
 * share_name - m gets the name that it has in this session.  E_OK, E_LIMIT: there is no room for that
 */
MUST_USE int share_name(const struct place *, struct store_mailbox *m);
/* share_mailboxes - all of others, named as in this session; who is away is left out */
void share_mailboxes(
    struct session *, int (*fn)(void *ctx, const struct store_mailbox *), void *ctx);
/*
 * share_granted - rights in that place were changed: who got any is to find it.  Nothing is said
 * when that fails
 */
void share_granted(struct session *, const struct place *);
/*
 * share_uids - of the accounts that have these addresses of the session's domain; 0: nobody has it.
 * E_OK, E_IO (it is not known now)
 */
MUST_USE int share_uids(
    struct session *, const struct span *identifiers, size_t n, uint32_t *out);
/* share_append - all n or none; as store_append, whosever the mailbox is */
enum store_said share_append(struct session *, const struct place *, struct incoming *,
    size_t n, uint32_t *uidvalidity, uint32_t *first_uid);
/*
 * share_copy - COPY or MOVE of the selected mailbox's messages into a mailbox of another store.  They
 * are copied, all or none: of a COPY the caller sees that they are no more than SHARE_COPY_MOST.  Those
 * of a MOVE then go, so many at a time, until a stop; what was copied before a failure is in out.  As
 * store_copy
 */
enum store_said share_copy(struct session *, const struct numset *uids,
    const struct place *, bool is_move, struct store_copied *out);
/* share_copied - of a copy within another's store: the copies are seen as they were */
void share_copied(struct session *, const struct place *, const struct store_copied *);
/* share_deposit - a channel for store_deposit; the caller closes it.  E_OK, E_BAD, E_IO */
MUST_USE int share_deposit(const struct place *, int *out);
/* share_events - calls fn with the local part of each account in which this session made events */
void share_events(void (*fn)(void *ctx, struct span local), void *ctx);
void share_close(struct session *); /* at the end of the conversation */

#endif
