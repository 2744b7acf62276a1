/* SPDX-License-Identifier: ISC */
/*
 * mailboxes.h - the account's mailboxes in the keeper's memory, and their views.  A batch changes
 * what is "next"; what is "now" was synced, and only that is told.
 */
#ifndef STORE_MAILBOXES_H
#define STORE_MAILBOXES_H

#include "store/keeper.h"

struct slot {
	struct mailbox now, next;
	bool is_touched;  /* next is not now: it is written with the batch */
	bool is_new;      /* made in this batch: nobody finds it yet */
	bool is_removed;  /* in this batch: row and slot go */
	bool is_purged;   /* a job takes away what is left of it */
	bool wants_items; /* messages came without cache items: helper.c */
	bool is_hidden;  /* it has what was expunged, and no name leads to it: kept.h */
	char **keywords; /* own: next.n_keywords names */
	struct view *view;   /* own; NULL: nobody needs it */
	uint64_t changed_at; /* of the_keeper.change */
	/* borrow: who is shown what is \Recent; NULL: nobody has it selected for that */
	struct session *recent;
	bool is_dozed;             /* sessions sleep in it, and watch index/wake.ID */
	struct guest_view *guests; /* own; those who looked at it lately */
};

/* ---- mailboxes.c: what there is ---- */
MUST_USE int mailboxes_load(void); /* E_OK, E_BAD (there is no INBOX), E_IO */
void mailboxes_free(void);
struct slot *slot_of(uint32_t id); /* NULL: no such mailbox, or it was removed */
struct slot *slot_even_dead(uint32_t id);
struct slot *slot_find(struct span name); /* INBOX in any case; NULL */
/* slot_for_use - the first, by name, that is for this: "\\Junk" (RFC 6154); NULL */
struct slot *slot_for_use(const char *special_use);
/* mailboxes_first - index in by_name of the first name that is not below */
size_t mailboxes_first(struct span name);
bool subscription_has(struct span name);
void subscription_set(struct span name, bool is_subscribed); /* in memory */
MUST_USE int mailboxes_write(struct db_txn *);               /* all that was touched */
/* the largest numbers given out, with those of what was touched */
void mailboxes_floor(struct floor *out);
void mailboxes_publish(void); /* next becomes now */
void mailboxes_forget(void);  /* now stays: the batch came to nothing */

/* ---- slot.c: what a batch does to one ---- */
struct mailbox *slot_touch(struct slot *); /* its next; borrow */
/* slot_make - a mailbox of this batch.  NULL: no number is left for it */
struct slot *slot_make(struct span name, struct span special_use);
/* slot_takes_in - mail that lies in new/ may come to it */
bool slot_takes_in(const struct slot *);
/* slot_uid - for a message that brings none: in the batch.  The caller looked that there is one */
uint32_t slot_uid(struct slot *);
/* slot_uid_next - what slot_uid would give */
uint32_t slot_uid_next(const struct slot *);
/* slot_count - a message more (1) or less (-1), in the account's sum too */
void slot_count(struct slot *, const struct store_record *, int by);
void slot_tell(const struct slot *, struct store_mailbox *out); /* as it is now */

enum keywords_how {
	/* made in the batch where missing; no room: E_BAD, and none of them is made */
	KEYWORDS_ALL,
	KEYWORDS_THAT_FIT, /* those without room are left out */
	KEYWORDS_KNOWN,    /* none is made */
};

/* slot_keywords - bits of these names.  E_OK, E_BAD, or what makes the batch fail */
MUST_USE int slot_keywords(struct slot *, const struct span *names, size_t n,
    enum keywords_how, uint64_t *bits);

/* A mailbox's keyword bits that were looked up, and what they are in another. */
struct keyword_map {
	uint64_t mapped, bits[STORE_KEYWORDS_MAX];
};

/* keywords_map - those past the room of to are left out.  E_OK, or what makes the batch fail */
MUST_USE int keywords_map(struct keyword_map *, const struct slot *from,
    struct slot *to, uint64_t keywords, uint64_t *out);

/* ---- view.c: a mailbox's records in a memory file ---- */
struct view {
	int fd;                       /* own; sealed: nobody else writes */
	struct view_head *head;       /* own mapping */
	struct store_record *records; /* in it */
	uint32_t cap;
	unsigned n_selected;   /* sessions */
	int64_t idle_since_ms; /* nobody has it selected */
};

enum { VIEW_IDLE_MS = 60000 };

/* What a guest sees of a mailbox: all that the account does, but what he has seen is his own. */
struct guest_view {
	struct guest_view *next; /* own */
	struct guest *guest;     /* own */
	struct view *view;       /* own; NULL: he does not look at it now */
	struct numset seen;      /* own: uids; those that are no more may be in it */
	uint64_t modseq;         /* of its last change */
	uint64_t unseen;         /* messages of the view */
};

enum change_kind { CHANGE_ADD, CHANGE_SET, CHANGE_GONE };

/* made from what is now when it is not there */
MUST_USE int view_of(struct slot *, struct view **out);
size_t view_bytes(const struct view *);
void view_publish(struct slot *, enum change_kind, const struct store_record *);
void view_publish_head(struct slot *);   /* after its records */
void view_publish_rename(struct slot *); /* what it is selected by is not what it was */
/* messages with that uid or above */
uint64_t view_count_from(const struct view *, uint32_t uid);
void view_free(struct slot *); /* sessions that map it are told */
/* view_for - of what is now, with the guest's \Seen.  E_OK, E_IO */
MUST_USE int view_for(struct slot *, struct guest_view *);
void guest_view_end(struct guest_view *); /* its view, as view_free */
/* view_toggle_seen - of these uids, in the guest's view */
void view_toggle_seen(struct guest_view *, const struct numset *uids, uint64_t modseq);
/* view_supersede - sessions that map it ask again: what they may do has changed */
void view_supersede(struct slot *);
void views_drop_idle(int64_t now_ms);

/* ---- guest.c: guests, and what each has seen ---- */
enum {
	/* of all that guests of the account have seen: rows of annotations */
	SEEN_ACCOUNT_MAX = 4 << 20,
	/* of one of them, once half of that is taken */
	SEEN_GUEST_MAX = SEEN_ACCOUNT_MAX / 8,
};

/* guest_view_of - made, with what he has seen, where it is not there.  NULL: the table failed */
struct guest_view *guest_view_of(struct slot *, struct guest *);
/* guest_view - and its view.  E_OK, or what makes the ask fail */
MUST_USE int guest_view(struct slot *, struct guest *, struct view **out);
/* guest_unseen - messages of the mailbox that he has not seen */
uint64_t guest_unseen(const struct slot *, const struct guest *);
/*
 * guest_see - in the batch: these uids change between seen and not.  next becomes what he has seen
 * then: guest_saw takes it once it is on disk.  E_OK, E_LIMIT (too many ranges: nothing is written),
 * or what makes the batch fail
 */
MUST_USE int guest_see(const struct slot *, const struct guest_view *,
    const struct numset *toggled, uint64_t modseq, struct numset *next);
void guest_saw(struct guest_view *, const struct numset *toggled, uint64_t modseq,
    struct numset *next);
void guests_free(struct slot *);      /* all of them */
void guests_end_views(struct slot *); /* each asks again, and may be refused */
void guests_drop_idle(struct slot *, int64_t now_ms);

#endif
