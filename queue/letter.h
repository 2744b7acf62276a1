/* SPDX-License-Identifier: ISC */
/*
 * letter.h - what sendmail(1) makes of the text it is given: recipients out of its head, a message
 * whose lines end in CRLF, with the fields that must be there (RFC 5322 3.6).  All pure; the text
 * is a local user's.
 */
#ifndef QUEUE_LETTER_H
#define QUEUE_LETTER_H

#include "base/arena.h"
#include "spool/envelope.h"

enum {
	/* of one call; more than ENVELOPE_RCPTS_MAX are several messages */
	LETTER_RCPTS_MOST = 10000,
	LETTER_HEAD_MOST = 1 << 20, /* octets of a head */
};

/* Addresses, each once, in the order of their coming. */
struct letter_rcpts {
	struct arena *arena; /* borrow: holds them */
	struct span all[LETTER_RCPTS_MOST];
	size_t n;
	/* E_BAD: the one that is no address, as it stands; borrow: the list */
	struct span bad;
	bool has_utf8;
};

/*
 * letter_rcpts_add - every address of a list as a field has it: "a, Bob <b@example.org>"; groups
 * are their members.  What is read only by passing something over, as "a b@example.org", is no
 * address: who was meant?
 *   origin   domain of those that have none
 *   returns  E_OK, E_BAD (one is no address: bad says which), E_LIMIT (more than LETTER_RCPTS_MOST,
 *            or as many in one list as ADDRESS_COUNT_MAX)
 */
MUST_USE int letter_rcpts_add(
    struct letter_rcpts *, struct span list, struct span origin);
/*
 * letter_address - a list of one, or empty or <>: the null sender.  E_OK, E_BAD; out borrows from
 * the arena
 */
MUST_USE int letter_address(
    struct span text, struct span origin, struct arena *, struct span *out);

struct letter {
	/*
	 * -t: also those of To, Cc and Bcc, or of their Resent- forms where there is one of these
	 */
	bool takes_rcpts;
	struct span origin;
	struct span hostname; /* of Message-ID */
	struct span from;     /* address of a From that is missing */
	struct span name;     /* and its display name, UTF-8; or empty */
	struct id id;         /* of Message-ID */
	int64_t now_sec;      /* of Date */
};

/* letter_until_dot - the text before a line that is a dot alone; all of it when there is none */
struct span letter_until_dot(struct span text);
/*
 * letter_make - the message.
 *   text     lines end in LF, CRLF or CR; a "From " line of a mailbox file at its beginning goes
 *   out      Bcc, Resent-Bcc, Return-Path and Content-Length are left out; From, Date and
 *            Message-ID put in where missing
 *   returns  E_OK, E_BAD (rcpts->bad is no address), E_LIMIT (too large for out, too many
 *            recipients, a head too long)
 */
MUST_USE int letter_make(
    const struct letter *, struct span text, struct letter_rcpts *, struct buf *out);
/*
 * letter_has_tls_optional - a message with one field "TLS-Required: No" (RFC 8689 3); more than one
 * must not be, and say nothing
 */
bool letter_has_tls_optional(struct span message);

#endif
