/* SPDX-License-Identifier: ISC */
/*
 * store.h - a mailbox account, as a session sees it.  The process has the uid of the account's
 * mailbox and is jailed to its directory; one store a process.  What changes goes through the
 * account's keeper (keeper.h), which is started when there is none.  An ask that may be repeated
 * without harm is asked again once when the keeper died; one that may not (append, copy, move,
 * create, rename) answers STORE_LATER then.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdatomic.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/id.h"
#include "conf/event.h"
#include "store/numset.h"
#include "store/rights.h"

struct conf;
struct jail;
struct store;

enum {
	STORE_WAIT_MS = 30000, /* most a call waits for the keeper */
	STORE_NAME_MAX = 255,  /* octets of a mailbox name, UTF-8 */
	STORE_DEPTH_MAX = 32,  /* levels of a mailbox name */
	STORE_MAILBOXES_MAX = 10000,
	STORE_KEYWORDS_MAX = 64,      /* of a mailbox */
	STORE_KEYWORD_MAX = 100,      /* octets of one */
	STORE_CACHE_ITEM_MAX = 65535, /* bytes */
	STORE_APPENDS_MOST = 1000,    /* messages of one MULTIAPPEND */
	STORE_UIDL_MAX = 70,          /* RFC 1939 7 */
};

enum store_flag {
	FLAG_SEEN = 1,
	FLAG_ANSWERED = 2,
	FLAG_FLAGGED = 4,
	FLAG_DELETED = 8,
	FLAG_DRAFT = 16,
	FLAGS_ALL = 31,
	FLAG_GONE = 1 << 30, /* in a view: expunged; its modseq is the expunge's */
};

/* What a change came to.  imapd/respond.c says it to clients. */
enum store_said {
	STORE_DONE = 0,
	STORE_NONEXISTENT, /* no such mailbox */
	STORE_EXISTS,      /* there is one of that name */
	STORE_IS_INBOX,    /* INBOX is neither made nor removed */
	/* what was expunged is there: nothing else comes, and it is neither renamed nor removed */
	STORE_IS_KEPT,
	/* empty level, too long, too deep, control characters, bad UTF-8, "." or ".." as a level */
	STORE_BAD_NAME,
	STORE_TOO_MANY, /* mailboxes, keywords, or uids past 2^32 */
	STORE_OVER_QUOTA,
	STORE_DISK_FULL,
	STORE_NO_RIGHT, /* RFC 4314: the user may not */
	STORE_GONE,     /* the message that was to be replaced is no more */
	STORE_LATER,    /* the keeper or its index is in trouble, logged */
};

/*
 * One message of a mailbox, as it stands in the view.  flags, keywords, modseq and cache_* change
 * under a reader.
 */
struct store_record {
	uint32_t uid;
	_Atomic uint32_t flags;    /* enum store_flag */
	_Atomic uint64_t keywords; /* a bit each, of the view's table */
	_Atomic uint64_t modseq;
	uint64_t size_bytes;
	int64_t date_sec;           /* INTERNALDATE */
	int64_t saved_sec;          /* SAVEDATE */
	struct file_id id;          /* EMAILID, UIDL */
	_Atomic uint32_t cache_gen; /* file cache.GEN; 0: there is no item */
	_Atomic uint32_t cache_at;  /* in it, in units of 16 bytes */
};

enum { VIEW_CHANGES = 256 };

/*
 * The head of a view's memory file; records follow at VIEW_RECORDS_AT, in order of uid.  Written by
 * the keeper alone, after its sync: what is read here is durable (where store_reselect is for news:
 * after store_settle).  Records are only appended or marked FLAG_GONE; when a file is full or has many
 * that are gone the keeper makes another one, and marks this one superseded.
 */
