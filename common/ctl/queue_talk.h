/* SPDX-License-Identifier: ISC */
/* queue_talk.h - a conversation with the scheduler on RUN/queue/admin (spool/admin.h). */
#ifndef CTL_QUEUE_TALK_H
#define CTL_QUEUE_TALK_H

#include "base/arena.h"
#include "ctl/ctl.h"
#include "spool/admin.h"

struct queue_talk {
	int fd;        /* own; -1: none */
	struct buf in; /* own */
	bool wants_message;
	int message; /* own; the bytes that ADMIN_SHOW sends along; -1: none */
};

/* queue_open - EX_OK, or what it has said on stderr */
MUST_USE int queue_open(const struct merpati *, struct queue_talk *);
/* the same, on RUN/queue/reports */
MUST_USE int queue_open_reports(const struct merpati *, struct queue_talk *);
void queue_close(struct queue_talk *);
/*
 * queue_ask - one ask, and the first packet of its answer; body dies with the next one.  E_OK,
 * E_IO, E_LIMIT, E_BAD
 */
MUST_USE int queue_ask(
    struct queue_talk *, uint16_t type, struct span body, struct rd *answer);
/*
 * queue_each - all that wait, one after the other, while fn returns E_OK.  E_OK, or what went wrong
 */
MUST_USE int queue_each(
    struct queue_talk *, int (*fn)(void *ctx, const struct admin_entry *), void *ctx);
/* queue_said - an exit status for a result; what went wrong is said */
MUST_USE int queue_said(int err);
/* queue_id - the text of an id.  EX_OK, EX_USAGE (said) */
MUST_USE int queue_id(const struct merpati *, const char *text, struct id *out);

#endif
