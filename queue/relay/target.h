/* SPDX-License-Identifier: ISC */
/* target.h - the addresses of a destination, in the order in which they are tried. */
#ifndef QUEUE_RELAY_TARGET_H
#define QUEUE_RELAY_TARGET_H

#include <netinet/in.h>

#include "net/resolver.h"
#include "queue/relay/remote.h"

enum { TARGETS_MAX = 32, TARGET_HOSTS_MAX = 16, LOOK_UP_MS = 60000 };

/* One address, and the name that led to it. */
struct target {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} a;

	socklen_t bytes;
	/* in hosts; addresses of one host are raced, a worse host waits until they failed */
	unsigned host;
	int fd;        /* own while it is tried; -1 */
	int64_t until; /* monotonic */
	bool is_tried;
};

struct target_host {
	/* borrow: the hop, or the process's memory; empty: it was an address */
	struct span name;
	/* borrow: where its CNAMEs lead; its name where there are none */
	struct span canonical;
	bool is_secure; /* the DNS proved all of its addresses */
	/* and that it is the host to take: its MX record, or the word of a route */
	bool is_named_securely;
	struct policy policy;
	bool is_decided, is_denied;
};

struct targets {
	struct target_host hosts[TARGET_HOSTS_MAX];
	size_t n_hosts;
	/* borrow: where the CNAMEs of the domain lead whose exchangers these are, or empty */
	struct span domain;
	struct target all[TARGETS_MAX];
	size_t n;
};

/*
 * targets_find - of the hop: its address, the addresses of its host, or of the exchangers of its
 * domain (RFC 5321 5.1).
 *   returns  E_OK (there may be none), E_IO (why: "5.1.10 ..." where asking again would not help).
 *            Blocks LOOK_UP_MS at most
 */
MUST_USE int targets_find(struct remote *, struct targets *out);
/*
 * target_ask - these questions, with the resolver of this process; answers live as long as it does
 */
void target_ask(struct resolver_query *, size_t n);

#endif
