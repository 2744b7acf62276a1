/* SPDX-License-Identifier: ISC */
/* peer.h - who is at the other end: its address as text, and what is asked of it. */
#ifndef LOGIN_PEER_H
#define LOGIN_PEER_H

#include <sys/socket.h>

#include "base/base.h"

enum { PEER_TEXT_MAX = 64 };

struct peer {
	/* "192.0.2.1", "2001:db8::1"; an IPv4-mapped one as IPv4 */
	char text[PEER_TEXT_MAX];
	bool is_loopback;
	uint64_t key; /* where it is counted: an IPv4 address, or an IPv6 /64 */
};

void peer_of(const struct sockaddr_storage *, struct peer *out);

#endif
