/* SPDX-License-Identifier: ISC */
/* nets.h - lists of networks, as settings name them: "127.0.0.0/8", "::1/128", "192.0.2.7". */
#ifndef LOGIN_NETS_H
#define LOGIN_NETS_H

#include <sys/socket.h>

#include "base/span.h"

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
