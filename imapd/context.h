/* SPDX-License-Identifier: ISC */
/*
 * context.h - searches whose results are kept up to date: RETURN (UPDATE) of SEARCH, SORT and
 * ESEARCH, RFC 5267 4.3, with the attributes of RFC 5465 7.  They end with the mailbox.
 */
#ifndef IMAPD_CONTEXT_H
#define IMAPD_CONTEXT_H

#include "imapd/result.h"
#include "imapd/sort.h"

enum {
	CONTEXTS_MOST = 16,           /* of a session */
	CONTEXT_UIDS_MOST = 1 << 18,  /* messages in all of them */
	CONTEXT_ARENA_MAX = 64 << 10, /* bytes of what one looks for */
};

struct context {
	struct context *next; /* own */
	struct arena arena;   /* of what follows */
	struct span tag, mailbox;
	uint32_t uidvalidity; /* of ESEARCH, as mailbox; else 0 */
	bool is_uid, is_sort;
	struct search search; /* its message numbers are UIDs by now */
	struct sort_order order;
	uint32_t *uids; /* own: what it found, ascending */
	uint32_t *
	    told; /* own: the same in the order in which they were told; NULL: the same */
	size_t n, cap;
};

/* The arguments of SEARCH and ESEARCH (order stays empty), or of SORT.  As search_parse */
typedef int context_parser(struct parse *, struct sort_order *, struct search *);
context_parser search_program_parse, sort_program_parse;

/* context_check - E_BAD: UPDATE with the tag of a context (RFC 5267 4.3) */
MUST_USE int context_check(struct session *, struct command *, const struct search *);
/*
 * context_add - what was just told is kept up to date from now on, or "* NO [NOUPDATE tag]" is said.
 *   text     the arguments of the command, from which it is parsed again
 */
void context_add(struct session *, const struct command *, struct span text,
    context_parser *, const struct result *);
/* context_refuse - "* NO [NOUPDATE tag]" */
void context_refuse(struct session *);
/* context_of - by its tag; NULL */
struct context **context_of(struct session *, struct span tag);
void context_free(struct context **); /* and the next one is in its place */
/*
 * contexts_end_numbers - those that tell message numbers are no longer kept up to date, and
 * "* NO [NOUPDATE tag]" is said of each: after ENABLE UIDONLY there are none to tell (RFC 9586 3)
 */
void contexts_end_numbers(struct session *);

/* The contexts of the selected mailbox, and NOTIFY's FETCH of new messages: selected.h */
extern const struct follower contexts_follow;

/*
 * cmd_sort.c: sort_is_before - is message a before b in this order? false also when they cannot be
 * read
 */
bool sort_is_before(
    struct session *, const struct sort_order *, uint32_t a, uint32_t b);

#endif
