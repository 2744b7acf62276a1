/* SPDX-License-Identifier: ISC */
/*
 * bound.h - how many messages one command works on: MESSAGELIMIT and SAVELIMIT, RFC 9738.  Those
 * with the highest UIDs are worked on, and the client hears how far down that went.  EXPUNGE, CLOSE
 * and STATUS have no bound.
 */
#ifndef IMAPD_BOUND_H
#define IMAPD_BOUND_H

#include "imapd/command.h"
#include "imapd/search_parse.h"

/* bound_saves - of a COPY or APPEND, as CAPABILITY tells it; 0: none is told */
uint32_t bound_saves(const struct session *);
/* bound_least - the narrower of two bounds; 0: none */
uint32_t bound_least(uint32_t, uint32_t);
/*
 * bound_cut - of a set only the highest most numbers stay; most 0: no bound.  true: some were left
 * out, *lowest is the lowest that stayed
 */
bool bound_cut(struct numset *, uint32_t most, uint32_t *lowest);
/* bound_cut_seqs - the same of sequence numbers, by the bound of all commands; *lowest is a UID */
bool bound_cut_seqs(const struct session *, struct numset *, uint32_t *lowest);
/*
 * bound_search - the first message that a search may look at, so that it looks at no more than the
 * bound: its own sets of numbers and UIDs are not counted where they have nothing
 *   lowest   the UID of the last one it looks at; 0: all are
 */
uint32_t bound_search(struct session *, const struct search *, uint32_t *lowest);
/*
 * bound_say - MESSAGELIMIT in the reply, or beside it where that has a code of its own; uid 0: not
 * known
 */
void bound_say(struct session *, enum reply, uint32_t most, uint32_t uid);
/*
 * bound_say_done - the same of what was done to all that are there, FETCH and STORE.  The reply that
 * stands: EXPUNGEISSUED of the others is an OK beside it (3.1)
 */
MUST_USE enum reply bound_say_done(
    struct session *, enum reply, uint32_t most, uint32_t uid);

#endif
