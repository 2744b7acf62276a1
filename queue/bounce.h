/* SPDX-License-Identifier: ISC */
/*
 * bounce.h - the process that makes reports: it sees one message at a time, as a private copy, and
 * no file.
 */
#ifndef QUEUE_BOUNCE_H
#define QUEUE_BOUNCE_H

#include "proc/jail.h"
#include "spool/envelope.h"

struct conf;

void bounce_jail(struct jail *);
int bounce_run(void);

/*
 * Of more recipients several reports are made.  So the ask fits into a message, and the report, in
 * which an address stands twice (once in up to three times its length), a reason up to three times,
 * and the head of the message once, into what the spool takes (SPOOL_SMALL_MAX).
 */
enum {
	BOUNCE_RCPTS_MOST = 250,
	BOUNCE_BYTES_MOST = 40000, /* of all their texts, and the next for each */
	BOUNCE_RCPT_BYTES = 16,    /* of a recipient in the ask, beside its texts */
	/* most octets of a message's head that come back */
	BOUNCE_HEAD_MAX = 32 * 1024,
	/* RET=FULL: a message of more comes back as its head (RFC 3461 6.2) */
	BOUNCE_FULL_MAX = 128 * 1024,
};

/* What became of a recipient: Action, RFC 3464 2.3.3. */
enum bounce_action {
	ACTION_NONE, /* nothing is to be told */
	ACTION_FAILED,
	ACTION_DELAYED,
	ACTION_DELIVERED,
	ACTION_RELAYED,  /* to a server that does not report */
	ACTION_EXPANDED, /* an alias of several */
	BOUNCE_ACTIONS
};

/* What a report is about.  A message's recipients of one kind are told of together. */
enum bounce_kind { BOUNCE_FAILURE, BOUNCE_DELAY, BOUNCE_SUCCESS, BOUNCE_KINDS };

enum bounce_kind bounce_kind_of(enum bounce_action);

struct bounce_rcpt {
	uint16_t rcpt;  /* index in the envelope */
	uint8_t action; /* enum bounce_action; those of a report are of one kind */
	/*
	 * "5.1.1 no such mailbox", "5.1.1 HOST said: 550 5.1.1 No"; may be empty but for failures
	 */
	struct span reason;
};

struct bounce_about {
	const struct envelope *envelope;
	const struct bounce_rcpt *rcpts;
	size_t n; /* 1 to BOUNCE_RCPTS_MOST */
	struct span to;
	int64_t attempt_sec; /* wall clock: the last attempt; 0: not said */
	/* wall clock: when a delayed one is given up; 0: not said */
	int64_t retry_until_sec;
	struct span message; /* as stored; or empty */
};

/*
 * bounce_compose - a multipart/report (RFC 3464, RFC 6522), for internationalised mail as RFC 6533
 * says.
 *   about    the same kind, and the same addresses of the same message, have a report of the same
 *            id
 *   out      the whole report, Return-Path first; lines end in CRLF
 *   made     its envelope: id, size, checksum, sender <>, one recipient.  rcpts borrow from the
 *            arena
 */
void bounce_compose(const char *hostname, const struct bounce_about *, struct arena *,
    struct buf *out, struct envelope *made);

#endif
