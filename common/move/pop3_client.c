/* SPDX-License-Identifier: ISC */
/* pop3_client.c - a POP3 client that reads lists and heads. */
#include "move/pop3_client.h"

#include <sysexits.h>

#include "base/clock.h"
#include "base/log.h"

enum { SAID_SHOWN_MAX = 300, QUIT_MS = 1000 };

void
pop3_init(struct pop3 *c, int fd)
{
	*c = (struct pop3){.is_in = false};
	io_init(&c->io, fd, POP3_LINE_MAX * 4, POP3_LINE_MAX * 4);
	c->io.idle_ms = POP3_IDLE_MS;
}

void
pop3_done(struct pop3 *c)
{
	if (c->is_in && c->failure.status == EX_OK) {
		io_put(&c->io, SPAN("QUIT\r\n"));
		c->io.deadline = deadline_in_ms(QUIT_MS);
		if (io_flush(&c->io) != E_OK)
			c->failure.status = EX_TEMPFAIL;
	}
	tls_conn_close(&c->conn, &c->io);
	io_done(&c->io);
	buf_free(&c->failure.why);
}

/* ---- lines ---- */

/* What was borrowed of the last line. */
static void
end_line(struct pop3 *c)
{
	io_take(&c->io, c->line_bytes);
	c->line_bytes = 0;
}

/*
 * Up to its LF, without it and a CR before it; borrow: until the next.  One that is too long ends
 * it all, at once.
 */
static int
read_line(struct pop3 *c, struct span *out)
{
	struct span in;
	end_line(c);
	while (in = io_unread(&c->io), span_find(in, '\n') == in.n) {
		if (in.n > POP3_LINE_MAX)
			return failed(&c->failure, EX_PROTOCOL,
			    "the server does not speak POP3: a line that is too long");
		int err = io_fill(&c->io);
		if (err != E_OK)
			return failed(&c->failure, EX_TEMPFAIL,
			    err == E_LIMIT ? "the POP3 server does not answer in time"
					   : "the POP3 server ended the connection");
	}
	*out = span_head(in, span_find(in, '\n'));
	c->line_bytes = out->n + 1;
	if (out->n && out->p[out->n - 1] == '\r')
		out->n--;
	return E_OK;
}

/* "+OK", or why not: E_DENY, with what it said */
static int
read_reply(struct pop3 *c, struct span *said)
{
	int err = read_line(c, said);
	if (err != E_OK)
		return err;
	if (span_istarts(*said, SPAN("+OK")))
		return E_OK;
	if (span_istarts(*said, SPAN("-ERR")))
		return E_DENY;
	return failed(&c->failure, EX_PROTOCOL, "the server does not speak POP3: %s",
	    log_q(span_head(*said, SAID_SHOWN_MAX)));
}

static int
ask(struct pop3 *c, const char *command, struct span argument, struct span *said)
{
	io_putf(&c->io, "%s%s", command, argument.n ? " " : "");
	io_put(&c->io, argument);
	io_put(&c->io, SPAN("\r\n"));
	return read_reply(c, said);
}

/*
 * The lines of an answer, until the dot; fn with each, without a dot that was put before it.  What
 * fn takes for wrong is passed over.
 */
static int
each_line(
    struct pop3 *c, unsigned most, int (*fn)(void *ctx, struct span line), void *ctx)
{
	struct span line;
	int err;
	while ((err = read_line(c, &line)) == E_OK && !span_eqs(line, "."))
		if (fn(ctx, line.n > 1 && line.p[0] == '.' ? span_from(line, 1)
							   : line) == E_LIMIT ||
		    most-- == 0)
			return failed(&c->failure, EX_UNAVAILABLE,
			    "the POP3 server says too much");
	return err;
}

/* ---- who we are ---- */

static bool
has_line_end(struct span s)
{
	return span_find(s, '\r') < s.n || span_find(s, '\n') < s.n ||
	       span_find(s, '\0') < s.n;
}

static int
say_who(struct pop3 *c, const struct server_login *l)
{
	struct span said;
	if (has_line_end(l->user) || has_line_end(l->password))
		return failed(
		    &c->failure, EX_USAGE, "POP3 cannot say this name or password");
	int err = ask(c, "USER", l->user, &said);
	if (err == E_OK)
		err = ask(c, "PASS", l->password, &said);
	if (err == E_DENY)
		return failed(&c->failure, EX_NOPERM,
		    "the POP3 server refuses the login: %.*s",
		    SPAN_ARG(span_head(said, SAID_SHOWN_MAX)));
	c->is_in = err == E_OK;
	return err;
}

