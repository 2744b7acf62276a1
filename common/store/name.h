/* SPDX-License-Identifier: ISC */
/* name.h - names of files in a mailbox (name.c), and of mailboxes (mailbox_name.c).  Pure. */
#ifndef STORE_NAME_H
#define STORE_NAME_H

#include "base/buf.h"
#include "base/id.h"

/* with its NUL */
enum { NAME_NEW_MAX = FILE_ID_TEXT + 1 + 3 + 20 + 3 + 64 + 4 + 1 };

/*
 * What the name of a file in new/ says: "ID,TAG,S=size,C=sha256", of junk with ",J" behind it, of
 * what has directions (directions.h) with ",D" at its end.
 */
struct file_name {
	struct file_id id;
	uint64_t size_bytes;
	unsigned char sha256[32];
	bool is_junk; /* goes into the mailbox for that, not into INBOX */
	bool is_directed;
};

void file_name_put(struct buf *out, const struct file_name *);
/* file_name_parse - the whole of text.  E_OK, E_BAD */
MUST_USE int file_name_parse(struct span text, struct file_name *out);
/* msg_path_put - "msg/xx/FILEID": where a message that was taken in stands */
void msg_path_put(struct buf *out, struct file_id);
/* tmp_path_put - "tmp/FILEID": its second name until it was appended */
void tmp_path_put(struct buf *out, struct file_id);

/* mailbox_name_put - as it is kept: a first level INBOX, in any case, in capitals (RFC 9051 5.1) */
void mailbox_name_put(struct buf *out, struct span name);
bool mailbox_name_is_inbox(struct span name);

#endif
