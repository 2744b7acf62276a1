/* SPDX-License-Identifier: ISC */
/*
 * work.h - one order of an agent while it is performed: what its scripts store and send is collected
 * in an answer, within the limits of order.h.  Texts are kept in its arena until the answer is put.
 */
#ifndef DELIVER_WORK_H
#define DELIVER_WORK_H

#include "deliver/order.h"
#include "sieve/run.h"

enum {
	WORK_PIPES_MOST = 4,  /* of one message */
	NUMBER_FCC = 0x4000,  /* and the number of its action */
	NUMBER_TOLD = 0x8000, /* that the scripts failed */
};

/* An event of IMAP (RFC 6785), and its message. */
struct about_event {
	const struct store_event *event; /* borrow */
	struct span who;                 /* borrow: the address of who caused it */
	/* borrow: flags that the message has, and those that changed; a blank between */
	struct span flags, changed;
};

struct work {
	const struct agent_order *order;
	const struct about_event *event; /* borrow; NULL: it is mail that comes */
	bool
	    is_kept; /* of an event: the message stays, though its keep was cancelled */
	int home;    /* borrow */
	struct sieve_input in;
	struct sieve_result result;
	struct arena arena; /* of what is put into the answer */
	struct agent_answer answer;
	struct agent_store stores[ANSWER_STORES_MOST];
	struct agent_send sends[ANSWER_SENDS_MOST];
	struct span own[1];
	bool has_store; /* the first has its name as without scripts */
};

/* work_flag - enum store_flag of "\\Seen" and the like; 0: it is a keyword */
uint32_t work_flag(struct span name);
/* work_kept - a copy in the arena; empty when that is full */
struct span work_kept(struct work *, struct span);
/* work_store - one more file in the mailbox; NULL: there are too many */
struct agent_store *work_store(struct work *, unsigned number);
/*
 * work_store_message - the message, as action a (NULL: nothing) made it.
 *   where   NULL: INBOX; of an event's message, which is in a mailbox: is_kept
 */
void work_store_message(struct work *, const struct sieve_action *a, unsigned index,
    const struct sieve_store *where);
/* work_store_copy - of what is sent, where a mailbox is named: RFC 8580 */
void work_store_copy(
    struct work *, const struct sieve_store *where, unsigned index, struct span text);
/*
 * work_send - one more that goes out, to those of rcpts that are addresses.  NULL: to none of them,
 * which is logged, or there are too many
 */
struct agent_send *work_send(struct work *, enum agent_send_kind, unsigned index,
    const struct span *rcpts, size_t n);
/* work_send_text - s, the last that was added, is this.  false: it is too large, and not sent */
bool work_send_text(struct work *, struct agent_send *s, const struct buf *text);
/* work_send_made - s is the message as action a made it */
void work_send_made(struct work *, struct agent_send *s, const struct sieve_action *a);

#endif