struct view_head {
	_Atomic uint32_t n; /* records, the gone ones too */
	_Atomic uint32_t is_superseded;
	_Atomic uint64_t modseq; /* highest; written after what it covers */
	_Atomic uint32_t uidnext;
	_Atomic uint32_t n_gone;     /* of n */
	_Atomic uint32_t is_deleted; /* the mailbox was removed */
	/* or it got another UIDVALIDITY (import), since this file was made */
	_Atomic uint32_t is_renamed;
	_Atomic uint32_t unseen;     /* not \Seen, as of modseq */
	uint32_t is_kept;            /* it has what was expunged: store_kept */
	_Atomic uint32_t n_keywords; /* never shrinks */
	char keywords[STORE_KEYWORDS_MAX][STORE_KEYWORD_MAX + 4]; /* NUL-terminated */
	/*
	 * So that who follows a large mailbox need not look through it: the k-th change (of flags,
	 * or an expunge) was of record changed[k % VIEW_CHANGES]; the last VIEW_CHANGES - 1 are
	 * there, also while they are read: look at n_changes again.  What n_gone counts is among
	 * them already.
	 */
	_Atomic uint32_t n_changes;
	_Atomic uint32_t changed[VIEW_CHANGES];
};

enum { VIEW_RECORDS_AT = 8192 };

_Static_assert(sizeof(struct view_head) <= VIEW_RECORDS_AT, "head of a view");

/* A mailbox that is selected.  One at a time a session. */
struct store_view {
	uint32_t mailbox; /* id: the same for ever, through RENAME */
	uint32_t uidvalidity;
	uint32_t uidnext; /* at SELECT */
	uint64_t modseq;  /* at SELECT */
	uint32_t n;       /* records at SELECT, the gone ones too */
	uint64_t unseen;  /* at SELECT */
	/* uids from here on are \Recent in this session (RFC 3501 2.3.2); UINT32_MAX: none */
	uint32_t recent_from;
	uint16_t rights;                    /* enum right, at SELECT */
	const struct view_head *head;       /* borrow: the mapping; read-only */
	const struct store_record *records; /* borrow: the mapping */
	size_t mapped_bytes;
};

struct store_mailbox {
	uint32_t id, uidvalidity, uidnext;
	uint64_t modseq;
	/* deleted: have \Deleted (STATUS DELETED) */
	uint64_t messages, unseen, deleted;
	uint64_t deleted_bytes; /* of those: STATUS DELETED-STORAGE, RFC 9208 */
	uint64_t recent;        /* shown to no session yet (RFC 3501 STATUS RECENT) */
	uint64_t bytes;         /* STATUS SIZE: RFC 8438 */
	char name[STORE_NAME_MAX + 1]; /* UTF-8; "INBOX" in capitals */
	char special_use[16];          /* "\\Sent"; "" none */
	bool is_subscribed;
	bool
	    is_kept; /* it has what was expunged: flags stay, but \Deleted; store_kept */
	uint16_t rights; /* enum right: what this session may do */
};

/* ---- the account ---- */
/* store_jail - what a process that opens a store needs, beside read and write below home */
void store_jail(struct jail *);
/*
 * store_create - home (0710) gets its folders, index and first mailboxes; as the mailbox's uid, in
 * its jail.  E_OK, E_IO (logged)
 */
MUST_USE int store_create(const char *home);
/* store_prepare - once, before processes are forked that open a store: their keepers start sooner */
void store_prepare(void);
/* store_open - home becomes the working directory; after store_configure.  E_OK, E_IO (logged) */
MUST_USE int store_open(const char *home, struct store **out);
void store_close(struct store **);

/*
 * store_guest - mailboxes of another account, as far as its keeper lets this one (RFC 4314).  connect
 * gets a channel on which the keeper knows who this is (door.h).  What is asked is: mailboxes,
 * select, watch, flags, copy within it, expunge, create, delete, messages' files, rights.  There is
 * nothing of usage, quota, METADATA, cache items, feed, peek, sleep; new messages go by
 * store_deposit.  own
 */
typedef int store_connect_fn(
    void *ctx, int *out); /* E_OK, E_BAD (there is none), E_IO */
struct store *store_guest(store_connect_fn *, void *ctx);
/* store_reach - its keeper is there; what connect said */
MUST_USE int store_reach(struct store *);

/*
 * store_keeper - this process, in the jail of an account, becomes its keeper, if there is none.  first:
 * own, who asks it first, as keeper_run has it.  Returns where it is not wanted
 */
