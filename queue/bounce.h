/* SPDX-License-Identifier: ISC */
/* bounce.h - the process that makes reports: it sees one message at a time, as a private copy, and no file. */
#ifndef QUEUE_BOUNCE_H
#define QUEUE_BOUNCE_H

#include "proc/jail.h"
#include "spool/envelope.h"

struct conf;

void bounce_jail(struct jail *);
int bounce_run(void);

/*
 * Of more failures several reports are made.  So the ask fits into a message, and the report, in which an address
 * stands twice, a reason too, and the head of the message once, into what the spool takes (SPOOL_SMALL_MAX).
 */
enum {
	BOUNCE_FAILURES_MOST = 250,
	BOUNCE_BYTES_MOST = 56000,    /* of all their texts, and the next for each */
	BOUNCE_FAILURE_BYTES = 16,    /* of a failure in the ask, beside its texts */
};

struct bounce_failure {
	uint16_t rcpt;        /* index in the envelope */
	struct span reason;   /* "5.1.1 no such mailbox" */
};

/*
 * bounce_compose - a multipart/report (RFC 3464, RFC 6522) of these failures.
 *   n        at most BOUNCE_FAILURES_MOST.  The same addresses of the same message have a report of the same id
 *   message  the one that failed, as stored
 *   out      the whole report, Return-Path first; lines end in CRLF
 *   made     its envelope: id, size, checksum, sender <>, one recipient.  rcpts borrow from the arena
 */
void bounce_compose(const char *hostname, const struct envelope *, const struct bounce_failure *, size_t n,
    struct span message, struct span to, struct arena *, struct buf *out, struct envelope *made);

#endif
