/* SPDX-License-Identifier: ISC */
/*
 * wire.c - questions and fetches under way: one channel to the resolver, a channel for each fetch.
 */
#include "queue/sts/wire.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "proc/loop.h"

enum {
	ANSWER_ARENA_BYTES = 256 << 10,
	DNS_LATE_MS = RESOLVER_WAIT_MS,
	LOOK_EVERY_MS = 1000, /* whether one is late */
};

struct question {
	struct question *next;
	wire_dns_fn *fn;
	void *ctx;
	size_t n, n_left;

	struct {
		enum dns_kind kind;
		struct buf name; /* own */
		bool is_answered;
	} queries[WIRE_QUERIES_MAX];
	struct dns_answer answers[WIRE_QUERIES_MAX];
	struct arena arena; /* own */
	uint32_t first;     /* number of its first query */
	unsigned attempts;
	bool is_sent;
	int64_t late_ms; /* monotonic */
};

struct fetch {
	struct fetch *next;
	wire_fetch_fn *fn;
	void *ctx;
	enum fetch_asks kind;
	struct buf body;         /* own */
	struct arena arena;      /* own */
	int chan;                /* own; -1: it waits for its turn */
	struct loop_fd *watch;   /* own */
	struct loop_timer *late; /* own */
	unsigned attempts;
};

static struct {
	struct loop *loop;
	/* own: questions that wait are sent; those that are late are answered */
	struct loop_timer *kick;
	int chan;              /* own: to the resolver; -1 */
	struct loop_fd *watch; /* own */
	struct buf in;
	uint32_t last;
	struct question *questions, **questions_end;
	struct fetch *fetches, **fetches_end;
} wire = {.chan = -1, .questions_end = &wire.questions, .fetches_end = &wire.fetches};

/* ---- the DNS ---- */

static void
question_unlink(struct question *q)
{
	struct question **link = &wire.questions;
	while (*link != q)
		link = &(*link)->next;
	*link = q->next;
	if (!q->next)
		wire.questions_end = link;
}

/* Its end: what has no answer is DNS_TEMP. */
static void
question_end(struct question *q, const char *why)
{
	question_unlink(q);
	for (size_t i = 0; i < q->n; i++)
		if (!q->queries[i].is_answered)
			q->answers[i] = (struct dns_answer){
			    .status = DNS_TEMP, .why = span_of(why)};
	q->fn(q->ctx, q->answers);
	for (size_t i = 0; i < q->n; i++)
		buf_free(&q->queries[i].name);
	arena_reset(&q->arena);
	mem_free(&q);
	loop_timer_set(wire.kick, 0);
}

/* What was asked on it is asked anew. */
static void
hang_up(void)
{
	loop_unwatch(&wire.watch);
	ask_hang_up(&wire.chan);
	for (struct question *q = wire.questions; q; q = q->next)
		q->is_sent = false;
	loop_timer_set(wire.kick, 0);
}

static int
take_answer(struct ask_msg *m)
{
	uint32_t number = rd_u32(&m->body);
	if (m->type != (RESOLVER_QUERY | ASK_REPLY))
		return E_BAD;
	for (struct question *q = wire.questions; q; q = q->next) {
		size_t i = number - q->first;
		if (!q->is_sent || i >= q->n || q->queries[i].is_answered)
			continue;
		int err = dns_answer_get(&m->body, &q->arena, &q->answers[i]);
		if (err == E_BAD)
			return err;
		q->queries[i].is_answered = err == E_OK; /* no room for it: DNS_TEMP */
		if (--q->n_left == 0 || err != E_OK)
			question_end(q, "no memory for the answer");
		return E_OK;
	}
	return E_OK; /* of one that was given up */
}

static void
on_resolver(void *ctx, int fd, unsigned events)
{
	struct ask_msg m;
	int err;
	(void)ctx, (void)events;
	while ((err = ask_recv(fd, &wire.in, &m, 0)) == E_OK && wire.chan == fd) {
		if (m.fd >= 0)
			close(m.fd);
		if (take_answer(&m) != E_OK) {
			err = E_BAD;
			break;
		}
	}
	if (err != E_OK && err != E_LIMIT)
		hang_up();
}

static int
connect_resolver(void)
{
	if (wire.chan >= 0)
		return E_OK;
	if (child_channel("resolver", &wire.chan) != E_OK)
		return E_IO;
	wire.watch = loop_watch(wire.loop, wire.chan, LOOP_READ, on_resolver, NULL);
	return E_OK;
}

/* E_OK, E_IO: the channel is no good. */
static int
question_send(struct question *q)
{
	struct buf body = {0};
	int err = E_OK;
	q->first = wire.last + 1;
	wire.last += (uint32_t)q->n;
	for (size_t i = 0; i < q->n && err == E_OK; i++) {
		q->queries[i].is_answered = false;
		buf_reset(&body);
		buf_u32(&body, q->first + (uint32_t)i);
		buf_u16(&body, (uint16_t)q->queries[i].kind);
		buf_bytes(&body, buf_as_span(&q->queries[i].name));
		err = ask_send(wire.chan, RESOLVER_QUERY, buf_as_span(&body), -1, 0);
	}
	q->n_left = q->n;
	q->is_sent = err == E_OK;
	buf_free(&body);
	return err;
}