void store_keeper(const char *home, int first);
/* store_given - a channel to the keeper, own: a store that has none yet uses it */
void store_given(struct store *, int chan);
/*
 * store_end_guests - whoever of other accounts is in is asked out: the keeper, if one lives or is just
 * starting, ends.  In a process of the account.  E_OK (also where there is no mailbox), E_IO (logged)
 */
MUST_USE int store_end_guests(const char *home);

/* What a rebuild came to. */
struct store_rebuilt {
	uint64_t from_dump;    /* messages that dump and files know */
	uint64_t found;        /* files that the dump did not know: new in INBOX */
	uint64_t without_file; /* messages of the dump whose file is gone */
	char aside[64]; /* where the old index is, below home; "": there was none */
};

/*
 * store_rebuild - the account's keeper is ended, its index put aside and made anew.  As the
 * mailbox's uid, in its jail; blocks while the keeper is at work, else STORE_WAIT_MS (at_work.h).  Loses no
 * message and gives no uid twice.
 *   returns  E_OK, E_LIMIT (the keeper does not end), E_IO (logged)
 */
MUST_USE int store_rebuild(const char *home, struct store_rebuilt *out);

enum { STORE_LEVELS_MOST = 16, STORE_ADDRESS_MAX = 320 };

struct store_quota_rules {
	/* what fills an account may pass its limit by so much: APPEND, COPY */
	uint64_t grace_bytes;
	/* percent of a quota, 1 to 100: a mail comes into INBOX when one is reached */
	unsigned levels[STORE_LEVELS_MOST];
	size_t n_levels;
	char to[STORE_ADDRESS_MAX + 1]; /* the account's address, for these mails */
};

/*
 * store_quota_rules - as store_keep: in each process that may start a keeper.  store_configure -
 * both of them, as the configuration says; address NULL: nobody is warned
 */
void store_quota_rules(const struct store_quota_rules *);
void store_configure(const struct conf *, const char *address);
/* store_quota_room - bytes that may come, the grace among them */
uint64_t store_quota_room(uint64_t limit, uint64_t used);
/*
 * store_recount - counts and sums are made anew from the records.
 *   changed  mailboxes whose counts were wrong
 *   returns  E_OK, E_IO (logged)
 */
MUST_USE int store_recount(struct store *, uint32_t *changed);
/*
 * store_limit - the account's quota, for append and copy; 0: none.  The keeper is told, for its
 * warnings.
 *   at_ms  clock_mono_ms() of when it was so: who learnt it later is believed
 */
void store_limit(struct store *, uint64_t bytes, uint64_t messages, int64_t at_ms);
/*
 * store_usage - what is used now, all mailboxes; a message in two of them counts twice, as RFC 9208
 * does not say.  E_OK, E_IO
 */
MUST_USE int store_usage(struct store *, uint64_t *bytes, uint64_t *messages);
/*
 * store_limit_own - limits that the user sets for himself (RFC 9208 4.1.3); 0: none.  They hold
 * beside the account's, for everything that comes.  Durable at STORE_DONE
 */
enum store_said store_limit_own(struct store *, uint64_t bytes, uint64_t messages);
/* store_quota - the limits that hold: both of the above, as of the last store_usage; 0: none */
void store_quota(const struct store *, uint64_t *bytes, uint64_t *messages);

/* ---- mailboxes: names are UTF-8, levels end in '/'; INBOX in any case ---- */
/* mailbox_name_check - what CREATE and RENAME accept; STORE_DONE, STORE_BAD_NAME.  Pure */
enum store_said mailbox_name_check(struct span name);
/*
 * store_mailboxes - calls fn with each, in order of the bytes of its name; takes in what is new
 * first (INBOX's numbers).  Of another's, unseen is told by store_mailbox alone.  E_OK, E_IO, or what
 * fn returned, which ends it
 */
MUST_USE int store_mailboxes(
    struct store *, int (*fn)(void *ctx, const struct store_mailbox *), void *ctx);
/*
 * store_subscriptions - each subscribed name, also of mailboxes that are no more (RFC 9051 6.3.7)
 */
MUST_USE int store_subscriptions(
    struct store *, int (*fn)(void *ctx, struct span name), void *ctx);
