/* SPDX-License-Identifier: ISC */
/*
 * unbound.h - the one door to libunbound: one context, in the loop of the process, no threads, no
 * forks.
 */
#ifndef NET_UNBOUND_H
#define NET_UNBOUND_H

#include "net/dns.h"

struct conf;
struct loop;

struct unbound_result {
	struct span packet; /* borrow: during the call; empty when there is none */
	unsigned rcode;     /* not 0: no packet */
	bool is_secure, is_bogus;
	const char *why; /* borrow: why it is bogus; may be NULL */
};

/*
 * ctx is that of the question.  May be called before unbound_ask returns: when the answer is known
 * already.
 */
typedef void unbound_fn(void *ctx, const struct unbound_result *);

/*
 * unbound_open - with the settings resolver_*; reads what it needs of files, none later.
 *   returns  E_OK, E_BAD (a setting or a file of trust anchors; logged)
 */
MUST_USE int unbound_open(const struct conf *, struct loop *, unbound_fn *);
/*
 * unbound_ask - name is NUL-terminated.  E_OK: the function was or will be called, once, unless it
 * is cancelled.  E_IO
 */
MUST_USE int unbound_ask(enum dns_kind, const char *name, void *ctx, int *id);
void unbound_cancel(int id); /* the function is not called for it any more */

#endif
