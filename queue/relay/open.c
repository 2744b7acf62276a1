/* SPDX-License-Identifier: ISC */
/* open.c - a connection until it takes mail, and its end. */
#include <poll.h>

#include "base/log.h"
#include "conf/conf.h"
#include "conf/route.h"
#include "conf/source.h"
#include "queue/relay/remote.h"
#include "tls/client.h"

enum { ON_WAIT_MS = 20 /* past it a wait is long enough to do something else first */ };

void
remote_limits_read(const struct conf *c, struct remote_limits *out)
{
	const struct {
		const char *name;
		int64_t *ms;
	} times[] = {{"relay_connect_time", &out->connect_ms},
	    {"relay_greeting_time", &out->greeting_ms},
	    {"relay_command_time", &out->command_ms},
	    {"relay_data_time", &out->data_ms}, {"relay_block_time", &out->block_ms},
	    {"relay_end_time", &out->end_ms}, {"relay_message_time", &out->message_ms},
	    {"relay_idle_time", &out->idle_ms}};

	for (size_t i = 0; i < COUNT(times); i++)
		*times[i].ms = conf_int(c, "queue", times[i].name) * 1000;
	out->messages_most = (unsigned)conf_int(c, "queue", "relay_messages_most");
	out->source4 = span_of(conf_str(c, "queue", "relay_source4"));
	out->source6 = span_of(conf_str(c, "queue", "relay_source6"));
	out->has_dane = conf_bool(c, "queue", "relay_dane");
	out->has_sts = conf_bool(c, "queue", "mta_sts");
	out->has_tlsrpt = *conf_str(c, "queue", "tlsrpt_from") != '\0';
	out->name = conf_str(c, "queue", "relay_name");
	if (!*out->name)
		out->name = conf_str(c, "common", "hostname");
	out->hello = span_of(out->name);
}

void
remote_source(const struct conf *c, const struct hop *h, struct remote_limits *out)
{
	struct source s;
	if (!h->source)
		return;
	if (h->source > conf_list_count(c, "queue", "relay_sources") ||
	    source_parse(
		span_of(conf_list(c, "queue", "relay_sources", h->source - 1u)), &s) !=
		E_OK)
		bug("a source that the configuration does not have");
	out->source4 = s.v4.n ? s.v4 : out->source4;
	out->source6 = s.v6.n ? s.v6 : out->source6;
	out->hello = s.name.n ? s.name : out->hello;
}

void
remote_lost(struct remote *r, const char *status, const char *what)
{
	if (r->is_lost)
		return;
	buf_reset(&r->why);
	buf_putf(&r->why, "%s %.*s %s", status, SPAN_ARG(buf_as_span(&r->who)), what);
	r->how = r->io.fd >= 0 ? METRIC_ATTEMPT_CUT : METRIC_ATTEMPT_UNCONNECTED;
	r->is_lost = true;
}

static bool
has_bytes(const struct remote *r)
{
	const struct io *io = &r->io;
	return io->way && io->way->pending(io->way_ctx) > 0;
}

/* What is written goes out; then something comes in. */
static int
fill(struct remote *r)
{
	struct io *io = &r->io;
	int err = io_flush(io);
	if (err == E_IO) { /* it hangs up; what it said before counts */
		buf_reset(&io->out);
		return io_fill(io);
	}
	if (err != E_OK || has_bytes(r))
		return err == E_OK ? io_fill(io) : err;
	int64_t soon = deadline_in_ms(ON_WAIT_MS);
	err = io_wait(
	    io->fd, POLLIN, soon < io->deadline ? soon : io->deadline, IO_STAYS);
	if (err == E_LIMIT && r->on_wait)
		r->on_wait();
	return err == E_OK || err == E_LIMIT ? io_fill(io) : err;
}

/* One line of a reply; io_line without a wait of its own. */
static int
next_line(struct remote *r, struct span *out)
{
	while (!io_has_line(&r->io) && io_unread(&r->io).n < REPLY_LINE_MAX) {
		int err = fill(r);
		if (err != E_OK)
			return err;
	}
	int err = io_line(&r->io, REPLY_LINE_MAX, out);
	return err == E_LIMIT ? E_BAD : err;
}

