/* SPDX-License-Identifier: ISC */
/*
 * notify_table.h - mailboxes as the client was last told of them, so that what the feed says can be
 * compared.  Pure.
 */
#ifndef IMAPD_NOTIFY_TABLE_H
#define IMAPD_NOTIFY_TABLE_H

#include "base/arena.h"
#include "store/store.h"

enum {
	NOTIFY_SAVED_MAX = 256 << 10 /* bytes of a table that is kept through a sleep */
};

struct known {
	uint32_t id, uidvalidity, uidnext;
	uint64_t modseq, messages, unseen;
	uint16_t rights; /* enum right */
	bool is_subscribed;
	bool is_seen; /* the feed that is read has it */
	char special_use[16];
	char *name; /* own */
};

struct known_table {
	struct known *all; /* own; in order of id */
	size_t n, cap;
	char **names; /* own: subscribed ones of no mailbox; in order of their bytes */
	size_t n_names, cap_names;
};

void table_free(struct known_table *);
struct known *table_of(const struct known_table *, uint32_t id);         /* NULL */
struct known *table_named(const struct known_table *, struct span name); /* NULL */
/* table_put - as it is now; it may be new.  Pointers into the table are void */
void table_put(struct known_table *, const struct store_mailbox *);
void table_remove(struct known_table *, uint32_t id);
/* table_has_children - is there a mailbox below it? */
bool table_has_children(const struct known_table *, struct span name);
bool table_has_name(const struct known_table *, struct span name);
void table_set_name(struct known_table *, struct span name, bool is_there);

/*
 * table_save, table_load - for a sleep.  save: E_LIMIT (too long, stores nothing past out->max);
 * load: E_OK, E_BAD
 */
MUST_USE int table_save(const struct known_table *, struct buf *out);
MUST_USE int table_load(struct known_table *, struct rd *);

#endif
