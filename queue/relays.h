/* SPDX-License-Identifier: ISC */
/* relays.h - the scheduler's side of its relay processes: one connection each, orders and results in batches. */
#ifndef QUEUE_RELAYS_H
#define QUEUE_RELAYS_H

#include "proc/ask.h"

void relays_open(void);
void relays_feed(void);                       /* orders to those who have room; processes for what waits */
void relays_tick(void);
void relays_copies(struct rd *body, int fd); /* SAY_COPIES */
bool relays_are_busy(void);                   /* something is under way */

#endif