/* One whose time is over, or whom nobody answers. */
static struct question *
lost_one(int64_t now)
{
	struct question *q = wire.questions;
	while (q && q->late_ms > now && (q->is_sent || q->attempts < CHILD_ATTEMPTS))
		q = q->next;
	return q;
}

static void
send_questions(void)
{
	size_t n = 0;
	for (struct question *q; (q = lost_one(clock_mono_ms()));)
		question_end(q, q->is_sent ? "the DNS did not answer in time"
					   : "there is no resolver now");
	for (struct question *q = wire.questions; q && n < WIRE_DNS_BUSY_MAX;
	     q = q->next) {
		n++;
		if (q->is_sent)
			continue;
		q->attempts++;
		if (connect_resolver() != E_OK || question_send(q) != E_OK) {
			hang_up();
			return;
		}
	}
}

void
wire_ask(const struct wire_query *queries, size_t n, wire_dns_fn *fn, void *ctx)
{
	struct question *q = mem_new(sizeof *q);
	if (n == 0 || n > WIRE_QUERIES_MAX)
		bug("too many questions at once");
	*q = (struct question){.fn = fn,
	    .ctx = ctx,
	    .n = n,
	    .n_left = n,
	    .arena = {.max_bytes = ANSWER_ARENA_BYTES},
	    .late_ms = deadline_in_ms(DNS_LATE_MS)};
	for (size_t i = 0; i < n; i++) {
		if (!dns_name_ok(queries[i].name))
			bug("a question for what is no name");
		q->queries[i].kind = queries[i].kind;
		buf_span(&q->queries[i].name, queries[i].name);
	}
	*wire.questions_end = q;
	wire.questions_end = &q->next;
	loop_timer_set(wire.kick, 0);
}

/* ---- fetches ---- */

static void
fetch_close(struct fetch *f)
{
	loop_unwatch(&f->watch);
	loop_timer_free(&f->late);
	ask_hang_up(&f->chan);
}

static void
fetch_end(struct fetch *f, const struct fetch_answer *a)
{
	struct fetch **link = &wire.fetches;
	while (*link != f)
		link = &(*link)->next;
	*link = f->next;
	if (!f->next)
		wire.fetches_end = link;
	fetch_close(f);
	f->fn(f->ctx, a);
	buf_free(&f->body);
	arena_reset(&f->arena);
	mem_free(&f);
	loop_timer_set(wire.kick, 0);
}

static void
fetch_fail(struct fetch *f, const char *why)
{
	fetch_end(f,
	    &(struct fetch_answer){.status = FETCH_UNREACHABLE, .why = span_of(why)});
}

static void
on_fetch(void *ctx, int fd, unsigned events)
{
	struct fetch *f = ctx;
	struct fetch_answer a;
	struct ask_msg m;
	(void)events;
	int err = ask_recv(fd, &wire.in, &m, 0);
	if (err == E_LIMIT)
		return;
	if (err == E_OK && m.fd >= 0)
		close(m.fd);
	if (err == E_OK && (m.type != (f->kind | ASK_REPLY) ||
			       fetch_answer_get(&m.body, &f->arena, &a) != E_OK))
		err = E_BAD;
	if (err == E_OK) {
		fetch_end(f, &a);
		return;
	}
	fetch_close(f); /* who does it has died: the next one is asked */
	if (f->attempts == CHILD_ATTEMPTS)
		fetch_fail(f, "nobody fetches now");
	else
		loop_timer_set(wire.kick, 0);
}

static void
on_late_fetch(void *ctx)
{
	fetch_fail(ctx, "not in time");
}

static void
fetch_begin(struct fetch *f)
{
	f->attempts++;
	if (child_channel("fetch", &f->chan) != E_OK ||
	    ask_send(f->chan, (uint16_t)f->kind, buf_as_span(&f->body), -1, 0) !=
		E_OK) {
		fetch_fail(f, "nobody fetches now");
		return;
	}
	f->watch = loop_watch(wire.loop, f->chan, LOOP_READ, on_fetch, f);
	f->late = loop_timer_new(wire.loop, on_late_fetch, f);
	loop_timer_set(f->late, WIRE_FETCH_MS);
}

static void
begin_fetches(void)
{
	size_t n = 0;
	for (struct fetch *f = wire.fetches; f; f = f->next)
		n += f->chan >= 0;
	for (struct fetch *f = wire.fetches, *next; f && n < WIRE_FETCH_BUSY_MAX;
	     f = next) {
		next = f->next;
		if (f->chan >= 0)
			continue;
		n++;
		fetch_begin(f);
	}
}

void
wire_fetch(const struct fetch_question *q, wire_fetch_fn *fn, void *ctx)
{
	struct fetch *f = mem_new(sizeof *f);
	*f = (struct fetch){.fn = fn,
	    .ctx = ctx,
	    .kind = fetch_question_kind(q),
	    .chan = -1,
	    .arena = {.max_bytes = ANSWER_ARENA_BYTES}};
	fetch_question_put(&f->body, q);
	*wire.fetches_end = f;
	wire.fetches_end = &f->next;
	loop_timer_set(wire.kick, 0);
}

/* ---- the loop ---- */

static void
on_kick(void *ctx)
{
	(void)ctx;
	if (wire.questions && wire.chan >= 0)
		loop_timer_set(wire.kick, LOOK_EVERY_MS);
	send_questions();
	begin_fetches();
}

void
wire_open(struct loop *loop)
{
	wire.loop = loop;
	wire.kick = loop_timer_new(loop, on_kick, NULL);
}