/* E_OK, E_BAD (none), E_IO */
MUST_USE int store_mailbox(struct store *, struct span name, struct store_mailbox *out);
/*
 * Durable at STORE_DONE.  create makes missing superiors too; another mailbox loses the special use
 * (NULL: none; of a guest: STORE_NO_RIGHT); out may be NULL.  delete keeps inferiors.  rename takes
 * inferiors along, makes missing superiors of the new name; of INBOX it moves the messages only
 * (RFC 9051 6.3.6).
 */
enum store_said store_mailbox_create(struct store *, struct span name,
    const char *special_use, struct store_mailbox *out);
enum store_said store_mailbox_delete(struct store *, struct span name);
enum store_said store_mailbox_rename(struct store *, struct span from, struct span to);
enum store_said store_subscribe(struct store *, struct span name, bool is_subscribed);

/*
 * ---- access keys of mailboxes: RFC 4467.  Who has the key can make URLs that give access to the
 * mailbox's messages (urlauth.h), and look whether one is of it ----
 */
enum { STORE_URL_KEY_BYTES = 32 /* random ones */ };

enum store_url_key_do {
	URL_KEY_GET,
	URL_KEY_MAKE,  /* where there is none yet */
	URL_KEY_RENEW, /* what was made with the one before is void */
	URL_KEY_DROP,  /* of all mailboxes: name is "" */
};

/*
 * store_url_key - durable at STORE_DONE.
 *   out      borrow: until the next ask; "": there is none (GET, DROP)
 *   returns  also STORE_NONEXISTENT
 */
enum store_said store_url_key(
    struct store *, struct span mailbox, enum store_url_key_do, struct span *out);

/*
 * ---- rights: RFC 4314.  A session that is held does what its user may; others (mail that comes,
 * POP3, an import) do what they like ----
 */
enum store_acl_how { ACL_SET, ACL_ADD, ACL_REMOVE, ACL_DELETE };

void store_hold(struct store *);
/*
 * store_acl - calls fn with each entry, and whose it is (rights.h); the owner's is always there.
 * STORE_NONEXISTENT, STORE_NO_RIGHT, STORE_LATER
 */
enum store_said store_acl(struct store *, struct span mailbox,
    void (*fn)(void *ctx, struct span identifier, unsigned rights, uint32_t uid),
    void *ctx);
/*
 * store_acl_set - identifier as identifier_put has it; uid: of the account that has the address, for an
 * entry of one.  What another account was given there counts as none.  STORE_NONEXISTENT,
 * STORE_NO_RIGHT, STORE_TOO_MANY (ACL_ENTRIES_MOST)
 */
enum store_said store_acl_set(struct store *, struct span mailbox,
    struct span identifier, enum store_acl_how, unsigned rights, uint32_t uid);

/* ---- a mailbox ---- */
/*
 * store_select - takes in what is new, then the view.  is_examine: \Recent stays for the next.
 * E_OK, E_BAD (no such mailbox), E_DENY (no right), E_IO
 */
MUST_USE int store_select(
    struct store *, struct span mailbox, bool is_examine, struct store_view *out);
void store_unselect(struct store *, struct store_view *);
/*
 * store_unselect_later - the same, but the keeper is told with the next ask, or by
 * store_unselect_now: to a store_select of the same mailbox until then the view is the answer,
 * without an ask.  What came after this moment is \Recent again, for whoever selects it next.
 * INBOX, EXAMINE, and what another session is shown as \Recent: as store_unselect.
 */
void store_unselect_later(struct store *, struct store_view *);
bool store_is_unselecting(const struct store *); /* there is something to tell */
void store_unselect_now(struct store *);
/*
 * store_peek - a view of a mailbox as it is now, beside the one that is selected: the keeper may
 * soon write another one.  recent_from is UINT32_MAX.  Takes in what is new first.  E_OK, E_BAD (no
 * such mailbox), E_IO
 */