int
remote_reply(struct remote *r, int64_t timeout_ms)
{
	int64_t until = deadline_in_ms(timeout_ms);
	struct span text;
	if (r->is_lost)
		return E_IO;
	r->io.deadline = until < r->message_deadline ? until : r->message_deadline;
	r->io.idle_ms = timeout_ms;
	reply_reset(&r->reply);
	int err;
	do {
		err = next_line(r, &text);
		if (err == E_OK) {
			err = reply_add(&r->reply, text);
			if (err == E_LIMIT)
				err = E_BAD;
		} else if (err == E_MORE)
			err = E_LIMIT;
	} while (err == E_MORE);
	if (err == E_LIMIT)
		remote_lost(r, "4.4.2", "did not answer in time");
	else if (err == E_BAD)
		remote_lost(r, "4.5.0", "said something that is no answer");
	else if (err != E_OK)
		remote_lost(r, "4.4.2", "closed the connection");
	return err == E_OK ? E_OK : E_IO;
}

int
remote_ask(struct remote *r, int64_t timeout_ms, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	buf_vputf(&r->io.out, fmt, ap);
	va_end(ap);
	return remote_reply(r, timeout_ms);
}

/* Whatever class it has: it is about us and the server, not about a message, and is tried again. */
int
remote_refused(struct remote *r, const char *status)
{
	if (r->is_lost)
		return E_IO;
	buf_reset(&r->why);
	buf_putf(&r->why, "%s ", status);
	reply_said(&r->reply, buf_as_span(&r->who), &r->why);
	r->how = r->reply.code >= 500 ? METRIC_ATTEMPT_5XX : METRIC_ATTEMPT_4XX;
	r->is_lost = true;
	return E_IO;
}

static bool
is_our_name(const struct remote *r)
{
	return r->hop->kind == ROUTE_MX &&
	       (span_ieqs(r->ehlo.name, r->limits->name) ||
		   span_ieq(r->ehlo.name, r->limits->hello));
}

int
remote_hello(struct remote *r)
{
	const char *verb = r->hop->is_lmtp ? "LHLO" : "EHLO";
	struct reply was = r->ehlo_reply;
	int err = remote_ask(
	    r, r->limits->command_ms, "%s %.*s\r\n", verb, SPAN_ARG(r->limits->hello));
	if (err == E_OK && r->reply.code >= 500 && !r->hop->is_lmtp)
		err = remote_ask(r, r->limits->command_ms, "HELO %.*s\r\n",
		    SPAN_ARG(r->limits->hello));
	if (err != E_OK || !reply_is_good(&r->reply))
		return remote_refused(r, "4.3.0");
	r->ehlo_reply = r->reply;
	r->reply = was;
	ehlo_parse(buf_as_span(&r->ehlo_reply.text), &r->ehlo);
	if (!is_our_name(r))
		return E_OK;
	remote_lost(
	    r, "5.4.6", "is this host itself: mail for its domain would go round");
	r->how = METRIC_ATTEMPT_UNFIT;
	return E_IO;
}

static int
greet(struct remote *r)
{
	if (remote_reply(r, r->limits->greeting_ms) != E_OK ||
	    !reply_is_good(&r->reply))
		return remote_refused(r, "4.3.2");
	return remote_hello(r);
}

/* The connection is no good, the destination may have others. */
static void
hang_up(struct remote *r)
{
	tls_conn_close(&r->tls, &r->io);
	io_done(&r->io);
	r->is_lost = r->is_verified = false;
}

int
remote_open(struct remote *r, const struct hop *hop, const struct remote_limits *limits)
{
	*r = (struct remote){.io = {.fd = -1},
	    .hop = hop,
	    .limits = limits,
	    .message_deadline = DEADLINE_NONE,
	    .who = {.max = 2 * HOP_NAME_MAX}};
	for (;;) {
		if (remote_connect(r) != E_OK)
			return E_IO;
		int err = greet(r);
		if (err == E_OK)
			err = remote_starttls(r);
		if (err == E_OK)
			err = remote_require_tls(r);
		if (err == E_OK)
			err = remote_login(r);
		if (err == E_OK)
			return E_OK;
		hang_up(r);
	}
}

void
remote_quit(struct remote *r)
{
	if (r->is_lost || r->io.fd < 0)
		return;
	r->io.deadline = deadline_in_ms(ON_WAIT_MS);
	io_put(&r->io, SPAN("QUIT\r\n"));
	if (io_flush(&r->io) != E_OK)
		log_event(
		    LOG_DEBUG, "no_quit", "remote=%s", log_q(buf_as_span(&r->who)));
}

void
remote_done(struct remote *r)
{
	tls_conn_close(&r->tls, &r->io);
	io_done(&r->io);
	reply_free(&r->reply);
	reply_free(&r->ehlo_reply);
	tls_results_free(&r->results);
	buf_free(&r->who);
	buf_free(&r->why);
}
