/* SPDX-License-Identifier: ISC */
/*
 * jobs.h - what a keeper does: jobs are gathered, make a step each in one transaction, one sync
 * makes it durable, views get it, and those that are done are answered (before the sync where all
 * may_be_early, and nobody is up).  One that is long makes many short steps, with others' between
 * them.
 */
#ifndef STORE_JOBS_H
#define STORE_JOBS_H

#include "store/mailboxes.h"

enum {
	JOBS_BATCH_US = 8000, /* all steps of one batch together; then it is synced */
	JOBS_STEP_LEAST_US = 300,
	/* free on the disk, or nothing is changed: a batch logs less than that */
	JOBS_ROOM_BYTES = 2 << 20,
	JOBS_GROWING_ROOM_BYTES = 8 << 20, /* or nothing is added */
};

struct job_kind;

/* The head of each job's own struct. */
struct job {
	struct job *next;
	const struct job_kind *kind;
	struct session *session; /* borrow; NULL: it left, or nobody asked */
	struct buf body;         /* own: what was asked */
	uint16_t ask;
	bool is_held; /* its session is: acl_rights */
	/*
	 * of its step: what comes of it may be published before it is durable (jobs_settle).  Nobody is
	 * told more by it than that there is mail
	 */
	bool may_be_early;
	struct guest *guest; /* own; NULL: of the account itself */
	bool is_done;
	bool has_events; /* scripts are to run: job_event.h */
	enum store_said said;
};

struct job_kind {
	const char *name; /* in the log */
	bool is_alone;    /* a batch of its own: it changes names of mailboxes */
	bool is_reader;   /* changes nothing: a batch that fails is not its failure */
	/* needs room: refused some way before the disk is full, so that others can remove */
	bool is_growing;
	/*
	 * step - some work in the transaction, at least a little, while job_has_time; sets is_done
	 * (and said) at its end.  E_OK, or what makes the whole batch come to nothing
	 */
	int (*step)(struct job *);
	/* after a step: it is on disk, or may_be_early, and not told yet.  May be NULL */
	void (*synced)(struct job *);
	/* the batch came to nothing; said says why.  True: it goes on, to undo.  May be NULL */
	bool (*failed)(struct job *);
	/* behind u8 said.  May be NULL */
	void (*answer)(struct job *, struct buf *reply, int *fd);
	void (*free)(struct job *); /* what it holds.  May be NULL */
};

/* job_new - size of the own struct, zeroed; body copied */
void *job_new(size_t size, const struct job_kind *, struct session *, uint16_t ask,
    struct span body);
void job_drop(struct job *);      /* one that was not added */
void job_add(struct job *);       /* takes it */
void job_add_first(struct job *); /* before all that wait; takes it */
/*
 * job_become - the rest of j is done and answered by other (which gets its session); j is then done
 * without an answer
 */
void job_become(struct job *j, struct job *other);
struct db_txn *job_txn(void); /* of the batch; borrow */
bool job_has_time(void);      /* of this step */
bool jobs_have_room(void);    /* the batch found room on the disk to grow */
/* change_add - for the view of slot, once it is synced */
void change_add(struct slot *, enum change_kind, const struct store_record *);
void jobs_run(void); /* one batch, if there is anything to do */
/*
 * jobs_settle - all that was published is durable: the sync that is owed where a batch was early.  Blocks for
 * it.  E_OK; E_IO: it may be lost, also whenever it is asked again; the keeper is ending
 */
MUST_USE int jobs_settle(void);
bool jobs_are_early(void); /* it is owed */
bool jobs_none(void);
void jobs_forget(void); /* at the keeper's end: what still waits is dropped */

/* ---- what may be asked: handlers of the rows in sessions.c ---- */
/* job_flags.c, ... */
ask_handler ask_flags, ask_copy, ask_expunge, ask_append, ask_cache;
/* job_mailbox.c */
ask_handler ask_create, ask_delete, ask_rename, ask_subscribe, ask_adopt;
ask_handler ask_kept;    /* kept.c */
ask_handler ask_quota;   /* quota.c */
ask_handler ask_recount; /* job_recount.c */
/* job_read.c */
ask_handler ask_select, ask_renew, ask_peek, ask_feed, ask_sync, ask_doze, ask_mailbox,
    ask_mailboxes, ask_subscriptions;
ask_handler ask_expunged, ask_usage, ask_uidls, ask_files, ask_leave;
ask_handler ask_limits;  /* limits.c */
ask_handler ask_url_key; /* job_url_key.c */

