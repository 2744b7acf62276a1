/* SPDX-License-Identifier: ISC */
/*
 * directions.h - where a message in new/ is to go, and with which flags: what a Sieve script said
 * of it.  A file of its own, new/.FILEID, that a placer writes before the message, whose name ends
 * in ",D"; the keeper carries them out when it takes the message in, in the same transaction, and
 * removes the file.  What it cannot read, or carry out, leaves the message in INBOX.  Pure.
 */
#ifndef STORE_DIRECTIONS_H
#define STORE_DIRECTIONS_H

#include "store/store.h"

enum {
	DIRECTIONS_BYTES_MAX = 16384,
	DIRECTIONS_USE_MAX = 15, /* octets of a special use, "\\Junk" */
	DIRECTIONS_ID_MAX = 32,  /* of a MAILBOXID */
	DIRECTIONS_NAME_MAX = 1 + FILE_ID_TEXT + 1,
};

struct directions {
	/* borrow: what was read.  UTF-8, levels by '/'; empty: INBOX, or where junk goes */
	struct span mailbox;
	/* such a mailbox goes before that one, where there is one; empty: not asked for */
	struct span special_use, mailboxid;
	bool can_create;                          /* one that is not there is made */
	uint32_t flags;                           /* enum store_flag */
	struct span keywords[STORE_KEYWORDS_MAX]; /* atoms */
	size_t n_keywords;
};

/* mailbox_keyword_check - what a flag that is none of the system's may be: an atom, RFC 9051 9 */
bool mailbox_keyword_check(struct span);
void directions_put(struct buf *out, const struct directions *);
/* directions_get - the whole of text; out borrows.  E_OK, E_BAD */
MUST_USE int directions_get(struct span text, struct directions *out);
/* directions_name_put - ".FILEID": of the file with them, in new/ */
void directions_name_put(struct buf *out, struct file_id);
/* directions_name_parse - the whole of text.  E_OK, E_BAD */
MUST_USE int directions_name_parse(struct span text, struct file_id *out);

#endif
