/* SPDX-License-Identifier: ISC */
/*
 * order.h - what the scheduler hands to a relay, and what comes back.  A relay process asks its
 * monitor for a channel to sched, and serves one connection to one destination; then it ends.
 */
#ifndef QUEUE_RELAY_ORDER_H
#define QUEUE_RELAY_ORDER_H

#include "metrics/metric.h"
#include "spool/job.h"

enum relay_ask {
	RELAY_HOP = 1, /* sched -> relay, once, first: a hop */
	/*
	 * sched -> relay: u16 n, n orders, fd: a memory file (or a large message's own) with their
	 * bytes
	 */
	RELAY_SEND,
	RELAY_RESULTS, /* relay -> sched: u16 n, n results (spool/job.h), forwards 0 */
	/*
	 * relay -> sched, once, when the hop asks for it: str provider, before it connects ->
	 * RELAY_GO, or the end
	 */
	RELAY_AT,
	RELAY_GO, /* sched -> relay: nothing */
	/* sched -> relay: nothing: no order comes any more, and others wait for its place */
	RELAY_LEAVE,
	/*
	 * relay -> sched, last: u8 relay_end, u8 metric_attempt, str why, str TLS session.  What
	 * has no result was not begun
	 */
	RELAY_END,
};

enum relay_end {
	RELAY_END_FINE = 1, /* the connection served its time */
	/*
	 * no connection, or one that took nothing: the destination is to be left alone for a while
	 */
	RELAY_END_DOWN,
	/*
	 * the same, by what its domain wants TLS to be: its hosts are not down, and good for other
	 * domains
	 */
	RELAY_END_POLICY,
};

enum {
	ORDER_RCPTS_MAX = 100,   /* of an order (RFC 5321 4.5.3.1.8) */
	ORDER_BYTES_MAX = 50000, /* of the envelopes of a RELAY_SEND */
	HOP_TLS_SESSION_MAX = 16384,
	HOP_NAME_MAX = 255,
	HOP_PROVIDER_MAX = 1024,
	HOP_LOGIN_MAX = 1000,
};

/* The next hop: a route, with what it takes to use it. */
struct hop {
	uint8_t kind; /* enum route_kind */
	uint8_t tls;  /* enum route_tls */
	bool is_lmtp;
	bool has_no_policies; /* DANE and MTA-STS are not looked at */
	/* of messages that go over TLS with a host that is known, or back (RFC 8689) */
	bool requires_tls;
	bool is_asking; /* who its provider is, sched does not know: RELAY_AT */
	uint16_t port;
	uint16_t route;   /* its place in the setting */
	uint16_t source;  /* place in relay_sources, and 1; 0: none of them */
	struct span host; /* borrow, as all spans here; ROUTE_MX: the domain */
	struct span user, password;
	struct span tls_session; /* of an earlier connection, or empty */
};

void hop_put(struct buf *, const struct hop *);
MUST_USE int hop_get(struct rd *, struct hop *out); /* E_OK, E_BAD.  Spans borrow */
enum metric_hop hop_class(const struct hop *);      /* as what it is counted */

/* One message for some recipients, in one transaction. */
struct order {
	struct id id;
	uint32_t flags;         /* enum envelope_flag */
	uint64_t offset, bytes; /* in the memory file; without the Return-Path line */
	struct span sender, envid;
	uint8_t ret;
	uint16_t n_rcpts;

	struct order_rcpt {
		uint16_t index; /* in the envelope */
		struct span address, orcpt;
		uint8_t notify;
	} * rcpts; /* borrow: arena */
};

/* order_put - of the recipients which of this envelope */
void order_put(struct buf *, const struct envelope *, const uint16_t *which, uint16_t n,
    uint64_t offset, uint64_t bytes);
/* E_OK, E_BAD, E_LIMIT */
MUST_USE int order_get(struct rd *, struct arena *, struct order *out);

#endif
