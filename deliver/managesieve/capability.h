/* SPDX-License-Identifier: ISC */
/* capability.h - what we can do (RFC 5804 1.7), true to the configuration and to the state. */
#ifndef MANAGESIEVE_CAPABILITY_H
#define MANAGESIEVE_CAPABILITY_H

#include "base/buf.h"

struct capability {
	bool
	    may_return; /* UNAUTHENTICATE is to be had, or nobody can tell before the login */
	bool may_tls;      /* TLS is configured and not on; and nobody is logged in */
	struct span sasl;  /* mechanisms, a space between; may be empty */
	struct span owner; /* the account; empty before the login */
	uint64_t exts;     /* that scripts may require; 0: all that there are */
	size_t redirects;  /* that one message may have: deliver/programs.h */
};

/* capability_put - a line each, without the OK */
void capability_put(struct buf *out, const struct capability *);

#endif
