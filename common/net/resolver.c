/* SPDX-License-Identifier: ISC */
/*
 * resolver.c - the role that asks the DNS: who asked what, until when, and who has not read its
 * answer yet.
 */
#include "net/resolver.h"

#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "conf/conf.h"
#include "net/unbound.h"
#include "proc/jail.h"
#include "proc/loop.h"

enum {
	PH_ANY = 1,
	QUERY_BYTES = 4 + 2 + 4 + DNS_NAME_MAX + 1,
	QUERIES_A_WINDOW = 60000, /* of one asker, in ASK_TIMES_WINDOW_SEC */
	ANSWER_ARENA_BYTES = 1 << 20,
};

struct client {
	struct asker *asker;     /* borrow: it goes first */
	struct pending *pending; /* own */
	unsigned n_pending;
	struct loop_fd *writer; /* own; NULL but when the asker does not read */
};

/* One question, until its answer is sent. */
struct pending {
	struct pending *next, **link; /* of its client */
	struct client *client;
	uint32_t number; /* the asker's */
	enum dns_kind kind;
	struct buf name;
	struct loop_timer *timer; /* own */
	int id;                   /* libunbound's */
	bool is_starting;         /* libunbound was not left yet */
	struct buf answer;        /* empty: none yet */
};

static unsigned n_pending; /* of all clients */
static int64_t answer_ms;
static struct arena arena = {.max_bytes = ANSWER_ARENA_BYTES};

static void
pending_free(struct pending *p)
{
	*p->link = p->next;
	if (p->next)
		p->next->link = p->link;
	p->client->n_pending--;
	n_pending--;
	loop_timer_free(&p->timer);
	buf_free(&p->name);
	buf_free(&p->answer);
	mem_free(&p);
}

static struct pending *
pending_new(struct client *c, uint32_t number, enum dns_kind kind, struct span name)
{
	struct pending *p = mem_new(sizeof *p);
	*p = (struct pending){.client = c,
	    .number = number,
	    .kind = kind,
	    .next = c->pending,
	    .link = &c->pending};
	if (p->next)
		p->next->link = &p->next;
	c->pending = p;
	c->n_pending++;
	n_pending++;
	buf_span(&p->name, name);
	return p;
}

static void on_writable(void *ctx, int fd, unsigned events);

/*
 * Sends it and ends it; an asker that does not read gets it later, and of one that left we hear
 * elsewhere.
 */
static void
pending_send(struct pending *p)
{
	struct client *c = p->client;
	int err = ask_answer(c->asker, RESOLVER_QUERY, buf_as_span(&p->answer), -1);
	if (err != E_LIMIT)
		pending_free(p);
	else if (!c->writer)
		c->writer = loop_watch(
		    child_loop(), c->asker->chan, LOOP_WRITE, on_writable, c);
}

static void
on_writable(void *ctx, int fd, unsigned events)
{
	struct client *c = ctx;
	(void)fd, (void)events;
	loop_unwatch(&c->writer);
	for (struct pending *p = c->pending, *next; p && !c->writer; p = next) {
		next = p->next;
		if (p->answer.len)
			pending_send(p);
	}
}

static void
pending_answer(struct pending *p, const struct dns_answer *a)
{
	buf_u32(&p->answer, p->number);
	dns_answer_put(&p->answer, a);
	if (!p->is_starting)
		pending_send(p);
}

static void
pending_fail(struct pending *p, const char *why)
{
	pending_answer(p, &(struct dns_answer){.status = DNS_TEMP,
			      .name = buf_as_span(&p->name),
			      .why = span_of(why)});
}

static void
on_late(void *ctx)
{
	struct pending *p = ctx;
	if (p->answer.len)
		return; /* it waits for its asker only */
	unbound_cancel(p->id);
	pending_fail(p, "the DNS did not answer in time");
}

static void
answer_from(struct pending *p, const struct unbound_result *r, struct dns_answer *out)
{
	if (r->rcode || dns_packet_parse(r->packet, p->kind, buf_as_span(&p->name),
			    &arena, out) != E_OK)
		*out = (struct dns_answer){.status = DNS_TEMP, .why = SPAN("SERVFAIL")};
	out->is_secure = r->is_secure && out->status != DNS_TEMP;
	if (r->is_bogus)
		*out = (struct dns_answer){.status = DNS_BOGUS,
		    .why = span_of(
			r->why && r->why[0] ? r->why : "DNSSEC validation failed")};
	if (!out->name.n)
		out->name = buf_as_span(&p->name);
}

