/* SPDX-License-Identifier: ISC */
/*
 * compose.h - a report on TLS (RFC 8460 4.4), and the mail in which it travels (5.3); pure but for
 * the date and the boundary.
 */
#ifndef QUEUE_STS_COMPOSE_H
#define QUEUE_STS_COMPOSE_H

#include "queue/sts/tally.h"
#include "spool/envelope.h"

enum { REPORT_JSON_MAX = 512 << 10 }; /* bytes; what is more is not sent */

struct report_about {
	const struct tally_row *row; /* borrow, as all here */
	struct span contact;         /* the address that it comes from */
	struct span submitter;       /* its domain: who reports */
	struct span hostname;
	struct id id; /* of the report: the same host, domain and day have the same */
};

struct id report_id(struct span hostname, const struct tally_row *);
void report_json(const struct report_about *, struct buf *out);
/*
 * report_mail - the whole message, Return-Path first; lines end in CRLF.  Its sender is null and
 * NOTIFY=NEVER: nothing comes back.
 *   gz       the report, compressed
 *   made     its envelope; rcpts borrow from the arena.  The same report to the same address has
 *            the same id
 */
void report_mail(const struct report_about *, struct span gz, struct span to,
    struct arena *, struct buf *out, struct envelope *made);

#endif
