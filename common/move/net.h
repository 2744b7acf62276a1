/* SPDX-License-Identifier: ISC */
/*
 * net.h - the process that talks to an IMAP server for an import: it holds TLS and the password of that account there, no
 * files and no uid of a user, and answers the asks NET_* of asks.h.
 */
#ifndef MOVE_NET_H
#define MOVE_NET_H

#include <sys/socket.h>
#include <sys/types.h>

#include "move/imap_client.h"

struct conf;

enum { NET_ADDRESSES_MAX = 16, NET_CONNECT_MS = 30000 };

struct net {
	struct imap_login login;
	struct {
		struct sockaddr_storage address;
		socklen_t bytes;
	} addresses[NET_ADDRESSES_MAX]; /* tried in order */
	size_t n_addresses;
};

/* net_resolve - addresses of a host's name; blocks.  EX_OK, EX_NOHOST, EX_TEMPFAIL; why says it */
MUST_USE int net_resolve(struct net *, const char *host, const char *port, struct buf *why);
/* net_start - forks it; chan: to ask it.  EX_OK, EX_OSERR, EX_CONFIG (said by err_text) */
MUST_USE int net_start(const struct conf *, const struct net *, int *chan, pid_t *pid, struct buf *why);

#endif
