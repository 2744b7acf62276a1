/* SPDX-License-Identifier: ISC */
/*
 * proxy.h - the PROXY protocol, versions 1 and 2 (haproxy's proxy-protocol.txt): whom a proxy
 * speaks for.  Only for connections from proxy_networks; there it is required.
 */
#ifndef LOGIN_PROXY_H
#define LOGIN_PROXY_H

#include <sys/socket.h>

#include "base/span.h"

enum {
	PROXY_V1_MAX = 107, /* octets with CRLF */
	PROXY_HEADER_MAX =
	    536, /* of either version: 16, addresses of UNIX sockets or of TCP with 484 of TLVs */
};

struct proxy_header {
	size_t n_bytes; /* of the header: what follows is the client's */
	bool is_local;  /* LOCAL, UNKNOWN: the connection's own address counts */
	/* otherwise: AF_INET or AF_INET6, with its port */
	struct sockaddr_storage source;
};

/*
 * proxy_parse - the header at the beginning of in.  E_OK, E_MORE (not all here yet), E_BAD.  Pure
 */
MUST_USE int proxy_parse(struct span in, struct proxy_header *out);
/*
 * proxy_take - takes the header off what has come on a connection, never a byte more.  Never
 * blocks.
 *   seen     bytes of it that were there at the last look: 0 at first
 *   returns  E_OK, E_MORE (fd is readable again only when there is more, or its end), E_BAD (no
 *            header, or the end)
 */
MUST_USE int proxy_take(int fd, size_t *seen, struct proxy_header *out);

#endif
