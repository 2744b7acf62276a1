/* SPDX-License-Identifier: ISC */
/*
 * filters.h - milters and policy services in a conversation: what they are told of it, and what
 * comes of what they say.  Milters see all mail of their listeners; policy services are not asked
 * about clients in relay_networks.
 */
#ifndef SMTPD_POLICY_FILTERS_H
#define SMTPD_POLICY_FILTERS_H

#include "conf/strict.h"
#include "dkim/authres.h"
#include "smtpd/dial.h"
#include "smtpd/edits.h"
#include "smtpd/policy/delegate.h"
#include "smtpd/policy/milter.h"

struct rcpt_params;
struct session;
struct shape;

enum { FILTERS_GOODBYE_MS = 1000 }; /* for what a filter is told at an end */

/* What the process keeps; {0} asks nobody.  Nobody is asked about LMTP: its mail was judged before */
struct filters {
	struct dialer dialer;
	struct milters milters[CLASS_COUNT];
	struct delegates delegates[CLASS_COUNT];
	struct buf text, params; /* own: what the values of a call borrow */
};

enum filter_outcome {
	FILTER_NOT_ASKED,
	FILTER_PASS,
	FILTER_HOLD, /* taken, and held in the queue */
	FILTER_DISCARD,
	FILTER_REFUSE
};

/* What those of one kind made of a message. */
struct filter_said {
	enum filter_outcome outcome;
	size_t n_away;    /* of the milters; of the questions to policy services */
	size_t n_refused; /* recipients; and a sender */
};

/* What a transaction keeps. */
struct filtering {
	struct filter_said milters, services;
	struct edits edits;
	bool is_discarded; /* a policy service wants that */
};

void filters_load(struct filters *, const struct conf *);
void filters_free(struct filters *);
/* filters_want_message - whether some of them wait for the message of this conversation */
bool filters_want_message(const struct session *);
/* as their namesakes in policy.h */
void filters_helo(struct session *);
MUST_USE enum reply filters_mail(struct session *);
MUST_USE enum reply filters_rcpt(
    struct session *, struct span address, const struct rcpt_params *asked);
MUST_USE enum reply filters_data(struct session *);
/*
 * filters_message - may give it another header and body, and change sender and recipients.  R_NONE,
 * R_QUEUED (it is not to be stored), or the refusal
 */
MUST_USE enum reply filters_message(struct session *, struct shape *);
/*
 * filters_say - x-policy-service and x-milter, each where one was asked: pass; neutral (held); temperror where
 * one was away and its default takes what comes.  None is named: where they are is nobody's matter
 */
void filters_say(const struct filtering *, struct authres *);
/* filters_log - " policy_service=pass milter=refuse"; " milter_away=1", " milter_refused=1" behind it */
void filters_log(const struct filtering *, struct buf *out);
void filters_reset(struct session *);
void filters_end(struct session *);

#endif
