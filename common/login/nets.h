/* SPDX-License-Identifier: ISC */
/* nets.h - lists of networks, as settings name them: "127.0.0.0/8", "::1/128", "192.0.2.7". */
#ifndef LOGIN_NETS_H
#define LOGIN_NETS_H

#include <sys/socket.h>

#include "base/buf.h"

struct conf;

enum { NETS_MAX = 256 };

struct net {
	unsigned char b[16]; /* IPv6; an IPv4 address is mapped */
	unsigned char bits;
};

struct nets {
	struct net *all; /* own */
	size_t n;
};

MUST_USE int net_parse(struct span text, struct net *out); /* E_OK, E_BAD */
bool net_is_v4(const struct net *);
/* net_cut - to its first bits (of the 128), the others 0 */
void net_cut(struct net *, unsigned bits);
/* net_put - "192.0.2.7", "192.0.2.0/24", "2001:db8::/64" */
void net_put(const struct net *, struct buf *out);
/*
 * nets_load - a list setting; what does not parse is left out (the self-test of the configuration
 * found it)
 */
void nets_load(
    struct nets *, const struct conf *, const char *section, const char *name);
void nets_free(struct nets *);
bool nets_has(const struct nets *, const struct sockaddr *);
bool nets_has_text(const struct nets *, const char *address);

#endif