/* job_acl.c */
ask_handler ask_acl, ask_set_acl, ask_hold, ask_granted;
/* acl_rights - enum right: of who asks; a session that is not held has all, a guest what he was given */
unsigned acl_rights(const struct job *, uint32_t mailbox);
/* acl_refusal - STORE_NO_RIGHT; to a guest who may not look it up it does not exist */
enum store_said acl_refusal(const struct job *, const struct slot *);
/*
 * acl_tell - the mailbox as who asks may know it; what a guest has not seen is counted, over all
 * records, where is_counted
 */
void acl_tell(const struct job *, const struct slot *, bool is_counted,
    struct store_mailbox *out);
/* session_rights - the same for what is answered at once.  session_may - of a guest; others, all */
unsigned session_rights(const struct session *, uint32_t mailbox);
bool session_may(const struct session *, const struct slot *, unsigned rights);
/* acl_hides - from a guest, who may not look it up */
bool acl_hides(const struct job *, const struct slot *);
/* acl_may - all of these.  acl_has - all of these, and any of those; without a slot both */
bool acl_may(const struct job *, const struct slot *, unsigned rights);
bool acl_has(const struct job *, const struct slot *, unsigned all, unsigned any);
uint32_t acl_flags(unsigned rights); /* enum store_flag: those that may be changed */
/* slot_parent - the nearest mailbox above that name; NULL */
struct slot *slot_parent(struct span name);
/* acl_inherit - RFC 4314 4: a new one has the rows of the one above it (NULL: there is none) */
MUST_USE int acl_inherit(const struct slot *from, const struct slot *to);

/* job_event.c */
ask_handler ask_event, ask_event_done;

/* job_guest.c */
ask_handler ask_guest, ask_file;

/* job_metadata.c */
ask_handler ask_annotations, ask_metadata, ask_set_metadata;

/* ---- job_told.c ---- */
ask_handler ask_metadata_changes;
/* metadata_changes_now - a number that grows with each change of METADATA; never 0 */
uint64_t metadata_changes_now(void);
/*
 * metadata_notes_begin - of a step that changes METADATA.  Each change is noted; all of them
 * are kept before the commit (where a keeper is killed the next one may tell of a change that
 * never was, which does no harm: none is lost), and published once they are on disk.
 */
void metadata_notes_begin(void);
/* metadata_note - this entry (of the account: mailbox 0) is changed by this session, or by none */
void metadata_note(uint32_t mailbox, struct span entry, const struct session *by);
void metadata_notes_keep(void); /* fails: logged */
void metadata_notes_publish(void);
/* metadata_keep - from now on the next keeper knows what changed.  E_OK, E_IO (it cannot be) */
MUST_USE int metadata_keep(void);
void metadata_changes_load(void); /* what the one before left */

/* ---- job_feed.c ---- */
/* feed_note - something of a mailbox changes: its number */
uint64_t feed_note(void);
/* feed_is_past - something was noted since that number, or nobody knows */
bool feed_is_past(uint64_t since);
/* feed_session - answers it if it waits for what there is by now */
void feed_session(struct session *);

/*
 * purge_begin - what is left of a mailbox that was removed goes, once however often it is said:
 * job_purge.c
 */
void purge_begin(uint32_t mailbox);
/*
 * copies_undo - jobs for what a keeper that died in a COPY left: to be run before anybody is served
 */
MUST_USE int copies_undo(void);
bool copies_are_undone(void);
/* move_all - a job that moves all of a mailbox: RENAME of INBOX */
struct job *move_all(uint32_t from, uint32_t to);

/* ---- helper.c: cache items made in the background, where store_items_made_by said how ---- */
/* helper_want - the mailbox has messages without; soon, when nobody asks anything */
void helper_want(struct slot *);
void helper_want_all(void);
bool helper_waits(void); /* it is at work, or will be */

/* ---- job_cache.c: the keeper's side of cache.GEN (cache_file.h) ---- */
void job_cache_open(void);
void cache_close(void);
bool cache_was_there(void);        /* at the start, and with items */
bool cache_is_there(uint32_t gen); /* the file that has items of it */
/* cache_add - appended.  gen and at become its place; 0: there is none for it */
void cache_add(struct file_id, struct span item, uint32_t *gen, uint32_t *at);
/* its file goes when all items have been moved: who copies a record leaves the item */
bool cache_is_going(uint32_t gen);
void cache_dead(uint32_t gen, uint32_t at); /* nobody refers to it any more */
void cache_upkeep(void); /* a new generation when most of it is dead */

#endif
