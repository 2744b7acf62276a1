/* SPDX-License-Identifier: ISC */
/*
 * selected.h - the selected mailbox as this client knows it: sequence numbers of its own over the
 * shared view, and what it was told.  Nothing of the view reaches the client but through
 * selected_update and FETCH.
 */
#ifndef IMAPD_SELECTED_H
#define IMAPD_SELECTED_H

#include "store/store.h"

struct session;
struct context;
struct selected;

/* Who is told what changes, beside the client: selected_update calls it at the right moments. */
struct follower {
	/* ascending sequence numbers, some of which went: before EXPUNGE, at times twice */
	void (*gone)(struct session *, const uint32_t *seqs, size_t n);
	/* another view of the mailbox takes its place: before EXPUNGE */
	void (*lost)(struct session *, const struct store_view *);
	/* messages from this one on are new: after EXISTS */
	void (*came)(struct session *, uint32_t from);
	/* ascending; new ones, too: after all else */
	void (*changed)(struct session *, const uint32_t *seqs, size_t n);
	void (*free)(struct selected *);
};

/* A message whose flags the client was told by the command that runs. */
struct told {
	uint32_t index; /* in view.records */
	uint64_t modseq;
};

struct selected {
	struct store_view view;
	bool is_read_only; /* EXAMINE */
	bool has_recent;   /* \Recent is told: rev1 */
	/* own: sequence number - 1 -> index in view.records, ascending; NULL: the same number */
	uint32_t *at;
	uint32_t n, cap; /* messages the client knows of */
	/* records of the view looked at so far (all below were added, or were gone) */
	uint32_t n_seen;
	/* head->n_gone when the view was last searched for those that went */
	uint32_t n_gone_seen;
	/* head->n_changes when those that went, and flags, were last told */
	uint32_t gone_at, flags_at;
	uint64_t modseq; /* changes up to here were told */
	/* the highest of what went and is no message of the client's; may be past the head's */
	uint64_t gone_modseq;
	struct told *told; /* own: until the next update */
	size_t n_told, cap_told;
	uint32_t n_keywords_told; /* FLAGS was sent with so many */
	struct numset saved;      /* "$", as UIDs: RFC 5182 */
	/* own: searches that are kept up to date (context.h) */
	struct context *contexts;
	const struct follower *follower; /* borrow: static; NULL: nobody */
	/* n_changes and modseq up to which it was told */
	uint32_t followed_at;
	uint64_t followed_modseq;
};

/*
 * selected_deleted - uids of all that are \Deleted, also of what the client did not hear of yet.
 * E_OK, E_LIMIT
 */
MUST_USE int selected_deleted(const struct selected *, struct numset *uids);
/*
 * selected_open - SELECT or EXAMINE; the caller says the untagged data.  E_OK, E_BAD (no such
 * mailbox), E_IO
 */
MUST_USE int selected_open(struct session *, struct span name, bool is_examine);
void selected_close(struct session *); /* nothing is said */

/*
 * selected_peek - another mailbox as it is now, to be looked at while none or another one is
 * selected: what changes is not followed.  E_OK, E_BAD (no such mailbox), E_IO
 */
MUST_USE int selected_peek(struct session *, struct span name, struct selected *out);
void selected_unpeek(struct session *, struct selected *);

/* selected_follow - from now on; nothing, when it follows already */
void selected_follow(struct selected *, const struct follower *);

/*
 * selected_note_own - the command that runs made messages with these UIDs, in the mailbox with this
 * UIDVALIDITY: where it is selected, NOTIFY's FETCH leaves them out
 */
void selected_note_own(
    struct session *, uint32_t uidvalidity, uint32_t from, uint32_t to);

/* Records of sequence numbers; seq from 1 to n. */
const struct store_record *selected_record(const struct selected *, uint32_t seq);
/* selected_is_ghost - it went while the session slept: of its record there is no more than the uid */
bool selected_is_ghost(const struct store_record *);
/* selected_seq - of a uid; 0: the client knows no such message */
uint32_t selected_seq(const struct selected *, uint32_t uid);
/* selected_seq_from - the first sequence number whose uid is at least uid; n + 1: none */
uint32_t selected_seq_from(const struct selected *, uint32_t uid);

enum update {
	UPDATE_ALL, /* EXPUNGE (or VANISHED), EXISTS, FETCH */
	/* after FETCH, STORE, SEARCH by sequence number: RFC 9051 7.5.1 */
	UPDATE_NO_EXPUNGE,
	UPDATE_QUIET_FLAGS, /* as ALL without FETCH: nothing of ours */
};

/*
 * selected_update - tells what changed since the last time: EXPUNGE or VANISHED, EXISTS (RECENT in
 * rev1), FLAGS with new keywords, FETCH (FLAGS, with UID under QRESYNC or when is_uid, with MODSEQ
 * when CONDSTORE is on).  Reads memory only; asks the keeper only when the view was superseded.  A
 * mailbox that was removed ends the conversation.
 */
void selected_update(struct session *, enum update, bool is_uid);
/*
 * selected_told - the client was told this message's flags as of modseq: the next selected_update
 * leaves it out, unless its modseq is higher by then.  Ascending seq is cheapest
 */
void selected_told(struct selected *, uint32_t seq, uint64_t modseq);
/*
 * selected_enable_condstore - a CONDSTORE enabling command (RFC 7162 3.1) was seen; the first one,
 * with a mailbox selected, is answered "* OK [HIGHESTMODSEQ n]"
 */
void selected_enable_condstore(struct session *);
/* "(\Seen $Junk)" */
void selected_flags_put(
    struct buf *out, const struct selected *, const struct store_record *);
/*
 * selected_all_flags_put - every flag there is, of FLAGS; with may_be_new "\*" too, of
 * PERMANENTFLAGS
 */
void selected_all_flags_put(struct buf *out, const struct selected *, bool may_be_new);
/* For SELECT: "* n EXISTS" (and RECENT in rev1); "* FLAGS ..." with PERMANENTFLAGS */
void selected_size_put(struct session *);
void selected_keywords_put(struct session *);
/*
 * selected_tell_keywords - that again, when there are keywords that were not told: before a FETCH
 * that has them
 */
void selected_tell_keywords(struct session *);
/*
 * selected_changes_put - FETCH (UID FLAGS MODSEQ) of these uids whose mod-sequence is above modseq
 */
void selected_changes_put(struct session *, uint64_t modseq, const struct numset *uids);
bool selected_is_recent(const struct selected *, const struct store_record *);

#endif
