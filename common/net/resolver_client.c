/* SPDX-License-Identifier: ISC */
/*
 * resolver_client.c - the asking side of the resolver: several questions at once, and the wait for
 * all of them.
 */
#include <unistd.h>

#include "base/clock.h"
#include "net/resolver.h"
#include "proc/io.h"

void
resolver_done(struct resolver *r)
{
	ask_hang_up(&r->chan);
	buf_free(&r->in);
}

/* The questions of one call, and which of them wait for an answer. */
struct round {
	struct resolver *r;
	struct resolver_query *queries;
	size_t n;
	bool waits[RESOLVER_QUERIES_MAX];
	size_t n_waits;
	uint32_t first; /* number of queries[0] */
	struct arena *arena;
};

static void
round_start(struct round *w)
{
	static const struct dns_answer no_name = {
	    .status = DNS_NO_NAME, .why = SPAN("not a name of the DNS")};
	for (size_t i = 0; i < w->n; i++) {
		w->waits[i] = dns_question_ok(w->queries[i].name);
		w->n_waits += w->waits[i];
		if (!w->waits[i])
			w->queries[i].answer = no_name;
	}
}

static int
round_send(struct round *w, int64_t deadline)
{
	struct buf body = {0};
	int err = E_OK;
	w->first = w->r->last + 1;
	w->r->last += (uint32_t)w->n;
	for (size_t i = 0; i < w->n && err == E_OK; i++) {
		if (!w->waits[i])
			continue;
		buf_reset(&body);
		buf_u32(&body, w->first + (uint32_t)i);
		buf_u16(&body, (uint16_t)w->queries[i].kind);
		buf_bytes(&body, w->queries[i].name);
		err = ask_send(
		    w->r->chan, RESOLVER_QUERY, buf_as_span(&body), -1, deadline);
	}
	buf_free(&body);
	return err;
}

/* One answer.  E_OK, E_IO (a reply of another kind, or of no question of ours) */
static int
round_take(struct round *w, struct ask_msg *m)
{
	static const struct dns_answer no_room = {
	    .status = DNS_TEMP, .why = SPAN("no memory for the answer")};
	size_t i = rd_u32(&m->body) - w->first;
	struct dns_answer answer;
	if (m->fd >= 0)
		close(m->fd);
	if (m->type != (RESOLVER_QUERY | ASK_REPLY) || i >= w->n || !w->waits[i])
		return E_IO;
	int err = dns_answer_get(&m->body, w->arena, &answer);
	if (err == E_LIMIT)
		answer = no_room;
	else if (err != E_OK || rd_end(&m->body) != E_OK)
		return E_IO;
	w->queries[i].answer = answer;
	w->waits[i] = false;
	w->n_waits--;
	return E_OK;
}

static int
round_wait(struct round *w, int64_t deadline)
{
	int err = E_OK;
	while (w->n_waits && err == E_OK) {
		struct ask_msg m;
		err = io_recv(w->r->chan, &w->r->in, &m, deadline, IO_STAYS);
		if (err == E_OK)
			err = round_take(w, &m);
	}
	return err;
}

/* Whatever goes wrong, the channel is left, and with it what was asked on it. */
static int
round_try(struct round *w, int64_t deadline)
{
	if (w->r->chan < 0 && child_channel("resolver", &w->r->chan) != E_OK)
		return E_IO;
	int err = round_send(w, deadline);
	if (err == E_OK)
		err = round_wait(w, deadline);
	if (err != E_OK)
		ask_hang_up(&w->r->chan);
	return err;
}

void
resolver_ask(struct resolver *r, struct resolver_query *queries, size_t n,
    struct arena *arena, int64_t deadline)
{
	struct round w = {.r = r, .queries = queries, .n = n, .arena = arena};
	int err = E_IO;
	if (n > RESOLVER_QUERIES_MAX)
		bug("too many questions at once");
	round_start(&w);
	for (int i = 0; i < CHILD_ATTEMPTS && w.n_waits && err == E_IO; i++)
		err = round_try(&w, deadline);
	for (size_t i = 0; i < n; i++)
		if (w.waits[i])
			queries[i].answer = (struct dns_answer){.status = DNS_TEMP,
			    .why = err == E_LIMIT
			               ? SPAN("the DNS did not answer in time")
			               : SPAN("there is no resolver now")};
}
