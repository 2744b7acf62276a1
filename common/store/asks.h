/* SPDX-License-Identifier: ISC */
/*
 * asks.h - what a session may ask of the keeper of its account, on index/keeper (only this uid
 * reaches it).  One ask at a time a connection.  A body longer than a message, there or back,
 * travels in a memory file.  Each reply but SELECT's begins with u8 said (enum store_said, of what a
 * session that is held asks also ASK_HAS_EVENTS: scripts are to run); a name
 * is a str, a set is numset_encode's.  An empty name in SELECT, PEEK and MAILBOX is what was
 * expunged (kept.h).
 */
#ifndef STORE_ASKS_H
#define STORE_ASKS_H

#include "proc/ask.h"
#include "store/incoming.h"
#include "store/name.h"
#include "store/store.h"

enum keeper_ask {
	/* -- may be asked again when the keeper died -- */
	/* name, u8 is_examine -> struct ask_selected, fd: the view.  Takes in what is new first */
	KEEPER_SELECT = 1,
	/* u32 mailbox, u8 enum ask_renew_may -> as SELECT */
	KEEPER_RENEW,
	KEEPER_UNSELECT, /* u32 mailbox, u32 uidnext then; no reply */
	KEEPER_SYNC, /* -> said, u8 is_behind: not all that lay in new/ is taken in and moved */
	/* -> said, struct store_mailbox to the end.  Takes in first */
	KEEPER_MAILBOXES,
	KEEPER_MAILBOX,       /* name -> said, struct store_mailbox.  Takes in first */
	KEEPER_SUBSCRIPTIONS, /* -> said, names to the end */
	KEEPER_SUBSCRIBE,     /* name, u8 is_subscribed -> said */
	/* struct ask_flags -> said, set of those that failed unchanged_since */
	KEEPER_FLAGS,
	/* u32 mailbox, set, u8 enum ask_expunge_of -> said, u64 messages, u64 bytes that went */
	KEEPER_EXPUNGE,
	KEEPER_EXPUNGED, /* u32 mailbox, u64 modseq -> said, u8 is_known, set */
	/* -> said, u64 bytes, u64 messages; u64, u64: limits that the user set */
	KEEPER_USAGE,
	KEEPER_LIMITS, /* u64 bytes, u64 messages: that the user sets -> said */
	KEEPER_UIDLS,  /* -> said, n x (file id, str uidl): what import brought */
	KEEPER_CACHE,  /* n x struct ask_item; no reply */
	/* file id, u8 enum ask_files_from -> said, n x struct ask_file; none: the end */
	KEEPER_FILES,
	/* -> said, u32 rows, u32 bad ones, u64 bytes, u64 bytes that are counted */
	KEEPER_ANNOTATIONS,
	KEEPER_LEAVE, /* -> said; then it writes a dump and ends */
	KEEPER_HOLD, /* this session is held to its user's rights from now on; no reply */
	/*
	 * str address, str groups ("name\n" each), u32 its uid, u64 bytes, u64 messages: of the account's quota, u8
	 * is_deposit -> said.  From now on this is a channel of that account, which may ask what a guest
	 * may; of a deposit: APPEND alone (door.h)
	 */
	KEEPER_GUEST,
	/* -> said, n x str identifier: who was given anything of any mailbox */
	KEEPER_GRANTED,
	/* u32 mailbox, u32 uid -> said, fd: the message, for reading.  A guest's */
	KEEPER_FILE,
	KEEPER_ACL, /* name -> said, n x (str identifier, u16 enum right, u32 uid) */
	KEEPER_METADATA, /* name ("": the account's) -> said, n x (str entry, str value) */
	/* name, n x (str entry, u8 is_nil, str value) -> said */
	KEEPER_SET_METADATA,
	/*
	 * u64 number (0: none) -> said, u8 is_kept (the next keeper will know, too), u64 number now,
	 * n x (name, str entry) of others' changes
	 */
	KEEPER_METADATA_CHANGES,
	/*
	 * u32 mailbox (0: none), u64 modseq, u64 number of METADATA_CHANGES (0: none) -> said, when
	 * the mailbox is past it or no more.  On a channel of its own
	 */
	KEEPER_WAIT,
	/*
	 * u32 mailbox, u64 modseq, u8 takes_in (what lies in new/ is taken in first) -> said, u8
	 * is_past (then nothing else), u8 takes_in (mail may come to it): the session ends, and is to
	 * be woken by index/wake.MAILBOX, which goes at the next change.  STORE_LATER: mail lies there
	 * that cannot be taken in now
	 */
	KEEPER_DOZE,
	/* -- may not: the effect would come twice -- */
	KEEPER_CREATE, /* name, str special use -> said, struct store_mailbox */
	KEEPER_DELETE, /* name -> said */
	KEEPER_RENAME, /* name, name -> said */
	/*
	 * struct ask_append, n x struct ask_message (none: whether what is coming may) -> said, u32 uidvalidity, u32 first uid
	 */
	KEEPER_APPEND,
	KEEPER_COPY, /* struct ask_copy -> said, u32 uidvalidity, set from, set to */
	/* name, str identifier, u8 enum store_acl_how, u16 enum right, u32 uid (rights.h) -> said */
	KEEPER_SET_ACL,
	KEEPER_ADOPT, /* name, u32 uidvalidity, u32 uidnext, u32 reserved -> said */
	/* -- may be asked again -- */
	/*
	 * u64 since, u8 is_now -> said, u8 is_now, u64 now, u8 is_whole, n x (u32 id, u8 is_there, struct store_mailbox),
	 * u8 has_names, names to the end; when anything changed, or at once.  On a channel of its
	 * own; the one before it that was not answered yet is not any more
	 */
	KEEPER_FEED,
	KEEPER_PEEK, /* name -> as SELECT, and none is selected */
	/* name, u8 enum store_url_key_do -> said, str key ("": there is none) */
	KEEPER_URL_KEY,
	/*
	 * u32 from which uid -> said, n x (u32 uid, u32 uid that it had, str name of its mailbox): a
	 * page of them, none when there are no more
	 */
	KEEPER_KEPT,
	/*
	 * u64 bytes, u64 messages: the account's (0: none), u64 when the session learnt it, in ms of
	 * the monotonic clock; no reply
	 */
	KEEPER_QUOTA,
	KEEPER_RECOUNT, /* -> said, u32 mailboxes whose counts were wrong */
	/*
	 * u64 number -> said, u8 is_there, u64 number, name, str special use, str script, what
	 * event_row_encode says: of the first event past it, which counts as tried once more
	 */
	KEEPER_EVENT,
	KEEPER_EVENT_DONE, /* u64 number, set: of its uids these are done; none: it was not tried -> said */
	/*
	 * u64 since (of FEED), u64 number of METADATA_CHANGES (0: none), u32 mailbox (0: none), u64
	 * modseq -> said, u8 is_past (then nothing else): the session ends, and is to be woken by
	 * index/wake.0, which goes at the next change of anything.  STORE_LATER: as of DOZE, or the
	 * next keeper would not know what changes of METADATA
	 */
	KEEPER_DOZE_ALL,
	KEEPER_ASKS
};

