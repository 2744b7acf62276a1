/* SPDX-License-Identifier: ISC */
/*
 * relay.c - the process: a hop and orders from sched, results to it.  Orders come in batches, read
 * when the one before is through; results go back in batches, too: before every wait that is not
 * short, and when nothing is left to do.
 */
#include "queue/relay/relay.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"
#include "conf/conf.h"
#include "conf/route.h"
#include "mime/idn.h"
#include "proc/child.h"
#include "queue/asks.h"
#include "queue/relay/target.h"

enum {
	HOP_WAIT_MS = 10000, /* for the hop, after a start */
	TELL_WAIT_MS = 60000,
	RESULTS_MOST = 32, /* are told at once */
	ORDERS_ARENA_BYTES = 4 << 20,
};

/* Orders of one packet, and the memory that their bytes are in. */
struct batch {
	struct buf packet; /* own */
	struct arena arena;
	struct rd rest;
	uint16_t n_left;
	char *bytes; /* own: mapped; NULL: none */
	size_t n_bytes;
};

static struct {
	int chan; /* own: to sched */
	/* the last ones: orders of theirs may be under way */
	struct batch batches[TALK_AHEAD_MOST + 2];
	unsigned n_batches; /* that there were */
	struct buf results;
	uint16_t n_results;
	struct remote remote;
	struct remote_limits limits;
	int ca;
	bool has_sched;  /* it has not gone */
	bool is_leaving; /* it said that nothing comes any more */
} relay = {.chan = -1, .ca = -1, .has_sched = true};

/* ---- results ---- */

static void
tell(uint16_t type, struct span body)
{
	if (relay.has_sched &&
	    ask_send(relay.chan, type, body, -1, deadline_in_ms(TELL_WAIT_MS)) != E_OK)
		relay.has_sched =
		    false; /* the next one is told of our messages by the spool, and they are sent again */
}

static void
tell_results(void)
{
	struct buf body = {.max = ASK_MSG_MAX - 2};
	if (!relay.n_results)
		return;
	buf_u16(&body, relay.n_results);
	buf_span(&body, buf_as_span(&relay.results));
	tell(RELAY_RESULTS, buf_as_span(&body));
	buf_free(&body);
	buf_reset(&relay.results);
	relay.n_results = 0;
}

static void
on_result(const struct order *o, uint16_t i, enum job_outcome outcome,
    enum metric_attempt how, struct span reason)
{
	metric_attempts(hop_class(relay.remote.hop), how, 1);
	struct job_result r = {.id = o->id,
	    .rcpt = o->rcpts[i].index,
	    .outcome = (uint8_t)outcome,
	    .reason = reason,
	    .is_notified = (relay.remote.ehlo.can & EHLO_DSN) && outcome == JOB_PLACED};
	job_result_put(&relay.results, &r);
	if (++relay.n_results == RESULTS_MOST)
		tell_results();
}

/* ---- orders ---- */

static void
batch_free(struct batch *b)
{
	arena_reset(&b->arena);
	buf_free(&b->packet);
	if (b->bytes)
		munmap(b->bytes, b->n_bytes);
	*b = (struct batch){.arena = {.max_bytes = ORDERS_ARENA_BYTES}};
}

static struct batch *
batch_of(unsigned turn)
{
	return &relay.batches[turn % COUNT(relay.batches)];
}

/* A packet of sched's: what is wrong with it is our own mistake. */
static void
take_batch(struct ask_msg *m)
{
	struct batch *b = batch_of(++relay.n_batches);
	struct stat st;
	if (m->type != RELAY_SEND || m->fd < 0 || fstat(m->fd, &st) != 0)
		bug("sched sent something that is no order");
	batch_free(b);
	b->n_bytes = (size_t)st.st_size;
	buf_span(&b->packet, m->body.in);
	b->rest = rd_of(buf_as_span(&b->packet));
	b->n_left = rd_u16(&b->rest);
	b->bytes = b->n_bytes ? mmap(NULL, b->n_bytes, PROT_READ, MAP_PRIVATE, m->fd, 0)
	                      : NULL;
	if (b->bytes == MAP_FAILED)
		bug("a message that cannot be mapped");
	close(m->fd);
}

