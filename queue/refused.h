/* SPDX-License-Identifier: ISC */
/*
 * refused.h - the suppression list at work, where suppress_after is not 0: who was refused that
 * often is not written to any more until suppress_time after the last time.  Counted is what
 * another host said of the address itself (suppress.h).
 */
#ifndef QUEUE_REFUSED_H
#define QUEUE_REFUSED_H

#include "queue/suppress.h"

struct message;

void refused_open(void);
void refused_close(void);
void refused_flush(void);            /* what was counted becomes durable */
struct suppress *refused_list(void); /* NULL: it is off */
bool refused_is_suppressed(const struct suppress_row *);
/* its recipients that are not to be tried: FAILED */
void refused_check(struct message *);
/* it FAILED, and that is told or not to be told: counted, if it counts */
void refused_note(const struct message *, uint32_t rcpt);
/* it got a message, or an admin says so; false: it was not there */
bool refused_forget(struct span address);

#endif