static void
on_result(void *ctx, const struct unbound_result *r)
{
	struct pending *p = ctx;
	struct dns_answer answer;
	answer_from(p, r, &answer);
	pending_answer(p, &answer);
	arena_reset(&arena);
}

static struct client *
client_of(struct asker *a)
{
	struct client *c = a->ctx;
	if (c)
		return c;
	a->ctx = c = mem_new(sizeof *c);
	c->asker = a;
	return c;
}

static void
on_gone(struct asker *a)
{
	struct client *c = a->ctx;
	if (!c)
		return;
	loop_unwatch(&c->writer);
	while (c->pending) {
		if (!c->pending->answer.len)
			unbound_cancel(c->pending->id);
		pending_free(c->pending);
	}
	mem_free(&c);
	a->ctx = NULL;
}

static bool
is_kind(unsigned kind)
{
	return dns_kind_name(kind)[0] != '?';
}

static void
start(struct pending *p)
{
	p->is_starting = true;
	if (n_pending > RESOLVER_PENDING_MAX)
		pending_fail(p, "too many questions wait");
	else if (unbound_ask(p->kind, buf_cstr(&p->name), p, &p->id) != E_OK &&
		 !p->answer.len)
		pending_fail(p, "the question could not be asked");
	p->is_starting = false;
	if (p->answer.len) {
		pending_send(p);
		return;
	}
	p->timer = loop_timer_new(child_loop(), on_late, p);
	loop_timer_set(p->timer, answer_ms);
}

static int
ask_query(struct asker *a, struct rd *body, int *fd, struct buf *reply, int *fd_back)
{
	uint32_t number = rd_u32(body);
	uint16_t kind = rd_u16(body);
	struct span name = rd_str(body, DNS_NAME_MAX + 1);
	(void)fd, (void)reply, (void)fd_back;
	if (rd_end(body) != E_OK || !is_kind(kind) || !dns_question_ok(name))
		return E_BAD;
	struct client *c = client_of(a);
	if (c->n_pending == RESOLVER_CLIENT_PENDING_MAX)
		return E_LIMIT;
	start(pending_new(c, number, kind, name));
	return E_MORE;
}

/* clang-format off */
static const struct ask_row rows[] = {
	/*                 name      legal in  times             bytes        fd back  answered by */
	[RESOLVER_QUERY] = {"QUERY", PH_ANY,   QUERIES_A_WINDOW, QUERY_BYTES, false,   ask_query},
};
/* clang-format on */

static const struct ask_table table = {
    .rows = rows, .n_rows = COUNT(rows), .who = "resolver client", .gone = on_gone};

const struct ask_table *
resolver_table(unsigned kind)
{
	(void)kind;
	return &table;
}

int
resolver_self_test(const struct conf *c, struct buf *errors)
{
	int err = E_OK;
	for (size_t i = 0; i < conf_list_count(c, "common", "resolver_trust_anchors");
	     i++) {
		const char *path = conf_list(c, "common", "resolver_trust_anchors", i);
		if (access(path, R_OK) == 0)
			continue;
		conf_where(c, "common", "resolver_trust_anchors", errors);
		buf_putf(errors,
		    "cannot read \"%s\"; a file of DS or DNSKEY records would be "
		    "right\n",
		    path);
		err = E_BAD;
	}
	return err;
}

int
resolver_prepare(void)
{
	answer_ms = conf_int(the_child.conf, "common", "resolver_time") * 1000;
	return unbound_open(the_child.conf, child_loop(), on_result) == E_OK
	           ? EX_OK
	           : EX_CONFIG;
}

/* Over TCP to the ports of the DNS servers only.  Over UDP the kernel cannot say so much. */
void
resolver_jail(struct jail *j)
{
	const struct conf *c = the_child.conf;
	size_t n = conf_list_count(c, "common", "resolver_forward");
	j->calls = JAIL_NET | JAIL_BIND_NET;
	if (n == 0)
		jail_port(j, DNS_PORT);
	for (size_t i = 0; i < n; i++)
		jail_port(j,
		    dns_server_parse(
			span_of(conf_list(c, "common", "resolver_forward", i)), NULL));
}

int
resolver_run(void)
{
	return child_serve(resolver_table, NULL, 0);
}
