/* SPDX-License-Identifier: ISC */
/*
 * letters.h - what scripts send: a redirected message, and letters of our own.  Each has an id that
 * derives from its message and its action: made once more, it is the same.
 */
#ifndef DELIVER_LETTERS_H
#define DELIVER_LETTERS_H

#include "deliver/work.h"

struct conf;

void letters_open(const struct conf *);
void letters_close(void);

/*
 * The action of this index becomes something to send, and maybe a copy of it to store.  What may
 * not be sent is logged; where nobody else would have the message, or hear of it, it goes to INBOX.
 */
void letters_redirect(struct work *, const struct sieve_action *, unsigned index);
void letters_pipe(struct work *, const struct sieve_action *, unsigned index);
void letters_reject(
    struct work *, const struct sieve_action *, unsigned index); /* RFC 5429 2.2 */
void letters_notify(
    struct work *, const struct sieve_action *, unsigned index); /* RFC 5436 2.7 */
/*
 * letters_vacation - RFC 5230: once a sender, reply and period; that is on the disk before anything
 * is said.
 *   dir   borrow: where it is remembered; -1: nowhere, and nothing is said
 */
void letters_vacation(
    struct work *, int dir, const struct sieve_action *, unsigned index);
/*
 * letters_failed - a script failed: its user is told in INBOX, once a version of it.
 *   dir       as above
 *   version   of the script
 */
void letters_failed(
    struct work *, int dir, struct span version, const struct sieve_errors *);

#endif
