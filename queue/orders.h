/* SPDX-License-Identifier: ISC */
/* orders.h - orders to relays, and the copies of messages' bytes that go with them. */
#ifndef QUEUE_ORDERS_H
#define QUEUE_ORDERS_H

#include "queue/relays.h"

/*
 * orders_begin - takes at most so many of what waits for the relay's destination, and asks the
 * spool for their bytes
 */
void orders_begin(struct relay *, unsigned most);
/*
 * orders_copied - SAY_COPIES: the first that was asked for and has not come; they go to the relay,
 * if it is still there
 */
void orders_copied(struct rd *body, int fd);
/*
 * orders_forget - the relay is gone: its parcels begin anew, and may be freed before their copies
 * come
 */
void orders_forget(const struct relay *);

#endif
