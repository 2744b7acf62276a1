/* SPDX-License-Identifier: ISC */
/* state.h - what the files of a session's side share: nothing outside common/store includes it. */
#ifndef STORE_STATE_H
#define STORE_STATE_H

#include "account/usage.h"
#include "store/asks.h"

/* A cache.GEN that is mapped. */
struct cache_map {
	struct cache_map *next;
	uint32_t gen;
	/* own mapping; more than the file has: known_bytes of it may be read */
	const char *p;
	size_t mapped_bytes, known_bytes;
	int fd; /* own */
	/* own; a bit for each CACHE_ITEM_LEAST bytes: the item that begins there was found good */
	unsigned char *good;
};

/* What import brought instead of a file id. */
struct uidl {
	struct file_id id;
	char text[STORE_UIDL_MAX + 1];
};

struct store {
	int chan; /* own: to the keeper; -1 */
	/* NULL: the account's own keeper; else where a channel to another one's comes from */
	store_connect_fn *connect;
	void *connect_ctx; /* borrow */
	int dozing;        /* own: of the last store_doze or store_doze_all; -1 */
	/* the mailbox that wakes through it; 0: none that can be said */
	uint32_t doze_mailbox;
	/* what changes past armed_modseq removes its index/wake file, the keeper said; 0: none */
	uint32_t armed_mailbox;
	uint64_t armed_modseq;
	/* store_doze's next descriptor watches new/ already: since before the keeper was asked */
	bool has_watched_new;
	bool is_early;        /* not all that the view says is durable: store_settle */
	bool is_held;         /* store_hold */
	bool has_events;      /* store_take_events */
	int watch;            /* own: another one, for KEEPER_WAIT; -1 */
	int feed;             /* own: another one, for KEEPER_FEED; -1 */
	struct buf in, large; /* kept: what was read last */
	uint64_t quota_bytes, quota_messages;
	int64_t quota_at_ms;     /* when store_limit said so; 0: it never did */
	struct usage own_limits; /* that the user set, as of the last store_usage */
	/* borrow: the selected view's mapping, or left's; NULL: none */
	struct view_head *head;
	/* own: by which the keeper knows the view; empty: it must be asked at the next SELECT */
	struct buf name;
	/* own mapping; unselected, which the keeper was not told; without head: none */
	struct store_view left;
	uint32_t left_uidnext; /* then */
	bool is_reselected;    /* the selected view came of store_reselect */
	uint32_t selected; /* mailbox: of the last select; a guest's files are of it */
	/* the mailbox for which new/ is not watched in a sleep; 0: none is known */
	uint32_t takes_in_not;
	/* of KEEPER_METADATA_CHANGES; 0: nobody wants to hear */
	uint64_t metadata_seen;
	bool is_superseded;       /* it was marked: its keeper died */
	struct cache_map *caches; /* own; the newest first */
	struct buf items;         /* own: cache items that wait to be sent */
	uint32_t looked_gen;      /* the cache.GEN that was looked for last */
	bool has_looked_gen;
	struct uidl *uidls; /* own; in order of id */
	size_t n_uidls;
	/* the account has some; uidls is read when they are needed first */
	bool has_uidls;
};

/* The answer to an ask. */
struct answer {
	struct rd body; /* borrow: until the next ask */
	int fd;         /* own; -1 */
};

/* home_folder_sync - its names are durable.  E_OK, E_LIMIT (disk full), E_IO */
MUST_USE int home_folder_sync(const char *name);
/*
 * keeper_find - a connection to the account's keeper, which is started when there is none.  E_OK,
 * E_IO
 */
MUST_USE int keeper_find(int *out);
/* keeper_reach - the same, of the store's keeper, whose account that may be */
MUST_USE int keeper_reach(struct store *, int *out);
/* keeper_never_start - this process is a keeper's own: where that is gone it is not wanted */
void keeper_never_start(void);
/*
 * keeper_ask - asks and waits; a body or an answer that is too long travels in a memory file.
 *   may_repeat  asked again once when the keeper died meanwhile
 *   returns     E_OK, E_IO (logged)
 */
MUST_USE int keeper_ask(struct store *, uint16_t ask, struct buf *body, bool may_repeat,
    struct answer *out);
/* keeper_ask_said - the same, and the answer's first octet.  What comes behind it is in out */
enum store_said keeper_ask_said(struct store *, uint16_t ask, struct buf *body,
    bool may_repeat, struct answer *out);
/* keeper_tell - an ask without an answer; may be lost */
void keeper_tell(struct store *, uint16_t ask, struct span body);
/* keeper_is_there - it lives, and was not left since the view is mapped */
bool keeper_is_there(struct store *);
/* answer_end - nothing is left in it.  E_OK, E_IO */
MUST_USE int answer_end(const struct answer *);
/* view_is_current - the keeper still writes it, under that name */
bool view_is_current(const struct view_head *);
/*
 * doze_watch_first - new/ is watched for the store_doze to come while the keeper takes in what lies there:
 * no more has to be looked for when the session lies down
 */
void doze_watch_first(struct store *);
/* sync_all - as store_sync; is_behind: not all could be taken in, or moved, now */
MUST_USE int sync_all(struct store *, bool *is_behind);

bool quota_warns(void); /* store_quota_rules said levels */

void caches_unmap(struct store *);

#endif