static int
on_capability(void *ctx, struct span line)
{
	struct pop3 *c = ctx;
	c->has_pipelining |= span_ieqs(line, "PIPELINING"); /* RFC 2449 6.6 */
	return E_OK;
}

/* One that does not know CAPA can do what RFC 1939 says. */
static int
ask_capabilities(struct pop3 *c)
{
	struct span said;
	int err = ask(c, "CAPA", SPAN(""), &said);
	if (err == E_OK)
		err = each_line(c, POP3_CAPA_LINES_MAX, on_capability, c);
	return err == E_DENY ? E_OK : err;
}

int
pop3_login(struct pop3 *c, const struct server_login *l)
{
	struct span said;
	c->io.deadline = deadline_in_ms(POP3_LOGIN_MS);
	int err = l->tls == SERVER_TLS_IMPLICIT
	              ? server_begin_tls(l, &c->io, &c->conn, &c->failure)
	              : E_OK;
	if (err == E_OK)
		err = read_reply(c, &said);
	if (err == E_OK && l->tls == SERVER_TLS_STARTTLS) { /* RFC 2595 4 */
		err = ask(c, "STLS", SPAN(""), &said);
		if (err == E_OK) {
			end_line(c); /* what is behind it is for TLS */
			err = server_begin_tls(l, &c->io, &c->conn, &c->failure);
		}
	}
	if (err == E_DENY)
		return failed(&c->failure, EX_UNAVAILABLE, "the POP3 server says: %.*s",
		    SPAN_ARG(span_head(said, SAID_SHOWN_MAX)));
	if (err == E_OK)
		err = say_who(c, l);
	if (err == E_OK)
		err = ask_capabilities(c);
	c->io.deadline = DEADLINE_NONE;
	return err;
}

/* ---- lists ---- */

static int
on_list(void *ctx, struct span line)
{
	return pop3_list_line(ctx, line);
}

static int
on_uidl(void *ctx, struct span line)
{
	return pop3_uidl_line(ctx, line);
}

static int
list(struct pop3 *c, const char *command, int (*fn)(void *, struct span),
    struct pop3_messages *out)
{
	struct span said;
	int err = ask(c, command, SPAN(""), &said);
	if (err == E_DENY)
		return failed(&c->failure, EX_UNAVAILABLE,
		    "the POP3 server refuses %s: %.*s", command,
		    SPAN_ARG(span_head(said, SAID_SHOWN_MAX)));
	return err == E_OK ? each_line(c, POP3_LIST_LINES_MAX, fn, out) : err;
}

int
pop3_messages(struct pop3 *c, struct pop3_messages *out)
{
	*out = (struct pop3_messages){.n = 0};
	int err = list(c, "LIST", on_list, out);
	return err == E_OK ? list(c, "UIDL", on_uidl, out) : err;
}

/* ---- heads ---- */

static int
on_head(void *ctx, struct span line)
{
	struct buf *head = ctx;
	if (head->len + line.n + 2 > POP3_HEAD_MAX)
		return E_OK; /* the rest says nothing */
	buf_span(head, line);
	buf_str(head, "\r\n");
	return E_OK;
}

int
pop3_heads(
    struct pop3 *c, const struct pop3_messages *l, struct head_sum *out, size_t *n)
{
	struct buf head = {0};
	struct span said;
	size_t asked = 0, ahead = c->has_pipelining ? POP3_AHEAD : 1;
	int err = E_OK;
	*n = 0;
	for (size_t i = 0; i < l->n && err != E_IO; i++) {
		for (; asked < l->n && asked < i + ahead; asked++)
			io_putf(&c->io, "TOP %u 0\r\n", l->all[asked].number);
		buf_reset(&head);
		err = read_reply(c, &said);
		if (err == E_OK)
			err = each_line(c, POP3_HEAD_LINES_MAX, on_head, &head);
		else if (err == E_DENY)
			continue; /* this one alone: it is gone, or the server has no TOP */
		if (err != E_OK)
			break;
		head_sum(buf_as_span(&head), out[*n].sha256);
		out[(*n)++].index = i;
	}
	buf_free(&head);
	return err == E_DENY ? E_OK : err;
}