MUST_USE int store_peek(struct store *, struct span mailbox, struct store_view *out);
void store_unpeek(struct store *, struct store_view *);
/*
 * store_view_renew - when head->is_superseded: another mapping of the same mailbox; was stays
 * mapped until it is unselected.  Match records by uid: one that was not gone in was and is not in
 * out has gone meanwhile.  recent_from stays.  Also after the keeper died: the store marks the view
 * superseded when it notices, at the next call.
 *   returns  E_OK, E_BAD (the mailbox is no more), E_IO
 */
MUST_USE int store_view_renew(
    struct store *, struct store_view *, struct store_view *out);
/* store_records_before - how many of them (in order of uid) are below uid */
uint32_t store_records_before(const struct store_record *, uint32_t n, uint32_t uid);
/* store_record_of - of a uid; NULL: none.  A gone one is found too */
const struct store_record *store_record_of(const struct store_view *, uint32_t uid);
/* store_sync - takes in what lies in new/ now: NOOP, CHECK.  E_OK, E_IO */
MUST_USE int store_sync(struct store *);
/*
 * store_watch - out becomes a descriptor (borrow) that is readable once the mailbox's modseq is
 * past modseq, or the mailbox is deleted, or the keeper died (then watch again).  For IDLE.  One at
 * a time; store_watch_end drops it, and what store_reselect watches for a sleep that did not come.
 * Without a view: only for METADATA.
 */
/* E_OK, E_IO */
MUST_USE int store_watch(
    struct store *, const struct store_view *, uint64_t modseq, int *out);
void store_watch_end(struct store *);

/* What the feed says: where a number is too old, all of it. */
struct store_feed {
	bool is_now;   /* it was asked for at once */
	uint64_t now;  /* ask from here on */
	bool is_whole; /* mailboxes that had no row are no more */
	bool has_names;
};

struct store_feed_to {
	/* a mailbox that changed, or is new; m is NULL: it was removed */
	int (*row)(void *ctx, uint32_t id, const struct store_mailbox *m);
	/* where has_names: each subscribed name of no mailbox */
	int (*name)(void *ctx, struct span name);
	void *ctx;
};

/*
 * store_feed - asks what changes in any mailbox from number since on (0: what there is):
 * numbers, names, subscriptions.  out becomes a descriptor (borrow) that is readable once
 * store_feed_read has something.  For NOTIFY.  One at a time, until it is read; but is_now may
 * be asked behind one that is not read yet, and is answered at once and as such.
 * store_feed_end drops it.  Costs nothing while nothing changes; what changed often is told
 * once.  E_OK, E_IO
 */
MUST_USE int store_feed(struct store *, uint64_t since, bool is_now, int *out);
/* store_feed_read - E_OK, E_MORE (nothing yet), E_IO (the keeper died: ask again) */
MUST_USE int store_feed_read(
    struct store *, const struct store_feed_to *, struct store_feed *out);
void store_feed_end(struct store *);

/*
 * store_doze - out becomes a descriptor that is readable once this mailbox was changed after modseq,
 * or is no more; it needs no keeper, and goes on when this process ended.  The mailbox is left to
 * itself, which lets the keeper leave.
 *   out      borrow: until the next store_doze or store_doze_all.  An inotify whose watches are 1 and
 *            2, or 1 alone; E_OK alone
 *   is_same  it is that of the call before, which served as well: the keeper was not asked
 *   returns  E_OK; E_MORE (something changed already: look); E_IO (there is no inotify left for
 *            this uid, no keeper, or mail lies there that cannot be taken in now)
 */
MUST_USE int store_doze(struct store *, const struct store_view *, uint64_t modseq,
    int *out, bool *is_same);
/*
 * store_doze_all - the same, once anything of the account changed that the feed (since) tells, or
 * METADATA where that is asked for; and that mailbox after modseq (NULL: none is selected).  since
 * STORE_NO_FEED: whatever the feed tells wakes it too, but nothing has been missed of it
 */
#define STORE_NO_FEED UINT64_MAX
MUST_USE int store_doze_all(struct store *, const struct store_view *, uint64_t modseq,
    uint64_t since, int *out);
