/* SPDX-License-Identifier: ISC */
/*
 * search_slices.h - signatures that were turned (mime/slices.h), for searches of the selected
 * mailbox: which messages need a look, without one at each.  What a search missed of them is made
 * after its answer.
 */
#ifndef IMAPD_SEARCH_SLICES_H
#define IMAPD_SEARCH_SLICES_H

#include "imapd/session.h"
#include "mime/slices.h"

enum {
	/* messages whose signatures a search looked at one by one: then they are turned */
	SLICES_WANTED_LEAST = 1000,
	SLICES_WANTED_PART = 4, /* and that is at least a fourth of the mailbox */
};

/* A bit for each sequence number. */
struct search_slices {
	const struct selected *selected; /* borrow */
	uint32_t n;                      /* messages of it */
	struct span map;                 /* own */
	uint64_t *known[SLICES_KINDS];   /* own; NULL: none of that kind */
};

/* Of one needle: the messages that may have it, of those that are known. */
struct search_may {
	uint64_t *bits[SLICES_KINDS]; /* own; NULL: nothing is known */
};

/* search_slices_open - what there is of the selected mailbox; also nothing */
void search_slices_open(struct search_slices *, struct session *);
void search_slices_done(struct search_slices *);
/* search_slices_look - kinds of a search: a bit each, 1 << enum slices_kind */
void search_slices_look(const struct search_slices *, const struct signature_probe *,
    unsigned kinds, struct search_may *out);
void search_may_free(struct search_may *);
/* search_slices_have - the signature of the texts of message seq */
bool search_slices_have(const struct search_slices *, uint32_t seq);
/*
 * search_slices_know - true: all that was looked for of message seq is known
 *   is_may  and this: may it have the needle?
 */
bool search_slices_know(const struct search_slices *, const struct search_may *,
    uint32_t seq, bool *is_may);

/* search_slices_want - a search looked at so many signatures, one by one */
void search_slices_want(struct session *, uint32_t n_looked_at);
/*
 * search_slices_keep - before the next command is read, where the client waits for nothing: what
 * was wanted is made of the items of the mailbox; 70 ms for 10,000 messages
 */
void search_slices_keep(struct session *);

#endif
