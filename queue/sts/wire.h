/* SPDX-License-Identifier: ISC */
/*
 * wire.h - questions to the DNS, and fetches, side by side in the loop of a process: what
 * resolver_ask is for straight-line code.  Answers come by a call, never from within
 * the call that asked.
 */
#ifndef QUEUE_STS_WIRE_H
#define QUEUE_STS_WIRE_H

#include "net/fetch.h"

enum {
	WIRE_QUERIES_MAX = 2,
	/* questions at once, as WIRE_FETCH_BUSY_MAX: others wait for their turn */
	WIRE_DNS_BUSY_MAX = 24,
	WIRE_FETCH_BUSY_MAX = 16,
	/* of one: who does not answer must not hold up the others for long */
	WIRE_FETCH_MS = 30000,
};

struct loop;

struct wire_query {
	enum dns_kind kind;
	struct span name;
};

/* answers: one for each query, in their order; borrow: until it returns */
typedef void wire_dns_fn(void *ctx, const struct dns_answer *answers);
/* borrow: until it returns */
typedef void wire_fetch_fn(void *ctx, const struct fetch_answer *);

void wire_open(struct loop *);
/* wire_ask - 1 or WIRE_QUERIES_MAX queries at once; a resolver that is gone: DNS_TEMP */
void wire_ask(const struct wire_query *, size_t n, wire_dns_fn *, void *ctx);
/* wire_fetch - a GET or a POST; nobody to do it: FETCH_UNREACHABLE */
void wire_fetch(const struct fetch_question *, wire_fetch_fn *, void *ctx);

#endif
