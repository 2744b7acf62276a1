/* SPDX-License-Identifier: ISC */
/*
 * net.h - the process that talks to an IMAP server for an import, and to a POP3 server where UIDLs
 * of that account are to come along (net_uidls.c): it holds TLS and the password of that account
 * there, no files and no uid of a user, and answers the asks NET_* of asks.h.
 */
#ifndef MOVE_NET_H
#define MOVE_NET_H

#include <sys/socket.h>
#include <sys/types.h>

#include "move/imap_client.h"

struct conf;

enum { NET_ADDRESSES_MAX = 16, NET_CONNECT_MS = 30000 };

/* A server, and who we are there. */
struct net_server {
	struct server_login login;

	struct {
		struct sockaddr_storage address;
		socklen_t bytes;
	} addresses[NET_ADDRESSES_MAX]; /* tried in order */

	size_t n_addresses;
};

struct net {
	struct net_server imap;
	struct net_server pop3; /* UIDLs of INBOX are his, where he has a host */
};

/* net_resolve - addresses of a host's name; blocks.  EX_OK, EX_NOHOST, EX_TEMPFAIL; why says it */
MUST_USE int net_resolve(
    struct net_server *, const char *host, const char *port, struct buf *why);
/* net_connect - E_OK (*fd: own), E_IO (errno) */
MUST_USE int net_connect(const struct net_server *, int *fd);
/* net_uidls - into the listing of INBOX, from the POP3 server.  E_OK, E_IO: failure of imap */
MUST_USE int net_uidls(const struct net_server *, struct imap *, struct listing *);
/* net_start - forks it; chan: to ask it.  EX_OK, EX_OSERR, EX_CONFIG (said by err_text) */
MUST_USE int net_start(
    const struct conf *, const struct net *, int *chan, pid_t *pid, struct buf *why);

#endif
