/* SPDX-License-Identifier: ISC */
/*
 * scripted.h - a message into a mailbox that has scripts: an agent decides, the placer does it.
 * First what is stored, then what goes out, each under an id of its message, recipient and kind, so
 * that it happens once however often the message is placed.
 */
#ifndef DELIVER_SCRIPTED_H
#define DELIVER_SCRIPTED_H

#include "account/recipient.h"
#include "spool/job.h"

struct conf;

enum {
	/* all scripts of a recipient's mailboxes: one run of the longest agent_time fits */
	SCRIPTED_JOB_MS = 65000,
	/* what one message stores and sends in one mailbox; the rest is done when it is tried again */
	SCRIPTED_DO_MS = 30000,
};

void scripted_open(const struct conf *);

struct scripted {
	const struct job_in *job;
	const struct job_rcpt *rcpt;
	const struct target *target;
	bool is_own;       /* rcpt is an address of this user alone */
	struct span owner; /* borrow; of the list that rcpt is; empty: it is none */
	bool is_sent;      /* what its script sends was sent by an earlier try */
	int64_t deadline;  /* of the scripts */
	int *lookup;       /* borrow: a channel to it */
};

/* scripted_is_for - there are scripts for this mailbox */
bool scripted_is_for(const struct target *);
/*
 * scripted_place - as place_message; and E_DENY: it is refused for ever.  reason lives until the next
 */
MUST_USE int scripted_place(const struct scripted *, const char **reason);

#endif
