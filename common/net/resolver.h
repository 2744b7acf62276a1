/* SPDX-License-Identifier: ISC */
/*
 * resolver.h - the process that asks the DNS for all others of its daemon, and how it is asked.
 * libunbound resolves, validates and caches in it; no other process touches that library.
 */
#ifndef NET_RESOLVER_H
#define NET_RESOLVER_H

#include "net/dns.h"
#include "proc/child.h"

struct jail;

/* ---- the asking side: blocks, for straight-line code ---- */

enum {
	RESOLVER_QUERIES_MAX = 32, /* of one resolver_ask; more is a bug() */
	/* a deadline that fits most callers: longer than resolver_time */
	RESOLVER_WAIT_MS = 30000,
};

/* One who asks.  { .chan = -1 } is valid: the channel is made when it is first needed. */
struct resolver {
	/* own; -1: none.  The role needs the row's channels to have "resolver" and MON_CHANNEL */
	int chan;
	uint32_t last; /* number of the last question */
	struct buf in;
};

struct resolver_query {
	enum dns_kind kind;
	/* borrow: until resolver_ask returns.  A-labels; "example.com", a last dot is fine */
	struct span name;
	struct dns_answer answer; /* in the arena */
};

void resolver_done(struct resolver *);
/*
 * resolver_ask - all of them at once; waits until the last is answered or the deadline is past.
 *   After it each has its answer: what could not be answered is DNS_TEMP, with a reason.  A
 *   resolver that dies meanwhile is asked again, twice.  While it waits it minds the control
 *   channel (log, reload).
 */
void resolver_ask(struct resolver *, struct resolver_query *, size_t n, struct arena *,
    int64_t deadline);

/*
 * ---- the role: {.name = "resolver", .user = USER_NET, .at_start = 1, .prepare = resolver_prepare,
 * ...} ----
 */

enum resolver_asks {
	/*
	 * u32 number, u16 kind, str name -> u32 number, answer (dns_answer_put); answered as they
	 * come, not in order
	 */
	RESOLVER_QUERY = 1,
};

enum {
	/* questions of one asker that wait; more ends it */
	RESOLVER_CLIENT_PENDING_MAX = 64,
	RESOLVER_PENDING_MAX = 2000, /* of all; more are answered DNS_TEMP at once */
};

/* reads trust anchors and, when told to, /etc/resolv.conf */
int resolver_prepare(void);
void resolver_jail(struct jail *);
int resolver_run(void);
const struct ask_table *resolver_table(unsigned kind);
/*
 * resolver_self_test - the files that resolver_trust_anchors names can be read.  E_OK, E_BAD with
 * lines in errors
 */
MUST_USE int resolver_self_test(const struct conf *, struct buf *errors);

#endif