/* E_OK: a batch came.  E_LIMIT: none did.  E_IO: none will. */
static int
receive(void)
{
	struct buf in = {0};
	struct ask_msg m;
	int err = relay.has_sched && !relay.is_leaving
	              ? ask_recv(relay.chan, &in, &m, 0)
	              : E_IO;
	if (err == E_OK && m.type == RELAY_LEAVE) {
		relay.is_leaving = true;
		err = E_IO;
	} else if (err == E_OK)
		take_batch(&m);
	else if (err != E_LIMIT && !relay.is_leaving)
		relay.has_sched = false;
	buf_free(&in);
	return err;
}

/*
 * Idle: until sched, the remote or the monitor says something, or for too long.  E_OK: look again
 */
static int
wait_for_more(void)
{
	struct pollfd p[] = {{.fd = relay.chan, .events = POLLIN},
	    {.fd = relay.remote.io.fd, .events = POLLIN},
	    {.fd = the_child.control, .events = POLLIN}};
	int n = poll(p, COUNT(p), (int)relay.limits.idle_ms);
	/* it says 421, or hangs up, before it had a chance */
	if (n > 0 && p[1].revents && !relay.remote.n_begun)
		remote_lost(
		    &relay.remote, "4.4.2", "ended the connection before any mail");
	if (n <= 0 || p[1].revents)
		return E_LIMIT;
	if (p[2].revents)
		child_control();
	return E_OK;
}

static bool
next(bool is_waiting, struct order *out, struct span *message)
{
	struct batch *b;
	while ((b = batch_of(relay.n_batches))->n_left == 0) {
		int err = the_child.is_draining ? E_IO : receive();
		if (err == E_LIMIT && is_waiting) {
			tell_results();
			err = wait_for_more();
		}
		if (err != E_OK)
			return false;
	}
	b->n_left--;
	if (order_get(&b->rest, &b->arena, out) != E_OK || out->offset > b->n_bytes ||
	    out->bytes > b->n_bytes - out->offset)
		bug("sched sent an order that cannot be");
	*message = span_make(b->bytes ? b->bytes + out->offset : "", out->bytes);
	return true;
}

/* ---- the life ---- */

static int
take_hop(struct buf *in, struct hop *out)
{
	struct ask_msg m;
	int err = io_recv(relay.chan, in, &m, deadline_in_ms(HOP_WAIT_MS), IO_AT_DRAIN);
	if (err != E_OK)
		return err;
	if (m.fd >= 0)
		close(m.fd);
	return m.type == RELAY_HOP ? hop_get(&m.body, out) : E_BAD;
}

static int
by_name(const void *a, const void *b)
{
	const struct span *x = a, *y = b;
	int c = strncasecmp(x->p, y->p, x->n < y->n ? x->n : y->n);
	return c ? c : (x->n > y->n) - (x->n < y->n);
}

/* Domains whose best exchangers are the same are one provider's. */
static int
may_connect(struct remote *r, const struct span *hosts, size_t n)
{
	struct span sorted[TARGET_HOSTS_MAX];
	struct buf name = {.max = HOP_PROVIDER_MAX}, body = {0}, in = {0};
	struct ask_msg m;
	if (!r->hop->is_asking)
		return E_OK;
	memcpy(sorted, hosts, n * sizeof *hosts);
	qsort(sorted, n, sizeof *sorted, by_name);
	buf_str(&name, "mx");
	for (size_t i = 0; i < n; i++) {
		buf_ch(&name, ' ');
		for (size_t j = 0; j < sorted[i].n; j++)
			buf_ch(&name, ch_lower(sorted[i].p[j]));
	}
	/* so many that they do not fit: the first of them stand for all */
	buf_bytes(&body, buf_as_span(&name));
	tell(RELAY_AT, buf_as_span(&body));
	int err = relay.has_sched ? io_wait(relay.chan, POLLIN,
					deadline_in_ms(HOP_WAIT_MS), IO_AT_DRAIN)
	                          : E_IO;
	if (err == E_OK)
		err = ask_recv(relay.chan, &in, &m, 0);
	if (err == E_OK && m.type != RELAY_GO)
		bug("sched said something that is no answer");
	relay.has_sched = err == E_OK;
	if (err != E_OK)
		remote_lost(r, "4.4.5", "has as many connections as it is to have");
	buf_free(&name);
	buf_free(&body);
	buf_free(&in);
	return err == E_OK ? E_OK : E_IO;
}

