/* SPDX-License-Identifier: ISC */
/*
 * maildir_name.h - names in a Maildir++: of folders, and of message files with what they say.
 * Pure.
 *   https://cr.yp.to/proto/maildir.html, and what Dovecot and Courier made of it.
 */
#ifndef MOVE_MAILDIR_NAME_H
#define MOVE_MAILDIR_NAME_H

#include "base/buf.h"

enum {
	MAILDIR_LETTERS = 26,   /* keywords of a folder that a name can say: a to z */
	MAILDIR_NAME_MAX = 255, /* octets of a file's name: NAME_MAX */
};

/*
 * maildir_folder_name - "a/b" of the directory ".a.b".  Modified UTF-7 or UTF-8; "\2e" is a dot
 * inside a level, as
 *   Dovecot's listescape writes it; a slash in a level becomes "_".
 *   returns  E_OK, E_BAD (no folder: no dot before it, an empty level, neither of the two
 *            encodings)
 */
MUST_USE int maildir_folder_name(struct span directory, struct buf *out);
/* maildir_folder_directory - the way back; "" for INBOX.  E_OK, E_BAD (not UTF-8) */
MUST_USE int maildir_folder_directory(struct span name, struct buf *out);
/*
 * maildir_level_put - one level, decoded as above; maildir_level_escape - the way back.  E_OK,
 * E_BAD
 */
MUST_USE int maildir_level_put(struct span level, struct buf *out);
MUST_USE int maildir_level_escape(struct span level, struct buf *out);

/* What the name of a message file says: "1275660208.M1P2.host,S=10,W=11:2,FSab". */
struct maildir_file {
	struct span base; /* borrow: what is before ":2,"; what uidlists name */
	/* borrow: base up to its first ',': the same for the life of the message */
	struct span key;
	uint32_t flags;    /* enum store_flag */
	bool is_forwarded; /* 'P', passed: the keyword $Forwarded */
	uint32_t letters;  /* bit n: the n-th letter is there */
	int64_t date_sec;  /* of delivery; 0: it says none */
};

/*
 * maildir_file_parse - the whole of name.  E_OK, E_BAD (it begins with a dot, or is empty: not a
 * message)
 */
MUST_USE int maildir_file_parse(struct span name, struct maildir_file *out);
/* maildir_info_put - ":2," and letters in the order of their bytes */
void maildir_info_put(
    struct buf *out, uint32_t flags, bool is_forwarded, uint32_t letters);

#endif