enum { ASK_HAS_EVENTS = 0x80 };

enum { ASK_BODY_MOST = BUF_MAX_DEFAULT }; /* bytes of a body in a memory file */

enum ask_renew_may {
	RENEW_MAY_DOZE = 1, /* most likely it sleeps again soon */
	/* what it tells of new mail need not be durable yet: no later answer of this keeper comes before it is */
	RENEW_MAY_BE_EARLY = 2,
};

struct ask_selected {
	int8_t
	    err; /* E_OK, E_BAD (no such mailbox), E_DENY, E_IO; the rest only at E_OK */
	uint32_t mailbox, uidvalidity, uidnext;
	uint64_t modseq, unseen;
	uint32_t n, recent_from;
	uint64_t mapped_bytes;
	uint32_t n_uidls; /* of the account */
	uint16_t rights;  /* enum right */
	/* of RENEW that may doze: the next change removes index/wake.MAILBOX, as after DOZE */
	bool is_dozed;
	bool is_early; /* of RENEW that may be: not all that it tells is durable yet */
};

struct ask_flags {
	uint32_t mailbox;
	struct numset uids;                       /* own */
	struct store_change change;               /* its keywords are the next field */
	struct span keywords[STORE_KEYWORDS_MAX]; /* borrow: the body */
};

/* Of those that are asked for. */
enum ask_expunge_of { EXPUNGE_ALL, EXPUNGE_DELETED, EXPUNGE_UNFLAGGED };

struct ask_copy {
	uint32_t mailbox;
	struct numset uids; /* own */
	struct span target; /* borrow: the body */
	bool is_move, leaves_flagged;
	uint64_t quota_bytes, quota_messages; /* 0: none */
};

struct ask_append {
	struct span target; /* borrow: the body */
	uint64_t quota_bytes, quota_messages;
	uint32_t replaced_mailbox, replaced_uid; /* REPLACE; 0: none */
	uint64_t coming_bytes;                   /* where n is 0: of what may come */
	uint16_t n, coming;
	bool is_copy; /* of a COPY or MOVE from another account */
};

struct ask_message {
	struct file_name file;
	uint32_t flags, uid;
	int64_t date_sec, saved_sec;
	size_t n_keywords;
	struct span keywords[STORE_KEYWORDS_MAX], uidl, cache; /* borrow: the body */
};

struct ask_item {
	uint32_t mailbox, uid;
	struct file_id id;
	struct span item; /* borrow: the body */
};

/* A row of the table of files. */
struct ask_file {
	struct file_name file;
	uint32_t references;
};

/*
 * From the first row on, from behind that id on, or (all of them) files that have no reference any
 * more and are about to go.
 */
enum ask_files_from { FILES_FIRST, FILES_AFTER, FILES_DOOMED };

enum { ASK_FILES_MOST = 100000 }; /* rows of one answer */

/* ---- asks.c: encode and decode, side by side.  get: E_OK, E_BAD ---- */
void ask_selected_put(struct buf *, const struct ask_selected *);
MUST_USE int ask_selected_get(struct rd *, struct ask_selected *out);
void ask_mailbox_put(struct buf *, const struct store_mailbox *);
MUST_USE int ask_mailbox_get(struct rd *, struct store_mailbox *out);
void ask_flags_put(
    struct buf *, uint32_t mailbox, const struct numset *, const struct store_change *);
MUST_USE int ask_flags_get(struct rd *, struct ask_flags *out);
void ask_copy_put(struct buf *, const struct ask_copy *);
MUST_USE int ask_copy_get(struct rd *, struct ask_copy *out);
void ask_append_put(struct buf *, const struct ask_append *);
MUST_USE int ask_append_get(struct rd *, struct ask_append *out);
void ask_message_put(struct buf *, const struct incoming *);
MUST_USE int ask_message_get(struct rd *, struct ask_message *out);
void ask_file_put(struct buf *, const struct ask_file *);
MUST_USE int ask_file_get(struct rd *, struct ask_file *out);
void ask_item_put(struct buf *, const struct ask_item *);
MUST_USE int ask_item_get(struct rd *, struct ask_item *out);

/* ---- large.c: a body in a memory file ---- */
int large_make(struct span body); /* own descriptor; -1: no memory */
/* E_OK, E_LIMIT (past out->max), E_IO */
MUST_USE int large_read(int fd, struct buf *out);

#endif
