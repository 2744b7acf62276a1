/* SPDX-License-Identifier: ISC */
/*
 * milter_run.h - between the files of milter.h: one step with one filter, and what it came to.
 *   milter.c  client, envelope, ends      milter_message.c  the message      milter_step.c  a step
 */
#ifndef SMTPD_POLICY_MILTER_RUN_H
#define SMTPD_POLICY_MILTER_RUN_H

#include "smtpd/policy/milter.h"

enum milter_steps {
	STEP_CONNECT,
	STEP_HELO,
	STEP_MAIL,
	STEP_RCPT,
	STEP_DATA,
	STEP_HEADER,
	STEP_HEADER_END,
	STEP_BODY,
	STEP_END
};

/* What one step with one filter came to. */
enum outcome {
	GO_ON,
	SKIP,    /* of what comes many times in a message, no more */
	DONE,    /* it wants to know no more of this message */
	REFUSED, /* with the refusal of struct milters */
	DISCARDED,
	GONE, /* a kept connection was closed: nothing was heard on it for this client */
};

/*
 * milter_fail - it cannot be asked any more while this client is there: what its default says holds
 *   step     in the log
 *   returns  DONE or REFUSED
 */
enum outcome milter_fail(struct milters *, struct milter *, const char *step, int err);
void milter_hang_up(struct milter *);
void milter_refusal_copy(struct refusal *to, const struct refusal *from);
/* milter_read_packet - the next one; its spans live until another is read.  As io_fill, or E_BAD, E_LIMIT */
MUST_USE int milter_read_packet(struct milter *, struct milter_packet *out);
/* milter_read_answer - the next one that is more than "not yet"; the same */
MUST_USE int milter_read_answer(const struct milters *, struct milter *,
    int64_t wait_ms, struct milter_answered *out);
/* milter_judge - what an answer that is no change comes to; step: enum milter_steps */
enum outcome milter_judge(
    struct milters *, struct milter *, unsigned step, const struct milter_answered *);
/* milter_send - what is in scratch goes out: now, or with what waits for an answer */
void milter_send(struct milters *, struct milter *);
void milter_tell_macros(struct milters *, struct milter *, enum milter_stage);
/* milter_skips - it does not want to be told of this */
bool milter_skips(const struct milter *, unsigned step);
/* milter_step - the packet in scratch is sent, and its answer, where there is one, taken */
enum outcome milter_step(struct milters *, struct milter *, unsigned step);
/* milter_is_away - it refuses all; then the refusal is set.  It may have gone amid a message */
bool milter_is_away(struct milters *, const struct milter *);
/* milters_are_over - after this outcome, none of the others is told */
bool milters_are_over(const struct milters *, enum outcome);
enum milters_verdict milters_verdict_of(const struct milters *, enum outcome);

#endif
