/* SPDX-License-Identifier: ISC */
/*
 * policy.h - what is asked of a client and of its message beyond the protocol.  The commands call
 * these in turn; each returns R_NONE to go on, or the refusal that the client is told (mostly
 * reply_own).  A client in relay_networks is one of ours: nothing is asked of it on port 25 but
 * what milters say, and what a seal has to say of what an alias passes on.  The order of the checks, and what comes of their verdicts: policy.c.
 */
#ifndef SMTPD_POLICY_POLICY_H
#define SMTPD_POLICY_POLICY_H

#include "net/lookups.h"
#include "smtpd/policy/chain.h"
#include "smtpd/policy/filters.h"
#include "smtpd/policy/greylist.h"
#include "smtpd/policy/lists.h"
#include "smtpd/reply.h"
#include "smtpd/shape.h"

struct session;

/* What a conversation knows for them; {0} before policy_begin. */
struct policy {
	struct lookups lookups; /* own: of one message, as all of it */
	struct chain_client client;
	struct chain chain;
	bool is_logged;               /* its verdict stands in the log already */
	struct lists_said lists;      /* of the transaction */
	struct greylisted greylisted; /* the same */
	struct buf
	    above; /* own: fields that go above our Received; at most POLICY_ABOVE_MAX */
	struct buf
	    header; /* own: the header that goes instead of the one that was sent */
	struct filtering filtering; /* of milters and policy services */
};

enum { POLICY_ABOVE_MAX = 64 * 1024 };

/* policy_prepare - once in a process, before its jail.  E_OK, E_IO (logged) */
MUST_USE int policy_prepare(void);
void policy_begin(struct session *); /* a conversation begins */
void policy_end(struct session *);
/* after HELO or EHLO; s->helo is its argument.  The client was greeted already */
MUST_USE enum reply policy_helo(struct session *);
/* after MAIL; the sender is in s->txn.envelope.  A refusal ends the transaction */
MUST_USE enum reply policy_mail(struct session *);
/* for each recipient that would be taken; a refusal is this recipient's */
MUST_USE enum reply policy_rcpt(
    struct session *, struct span address, const struct rcpt_params *asked);
/* at DATA or the first BDAT */
MUST_USE enum reply policy_data(struct session *);
/* whether policy_message is to see the message of this transaction */
bool policy_wants_message(const struct session *);
/* message_judge_fn; ctx is the session.  May take as long as the transaction */
MUST_USE enum reply policy_message(void *ctx, struct span message, struct shape *);
/* the transaction is over, or was reset */
void policy_reset(struct session *);

#endif
