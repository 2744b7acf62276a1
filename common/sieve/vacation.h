/* SPDX-License-Identifier: ISC */
/* vacation.h - whether a vacation action makes a reply.  RFC 5230 4.5, 4.6. */
#ifndef SIEVE_VACATION_H
#define SIEVE_VACATION_H

#include "sieve/run.h"

/*
 * vacation_refusal - why no reply is due, for the log: "it is a list's message"; NULL: one is due,
 * unless this sender had one within period_sec, which the caller remembers.
 *   checks_recipient  one of the user's addresses must be among the recipients of the head
 */
const char *vacation_refusal(
    const struct sieve_input *, const struct sieve_vacation *, bool checks_recipient);
/*
 * vacation_own_address - which of the user's addresses the message was sent to; empty: none.
 * Borrow: input or action
 */
struct span vacation_own_address(
    const struct sieve_input *, const struct sieve_vacation *);

/* vacation_is_list - a head with a field List-*, which lists add: RFC 2369, 2919 */
bool vacation_is_list(struct span head);

#endif
