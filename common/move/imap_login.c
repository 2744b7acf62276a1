/* SPDX-License-Identifier: ISC */
/* imap_login.c - greeting, TLS, and who we are. */
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "move/imap_talk.h"

void
imap_init(struct imap *c, int fd)
{
	*c = (struct imap){.tag = 0};
	io_init(&c->io, fd, IMAP_LINE_MAX * 4, IMAP_LINE_MAX * 4);
	c->io.idle_ms = IMAP_IDLE_MS;
	c->io.chunk = IMAP_LINE_MAX;
}

void
imap_done(struct imap *c)
{
	if (c->io.fd >= 0 && c->failure.status == EX_OK && c->tag) {
		talk_send(c, SPAN("LOGOUT"));
		c->io.deadline = deadline_in_ms(1000);
		if (io_flush(&c->io) != E_OK)
			c->failure.status = EX_TEMPFAIL;
	}
	tls_conn_close(&c->conn, &c->io);
	io_done(&c->io);
	buf_wipe(&c->text);
	buf_free(&c->failure.why);
	arena_reset(&c->arena);
	free((void *)(uintptr_t)c->prefix.p);
	c->prefix = SPAN("");
}

/* ---- TLS ---- */

static int
on_capability(struct imap *c, const struct imap_reply *r, void *ctx)
{
	(void)ctx;
	if (r->kind == IMAP_DATA && span_ieqs(r->word, "CAPABILITY"))
		c->capabilities = imap_capabilities(r->rest);
	return E_OK;
}

static int
ask_capabilities(struct imap *c)
{
	c->capabilities = 0;
	int err = talk(c, SPAN("CAPABILITY"), on_capability, NULL);
	return err == E_BAD ? E_IO : err;
}

/* What was said before TLS began is forgotten: RFC 9051 6.2.1. */
static int
start_tls(struct imap *c, const struct server_login *l)
{
	if (!(c->capabilities & IMAP_HAS_STARTTLS))
		return failed(
		    &c->failure, EX_PROTOCOL, "the server does not offer STARTTLS");
	int err = talk(c, SPAN("STARTTLS"), NULL, NULL);
	if (err == E_OK)
		err = server_begin_tls(l, &c->io, &c->conn, &c->failure);
	return err == E_OK ? ask_capabilities(c) : E_IO;
}

/* ---- greeting ---- */

static int
greeting(struct imap *c, const struct server_login *l, bool *is_in)
{
	struct imap_reply r;
	int err = talk_read(c, &r);
	if (err != E_OK)
		return err;
	if (r.kind != IMAP_STATUS || r.tag.n ||
	    (r.status != IMAP_OK && r.status != IMAP_PREAUTH))
		return failed(
		    &c->failure, EX_PROTOCOL, "the server's greeting is none");
	*is_in = r.status == IMAP_PREAUTH;
	/*
	 * who is logged in already cannot begin TLS any more: somebody in between says so (RFC 8314
	 * 3.2)
	 */
	if (*is_in && l->tls == SERVER_TLS_STARTTLS)
		return failed(
		    &c->failure, EX_PROTOCOL, "the server has us logged in before TLS");
	return c->capabilities ? E_OK : ask_capabilities(c);
}

/* ---- who we are ---- */

/* The server must say "+" before what it is given then. */
static int
go_ahead(struct imap *c, uint32_t tag)
{
	struct imap_reply r;
	int err;
	while ((err = talk_read(c, &r)) == E_OK && r.kind != IMAP_CONTINUE)
		if (talk_is_answer(&r, tag)) {
			failed(&c->failure, EX_NOPERM,
			    "the server refuses the login: %.*s",
			    SPAN_ARG(span_head(r.text, 300)));
			return E_IO;
		}
	return err;
}

static int
end_login(struct imap *c, uint32_t tag)
{
	struct imap_reply r;
	int err = talk_until(c, tag, on_capability, NULL, &r);
	if (err == E_BAD)
		return failed(&c->failure, EX_NOPERM,
		    "the server refuses the login: %.*s",
		    SPAN_ARG(span_head(r.text, 300)));
	return err;
}

/* RFC 4616, with RFC 4959 where it may be in one line. */
static int
authenticate_plain(struct imap *c, const struct server_login *l)
{
	struct buf message = {0}, line = {0};
	buf_ch(&message, '\0');
	buf_span(&message, l->user);
	buf_ch(&message, '\0');
	buf_span(&message, l->password);
	bool is_short = c->capabilities & IMAP_HAS_SASL_IR;
	buf_str(&line, is_short ? "AUTHENTICATE PLAIN " : "AUTHENTICATE PLAIN");
	if (is_short)
		buf_base64(&line, buf_as_span(&message));
	uint32_t tag = talk_send(c, buf_as_span(&line));
	int err = is_short ? E_OK : go_ahead(c, tag);
	if (err == E_OK && !is_short) {
		buf_reset(&line);
		buf_base64(&line, buf_as_span(&message));
		io_put(&c->io, buf_as_span(&line));
		io_put(&c->io, SPAN("\r\n"));
	}
	buf_wipe(&message);
	buf_wipe(&line);
	return err == E_OK ? end_login(c, tag) : err;
}

/* A string that cannot be quoted goes as a literal, for which the server is waited for. */
static int
put_argument(struct imap *c, uint32_t tag, struct span s)
{
	struct buf quoted = {0};
	int err = E_OK;
	io_put(&c->io, SPAN(" "));
	if (imap_quoted_put(&quoted, s)) {
		io_put(&c->io, buf_as_span(&quoted));
	} else {
		io_putf(&c->io, "{%zu}\r\n", s.n);
		err = go_ahead(c, tag);
		io_put(&c->io, s);
	}
	buf_wipe(&quoted);
	return err;
}

static int
login(struct imap *c, const struct server_login *l)
{
	io_putf(&c->io, "m%u LOGIN", ++c->tag);
	uint32_t tag = c->tag;
	int err = put_argument(c, tag, l->user);
	if (err == E_OK)
		err = put_argument(c, tag, l->password);
	io_put(&c->io, SPAN("\r\n"));
	return err == E_OK ? end_login(c, tag) : err;
}

static int
authenticate(struct imap *c, const struct server_login *l)
{
	if (c->capabilities & IMAP_HAS_PLAIN)
		return authenticate_plain(c, l);
	if (!(c->capabilities & IMAP_HAS_LOGINDISABLED))
		return login(c, l);
	return failed(&c->failure, EX_PROTOCOL,
	    "the server offers neither AUTH=PLAIN nor LOGIN%s",
	    l->tls == SERVER_TLS_NONE ? " without TLS" : "");
}

int
imap_login(struct imap *c, const struct server_login *l)
{
	bool is_in = false;
	c->io.deadline = deadline_in_ms(IMAP_LOGIN_MS);
	int err = l->tls == SERVER_TLS_IMPLICIT
	              ? server_begin_tls(l, &c->io, &c->conn, &c->failure)
	              : E_OK;
	if (err == E_OK)
		err = greeting(c, l, &is_in);
	if (err == E_OK && l->tls == SERVER_TLS_STARTTLS)
		err = start_tls(c, l);
	if (err == E_OK && !is_in)
		err = authenticate(c, l);
	if (err == E_OK)
		err = ask_capabilities(c); /* there are others now */
	c->io.deadline = DEADLINE_NONE;
	return err;
}
