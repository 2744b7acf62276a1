/* SPDX-License-Identifier: ISC */
/*
 * bounce_fields.h - the fields of a report, message/delivery-status (RFC 3464) or
 * message/global-delivery-status (RFC 6533).
 */
#ifndef QUEUE_BOUNCE_FIELDS_H
#define QUEUE_BOUNCE_FIELDS_H

#include "queue/bounce.h"

/*
 * What a reason says: "5.1.1 mx.example.org[192.0.2.1]:25 said: 550 5.1.1 No".  All borrow from it.
 */
struct reason {
	struct span status; /* "5.1.1", or empty */
	struct span host;   /* "mx.example.org": whose words they are; or empty */
	/* what it said, "550 5.1.1 No"; without a host, all but the status */
	struct span text;
};

void reason_parse(struct span, struct reason *out);

/*
 * fields_put - the whole part: its Content-Type, the fields of the message, those of each recipient
 */
void fields_put(
    struct buf *out, const char *hostname, const struct bounce_about *, bool is_global);
/* fields_line - a value on one line: what would end it, or cannot be printed, becomes a blank */
void fields_line(struct buf *out, struct span);

#endif
