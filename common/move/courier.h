/* SPDX-License-Identifier: ISC */
/*
 * courier.h - the files that Courier keeps beside messages in a Maildir.  Pure.
 *   courierimapuiddb           UIDs and UIDVALIDITY
 *   courierimapkeywords/:list  names of keywords, and which files have them
 *   courierimapsubscribed      names
 *   courierpop3dsizelist       UIDLs, versions 2 and 3
 * A line that is wrong is passed over.
 */
#ifndef MOVE_COURIER_H
#define MOVE_COURIER_H

#include "move/dovecot.h"

enum { COURIER_KEYWORDS_MAX = 64 };

/*
 * courier_uids_open - the first line of courierimapuiddb: "1 UIDVALIDITY UIDNEXT".  E_OK, E_BAD.
 * Then uidlist_next
 */
MUST_USE int courier_uids_open(struct span text, struct uidlist *out);

/* What :list says: names first, then "FILE:0 3" lines behind an empty one. */
struct courier_keywords {
	struct span rest;                        /* borrow: the lines of files */
	struct span names[COURIER_KEYWORDS_MAX]; /* borrow */
	size_t n;
};

void courier_keywords_open(struct span text, struct courier_keywords *out);
/* courier_keywords_next - bits of names[] that a file (name without flags) has.  false: it ends */
bool courier_keywords_next(
    struct courier_keywords *, struct span *base, uint64_t *bits);

/* courier_subscriptions_next - a name as ours in out; "INBOX.Sent" is "Sent".  false: it ends */
bool courier_subscriptions_next(struct span *text, struct buf *out);

/* courier_uidls_open - the first line of courierpop3dsizelist.  E_OK, E_BAD; *text moves on */
MUST_USE int courier_uidls_open(struct span *text);
/* courier_uidls_next - out becomes what Courier's POP3 answered.  false: it ends */
bool courier_uidls_next(struct span *text, struct span *base, struct buf *out);

#endif
