/* SPDX-License-Identifier: ISC */
/*
 * thread.h - messages as a forest of replies: RFC 5256 3, THREAD.  An algorithm a file:
 *   thread_orderedsubject.c  RFC 5256
 *   thread_references.c      RFC 5256
 *   thread_refs.c            draft-ietf-morg-inthread-01 4
 *   thread_link.c            what the last two have in common
 * Nothing here recurses: a chain may be as long as the mailbox.  Pure.
 */
#ifndef IMAPD_THREAD_H
#define IMAPD_THREAD_H

#include "base/buf.h"

enum {
	/* parentheses in each other; what branches below is said as one chain */
	THREAD_NEST_MAX = 256,
	/* messages that are referred to and not there; of more nothing is known */
	THREAD_DUMMIES_MAX = 1 << 20,
	/* from a message to its forefathers, in one command; a link that needs more is not made */
	THREAD_STEPS_MAX = 1 << 26,
	THREAD_FLUSH_EACH = 1000, /* numbers */
};

#define THREAD_NONE UINT32_MAX

/* A message as the algorithms see it; they are given in the order of their sequence numbers. */
struct thread_message {
	uint32_t number;          /* as the client is told it */
	bool is_reply;            /* or a forward, by its subject */
	int64_t sent_sec;         /* RFC 5256 2.2 */
	int64_t arrived_sec;      /* INTERNALDATE */
	struct span base_subject; /* borrow; folded */
	struct span message_id;   /* borrow; normalised; empty: none */
	/* borrow; normalised ids, oldest first, an LF between; else that of In-Reply-To */
	struct span references;
};

struct thread_node {
	uint32_t parent;      /* THREAD_NONE: a root */
	uint32_t child, last; /* first and last child */
	uint32_t next;        /* sibling, also of a root */
};

/* Nodes below n_messages are the messages, by their index; those above are dummies. */
struct thread_forest {
	struct thread_node *nodes; /* own */
	size_t n_messages, n, cap;
	uint32_t root, last_root; /* first and last; THREAD_NONE: there is none */
};

void thread_orderedsubject(
    const struct thread_message *, size_t n, struct thread_forest *out);
void thread_references(
    const struct thread_message *, size_t n, struct thread_forest *out);
void thread_refs(const struct thread_message *, size_t n, struct thread_forest *out);

/*
 * thread_put - "(2)(3 6 (4 23)(44 7 96))", nothing for an empty forest.
 *   flush    called after some numbers; false ends it
 *   returns  false when flush did
 */
bool thread_put(struct buf *out, const struct thread_forest *,
    const struct thread_message *, bool (*flush)(void *), void *ctx);

/* ---- for the algorithms ---- */
/* all are roots, none is in a list */
void thread_init(struct thread_forest *, size_t n_messages);
void thread_done(struct thread_forest *);
uint32_t thread_dummy(struct thread_forest *); /* a new one: a root in no list */
bool thread_is_dummy(const struct thread_forest *, uint32_t node);
/* thread_append - at the end of its parent's children; THREAD_NONE: of the roots */
void thread_append(struct thread_forest *, uint32_t parent, uint32_t node);
/* thread_by_date - indexes of the messages by sent date, the first of equal ones first; own */
uint32_t *thread_by_date(const struct thread_message *, size_t n);
/* thread_link - steps 1 to 3 of REFERENCES: parents alone.  A dummy that is some message's parent
 * is a root and has two children or more */
void thread_link(const struct thread_message *, size_t n, struct thread_forest *out);

#endif
