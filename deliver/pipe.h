/* SPDX-License-Identifier: ISC */
/*
 * pipe.h - a message for a program of the site, which runs as the mailbox's user.  A placer asks the
 * monitor for a runner, a process of that user, tells it what to run, and does not wait for long: a
 * program that takes its time costs the message another try, at which the runner of then knows how
 * it ended.  Because of what happens over IMAP an agent does the same, with a runner that the role
 * events asks for (turn.h).  On a channel that the monitor made:
 *   PIPE_RUN     placer, agent -> runner   u8 is_last, bytes: pieces of what pipe_order_put makes, and
 *                                          of the message behind it
 *   PIPE_RESULT  runner -> placer, agent   u8 enum pipe_outcome, str reason
 */
#ifndef DELIVER_PIPE_H
#define DELIVER_PIPE_H

#include "account/recipient.h"
#include "deliver/agents.h"
#include "deliver/order.h"
#include "sieve/limits.h"

enum pipe_ask { PIPE_RUN = 1, PIPE_RESULT };

enum pipe_outcome {
	PIPE_DONE = 1, /* the program took it, now or before */
	PIPE_LATER,    /* EX_TEMPFAIL; it runs; there are too many */
	PIPE_REFUSED,  /* EX_NOUSER and the like: reason is for the sender */
	PIPE_FAILED,   /* anything else, and it is not run again for this message */
};

enum {
	PIPE_WAIT_MS = 2000, /* a placer for the end of a program */
	PIPE_EVENT_WAIT_MS =
	    10000,            /* an agent, whom nobody waits for but his own account */
	PIPE_SEND_MS = 20000, /* for a runner that reads */
	PIPE_PER_ACCOUNT = 4, /* programs of an account at once */
	PIPE_REASON_MAX = 300,
	PIPE_NAME_MAX = 128,
	PIPE_WORDS_MAX = 1 + SIEVE_PIPE_ARGS_MAX,
	PIPE_KEPT_SEC = 30 * 86400, /* how long it is remembered that one ran */
};

struct pipe_order {
	struct file_id id; /* of the message in this mailbox */
	uint16_t number;   /* of those with these words, from 0 */
	/* borrow: the name, then the arguments */
	struct span words[PIPE_WORDS_MAX];
	size_t n_words;
	struct span sender, recipient, orig_recipient; /* borrow */
	struct span message;                           /* borrow; of pipe_order_get */
};

void pipe_order_put(struct buf *out, const struct pipe_order *);
/* E_OK, E_BAD */
MUST_USE int pipe_order_get(struct span in, struct pipe_order *out);
/* pipe_words - n x str, as an agent says it.  E_OK, E_BAD (none, too many, with NUL) */
MUST_USE int pipe_words(struct span in, struct pipe_order *out);
/*
 * pipe_outcome_of - what an exit status of sysexits.h means.
 *   code   the enhanced status code of PIPE_LATER and PIPE_REFUSED; static
 */
enum pipe_outcome pipe_outcome_of(unsigned status, const char **code);

/*
 * pipe_run - blocks PIPE_WAIT_MS behind the sending at most.
 *   message  puts the message's bytes behind the order: E_OK, or what ends it
 *   reason   with an enhanced code; of PIPE_LATER and PIPE_REFUSED
 */
enum pipe_outcome pipe_run(const struct target *, const struct pipe_order *,
    int (*message)(void *ctx, struct order_sending *), void *ctx, struct buf *reason);
/*
 * pipe_ask - the same with a runner that is had already, once; blocks wait_ms behind the sending.
 *   chan   borrow; -1: none could be had
 */
enum pipe_outcome pipe_ask(int chan, const struct pipe_order *,
    int (*message)(void *ctx, struct order_sending *), void *ctx, int64_t wait_ms,
    struct buf *reason);

/* ---- the monitor's ---- */
extern const struct ask_row deliver_runner_row;
extern const struct role *deliver_runner_role; /* set by main */
/* deliver_runners_watch - in the monitor: those that are overdue are killed, until the last has ended */
void deliver_runners_watch(void);

#endif
