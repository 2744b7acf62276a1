/* SPDX-License-Identifier: ISC */
/* routes.h - the setting routes: which one an address takes, and what a relay is told of it. */
#ifndef QUEUE_ROUTES_H
#define QUEUE_ROUTES_H

#include "conf/route.h"
#include "queue/relay/order.h"

void routes_prepare(void); /* before the jail: the passwords, where a route needs one */
/*
 * routes_find - the one that says most about this address, of mail from this sender; of those that
 * say as much, the one that says most about the sender; -1: none
 */
int routes_find(struct span address, struct span sender);
/*
 * routes_key - what is one destination: all that takes this route, or (mx) one domain of it, and
 * asks for the same TLS (RFC 8689): messages with and without REQUIRETLS, or with TLS-Required: No,
 * or from different relay_sources, share no connection
 */
void routes_key(
    int route, struct span address, const struct envelope *, struct buf *out);
/*
 * routes_hop - for the destination with this key.  Spans borrow from the configuration and from key
 */
void routes_hop(int route, struct span key, struct hop *out);

#endif