/* store_doze_end - the next one is not the same; is_ours: nobody sleeps by the last one, whose watches end */
void store_doze_end(struct store *, bool is_ours);
/*
 * store_reselect - the view of a mailbox that another process had selected, or one that slept in
 * this process, where store_unselect_later was its end: by its id, as store_view_renew has it.
 *   is_for_news  who slept is told how many messages there are, and most likely sleeps again.  Of
 *                messages that came the view then knows some time before their rows are durable; nothing
 *                else of them may be said, nor anything done, before store_settle
 *   returns      E_OK, E_BAD (it is no more), E_IO
 */
MUST_USE int store_reselect(struct store *, uint32_t mailbox, uint32_t recent_from,
    bool is_for_news, struct store_view *out);
/* store_settle - all that the view says is durable; blocks for it where it was not.  E_OK, E_IO */
MUST_USE int store_settle(struct store *);

/* ---- changes: all durable at STORE_DONE.  uids that are no more are left out silently ---- */
enum store_how { STORE_SET, STORE_ADD, STORE_REMOVE };

struct store_change {
	enum store_how how;
	uint32_t flags;
	/*
	 * borrow: names; made in the mailbox's table where missing (STORE_TOO_MANY: none of it
	 * done)
	 */
	const struct span *keywords;
	size_t n_keywords;
	bool has_unchanged_since; /* RFC 7162 3.1.3 */
	uint64_t unchanged_since;
};
/*
 * store_flags - modified (may be NULL): uids that failed unchanged_since.  The view has the new
 * flags afterwards.
 */
enum store_said store_flags(struct store *, uint32_t mailbox, const struct numset *uids,
    const struct store_change *, struct numset *modified);

/*
 * What COPY and MOVE came to, in order: the k-th number of from became the k-th of to (RFC 4315 3).
 */
struct store_copied {
	uint32_t uidvalidity;   /* of the target */
	struct numset from, to; /* own */
};
/*
 * COPY: all or none; what a keeper that died had copied is undone by the next one, unless it was
 * all.  A MOVE that fails midway leaves what it moved in out; each message is in one of the two
 * mailboxes at any time.  Keywords past the target's STORE_KEYWORDS_MAX are left out.  Rows only:
 * bytes are not copied.  out is freed by numset_free, at any result.
 */
enum store_said store_copy(struct store *, uint32_t mailbox, const struct numset *uids,
    struct span target, bool is_move, struct store_copied *out);
/*
 * store_move_unflagged - a MOVE of those that are not \Flagged when it is their turn, whatever the view
 * said before
 */
enum store_said store_move_unflagged(struct store *, uint32_t mailbox,
    const struct numset *uids, struct span target, struct store_copied *out);
/* store_expunge - these uids go, of them only those that have \Deleted when only_deleted */
enum store_said store_expunge(
    struct store *, uint32_t mailbox, const struct numset *uids, bool only_deleted);
/*
 * store_expunge_unflagged - the same of those that are not \Flagged then.  How many went, and their
 * bytes, are those of the keeper that answered
 */
enum store_said store_expunge_unflagged(struct store *, uint32_t mailbox,
    const struct numset *uids, uint64_t *messages, uint64_t *bytes);
/*
 * store_expunged - uids that went after modseq (QRESYNC).  E_OK, E_BAD (no such mailbox), E_LIMIT
 * (not known so far back), E_IO
 */
MUST_USE int store_expunged(
    struct store *, uint32_t mailbox, uint64_t modseq, struct numset *out);

/*
 * ---- events of IMAP: RFC 6785.  What a session that is held, or a guest, appends, copies or flags is
 * noted with it, where a script is there for it; who runs scripts takes one event after another ----
 */
/*
 * store_events_as - as store_keep: in each process that may start a keeper.
 *   rules  borrow: conf/event.h.  store_configure says them
 */
void store_events_as(bool is_on, const char *const *rules, size_t n);
/* store_take_events - since the last call there was one, or some wait since before */
bool store_take_events(struct store *);
/* store_note_events - there may have been one: of a deposit, whose store is elsewhere */
void store_note_events(struct store *);

