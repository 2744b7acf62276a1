/* SPDX-License-Identifier: ISC */
/* refuse.h - which verdicts are refusals, by the rules, and what the client is told. */
#ifndef SMTPD_POLICY_REFUSE_H
#define SMTPD_POLICY_REFUSE_H

#include "smtpd/policy/chain.h"
#include "smtpd/reply.h"

/*
 * Each: R_NONE, or the refusal (reply_own).  Only checks that are done count.
 * refuse_client - of CHAIN_CLIENT; refuse_sender - of SPF; refuse_author - of DMARC
 */
MUST_USE enum reply refuse_client(const struct chain *, struct span helo);
MUST_USE enum reply refuse_sender(const struct chain *);
MUST_USE enum reply refuse_author(const struct chain *);
/* refuse_wants_early - one of those before the message may refuse: they are run at RCPT */
bool refuse_wants_early(const struct policy_rules *);
/* refuse_trusts - a list knows the client to be good: only its author is still asked for */
bool refuse_trusts(const struct chain *);

#endif