static void
say_end(bool is_open)
{
	struct remote *r = &relay.remote;
	struct buf body = {0}, session = {0};
	bool is_down = !is_open || (r->is_lost && !r->n_taken);
	enum relay_end how = !is_down                   ? RELAY_END_FINE
	                     : !is_open && r->is_denied ? RELAY_END_POLICY
	                                                : RELAY_END_DOWN;
	if (is_open)
		remote_tls_session(r, &session);
	buf_u8(&body, (uint8_t)how);
	buf_u8(&body, (uint8_t)r->how);
	buf_bytes(&body, span_head(buf_as_span(&r->why), JOB_REASON_MAX));
	buf_bytes(&body,
	    session.len <= HOP_TLS_SESSION_MAX ? buf_as_span(&session) : SPAN(""));
	tell_results();
	tell(RELAY_END, buf_as_span(&body));
	log_event(LOG_INFO, is_open ? "relay_end" : "relay_down",
	    "remote=%s messages=%u why=%s", log_q(buf_as_span(&r->who)), r->n_taken,
	    log_q(buf_as_span(&r->why)));
	buf_free(&body);
	buf_wipe(&session);
}

/*
 * The DNS, TLS and policies know its domain in A-labels; what is none stays, and the DNS does not
 * know it.
 */
static struct span
host_ascii(struct span host)
{
	static struct buf ascii;
	return idn_ascii(host, &ascii) == E_OK ? buf_as_span(&ascii) : host;
}

static void
serve(const struct hop *hop)
{
	static const struct talk talk = {.next = next, .result = on_result};
	struct remote *r = &relay.remote;
	bool is_open = remote_open(r, hop, &relay.limits) == E_OK;
	r->on_wait = tell_results;
	if (is_open) {
		child_who(buf_as_span(&r->who), SPAN(""));
		talk_run(r, &talk);
		remote_quit(r);
	}
	say_end(is_open);
	remote_tell_notes(r);
	remote_done(r);
}

/* Before the jail: the authorities, read when a host's policy asks for them. */
int
relay_prepare(void)
{
	relay.ca = open(conf_str(the_child.conf, "common", "tls_authorities"),
	    O_RDONLY | O_CLOEXEC);
	return EX_OK;
}

/* To the ports that routes name, where the kernel can count them. */
void
relay_jail(struct jail *j)
{
	const struct conf *c = the_child.conf;
	uint16_t ports[JAIL_PORTS_MAX] = {ROUTE_PORT_SMTP};
	size_t n = 1, n_routes = conf_list_count(c, "queue", "routes");
	for (size_t i = 0; i < n_routes && n < JAIL_PORTS_MAX; i++) {
		struct route r;
		if (route_parse(span_of(conf_list(c, "queue", "routes", i)), &r) ==
			E_OK &&
		    r.kind == ROUTE_HOST)
			ports[n++] = r.port;
	}
	j->calls = JAIL_NET;
	if (*conf_str(c, "queue", "relay_source4") ||
	    *conf_str(c, "queue", "relay_source6") ||
	    conf_list_count(c, "queue", "relay_sources"))
		j->calls |= JAIL_BIND_TCP;
	for (size_t i = 0; i < n && n < JAIL_PORTS_MAX; i++)
		jail_port(j, ports[i]);
}

int
relay_run(void)
{
	struct buf in = {0};
	struct hop hop;
	remote_limits_read(the_child.conf, &relay.limits);
	relay.limits.ca = relay.ca;
	relay.limits.may_connect = may_connect;
	if (child_channel("sched", &relay.chan) != E_OK)
		return EX_TEMPFAIL;
	if (take_hop(&in, &hop) == E_OK) {
		if (hop.kind != ROUTE_UNIX)
			hop.host = host_ascii(hop.host);
		remote_source(the_child.conf, &hop, &relay.limits);
		serve(&hop);
	}
	buf_wipe(&in);
	return EX_OK;
}