struct store_event {
	uint64_t number;
	enum event_cause cause;
	unsigned tries;   /* 1: it was never given out before */
	uint64_t at_us;   /* with number, and its account, unique */
	uint32_t mailbox; /* id */
	/* borrow: arena.  script: a name, as the METADATA of now say it; "": none */
	struct span mailbox_name, special_use, script;
	struct span who;            /* a guest; "": the account itself */
	struct span from, from_use; /* of COPY: where it was; the special use of that */
	uint32_t flags;             /* of FLAG: those that changed */
	struct span keywords[STORE_KEYWORDS_MAX];
	size_t n_keywords;
	struct numset uids; /* own; some may be no more */
};

/*
 * store_event_take - the first whose number is past after.  It stays until all of its uids are done.
 * E_OK, E_BAD (there is none), E_IO.  numset_free(&out->uids) at any result
 */
MUST_USE int store_event_take(
    struct store *, uint64_t after, struct arena *, struct store_event *out);
/* store_event_done - of these uids; without any it counts as never tried.  Durable at STORE_DONE */
enum store_said store_event_done(
    struct store *, uint64_t number, const struct numset *uids);

/* ---- bytes ---- */
/*
 * store_message_open - the message's file, for reading; out is the caller's.  Where it is not found
 * the keeper is asked whether it moves: what was borrowed of an answer is gone then, and it blocks for
 * as long as an ask.  E_OK, E_BAD (it is gone), E_IO
 */
MUST_USE int store_message_open(struct store *, const struct store_record *, int *out);
/*
 * store_message_read - the same, its bytes in out (emptied first).  Cheaper than a mapping for what
 * is small.
 *   returns  also E_LIMIT (larger than out may be: nothing is read)
 */
MUST_USE int store_message_read(
    struct store *, const struct store_record *, struct buf *out);
/* store_message_map - the same, mapped; unmap with store_message_unmap.  As above */
MUST_USE int store_message_map(
    struct store *, const struct store_record *, struct span *out);
void store_message_unmap(struct span *);
/*
 * store_cache - the message's cache item, or empty; borrow: until store_unselect (files stay
 * mapped).  Checked: length, id and, once while it is mapped, its sum; what it holds is the
 * caller's (mime/cache.h)
 */
struct span store_cache(struct store *, const struct store_record *);
/*
 * store_cache_put - hands an item that was made to the keeper; gathered, sent in batches, no
 * answer: it may be lost
 */
void store_cache_put(struct store *, const struct store_view *,
    const struct store_record *, struct span item);
void store_cache_flush(struct store *);
/* store_cache_soon - it will be asked for: memory may begin to fetch it */
void store_cache_soon(const struct store *, const struct store_record *);
/* store_has_cache - there is an item, good or not: it is not read */
bool store_has_cache(struct store *, const struct store_record *);

/*
 * What sessions turned of the signatures of a mailbox, for searches (mime/slices.h): a file beside
 * the index that the session writes that missed it.  Its blocks are as they were written, or not:
 * they have sums.
 */
struct store_slices; /* one that is being written */
/* store_slices_map - of a mailbox, of its UIDVALIDITY.  E_OK (unmap it), E_BAD (there is none) */
MUST_USE int store_slices_map(
    struct store *, const struct store_view *, struct span *map);

/*
 * store_slices_check - what slices know a message by, beside its uid: a restored index may give that
 * again
 */
static inline uint32_t
store_slices_check(const struct store_record *r)
{
	uint32_t check;
	memcpy(&check, r->id.b, sizeof check);
	return check;
}

struct span store_slices_blocks(struct span map);
void store_slices_unmap(struct span *map);
/* store_slices_begin - NULL: not now (another session does, or the disk is nearly full) */
struct store_slices *store_slices_begin(struct store *, const struct store_view *);
void store_slices_add(struct store_slices *, struct span block);
void store_slices_end(struct store_slices **); /* what was added takes its place */
/*
 * store_items_made_by - how cache items are made of what comes without: a keeper that this process
 * starts forks a process for it now and then, which is to put those of the mailbox
 */
typedef void store_items_fn(struct store *, struct span mailbox);
void store_items_made_by(store_items_fn *);
/* store_uidl - the file's id, or what import brought.  RFC 1939: at most 70 characters */
void store_uidl(struct store *, const struct store_record *, struct buf *out);

#endif
