/* SPDX-License-Identifier: ISC */
/*
 * message.h - a message of the selected mailbox while a command reads it: its cache item, its file,
 * its parts, each when it is first asked for.  An item that is missing is made from the file and
 * handed to the store.
 */
#ifndef IMAPD_MESSAGE_H
#define IMAPD_MESSAGE_H

#include "mime/cache.h"
#include "mime/tree.h"
#include "store/store.h"

struct message {
	struct store *store;               /* borrow */
	const struct store_view *view;     /* borrow */
	const struct store_record *record; /* borrow: of the view */
	/* E_MORE: not looked for yet; E_OK; E_BAD: there is none any more; E_IO */
	int file;
	bool has_text, is_mapped;
	struct span text; /* own: a mapping; or borrow: of read */
	/* own: a small message, which is quicker to read than to map */
	struct buf read;
	bool has_tree;
	struct tree tree; /* of the text, in the arena */
	/* E_MORE: not looked for yet; E_OK; E_BAD: there is none and none can be made */
	int item_err;
	struct mime_cache item; /* borrow: of the store's, or of made */
	struct buf made;        /* an item that the store did not have */
	struct arena arena;     /* of this message */
};

void message_init(struct message *, struct store *, const struct store_view *);
void message_done(struct message *);
/* message_set - the next one; what was got of the one before is gone */
void message_set(struct message *, const struct store_record *);

/* message_item - what can be said without the file; NULL when there is nothing: ask the tree */
const struct mime_cache *message_item(struct message *);
/* message_text - all of it.  E_OK, E_BAD (its file is gone, logged unless it was expunged), E_IO */
MUST_USE int message_text(struct message *, struct span *out);
/* message_tree - its parts; those of an empty message when there is no file */
const struct tree *message_tree(struct message *);
struct span message_head(struct message *);
/* message_open - the file itself, for one read; fd is the caller's.  As message_text */
MUST_USE int message_open(struct message *, int *fd, uint64_t *bytes);

#endif
