/* SPDX-License-Identifier: ISC */
/*
 * agents.h - a placer's side of agents: the ones it has, kept for the next message of the same
 * mailbox; a new one by the monitor; the end of one that does not answer.
 */
#ifndef DELIVER_AGENTS_H
#define DELIVER_AGENTS_H

#include "account/recipient.h"
#include "deliver/order.h"
#include "login/ticket.h"
#include "proc/daemon.h"

enum {
	AGENTS_KEPT_MOST = 512,
	/* processes of an account, besides one of each placer: those that are about to end */
	AGENTS_SPARE = 4,
	/* so many runs in a row without an answer, and scripts are left out for a while */
	AGENT_FAILURES_MOST = 3,
	AGENT_PENALTY_MS = 600000,
	/*
	 * an order that could not be given so many times in a row, for so long: the mail is placed as
	 * without scripts until one can be given again, rather than sent back one day
	 */
	AGENT_UNASKED_MOST = 5,
	AGENT_UNASKED_MS = 600000,
	/* scripts and programs of a mailbox may take so long in each window; then its mail waits */
	AGENT_WINDOW_MS = 60000,
	AGENT_ALLOWANCE_MS = 20000,
};

/* Asks of the monitor, behind those of logins. */
enum deliver_ask {
	/* placer: str account, u32 uid, u32 gid, str home -> u8 result, fd: a channel to an agent */
	DELIVER_AGENT = LOGIN_ASKS_END,
	/* placer: the same -> u8 result, fd: a channel to a runner (pipe.h) */
	DELIVER_RUNNER,
	/* retention: the same -> the same, to a retainer */
	DELIVER_RETAINER,
	DELIVER_ASKS_END
};

extern const struct ask_row deliver_agent_row;
extern const struct role *deliver_agent_role; /* set by main */

void agents_open(const struct conf *);
/*
 * agents_run - the scripts of this mailbox decide about a message.  Blocks, at most until deadline.
 *   message  puts the message's bytes behind the order: E_OK, or what ends it
 *   out      borrows from memory that the next call uses again
 *   returns  E_OK; E_LIMIT: later (too many agents, or none could be asked, no answer in time, too
 *            much time of late, less than agent_time until deadline); E_BAD: they failed, or could not be
 *            asked, too often, it is to be placed as without
 */
MUST_USE int agents_run(const struct target *, const struct agent_order *,
    int (*message)(void *ctx, struct order_sending *), void *ctx, int64_t deadline,
    struct arena *, struct agent_answer *out);
/* agents_took - what its scripts asked for took so long: it counts as theirs (AGENT_ALLOWANCE_MS) */
void agents_took(const struct target *, int64_t ms);
/* agents_done - all that the last answer said has happened: AGENT_DONE */
void agents_done(const struct target *);

#endif
