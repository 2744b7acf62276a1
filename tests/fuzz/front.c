/* SPDX-License-Identifier: ISC */
/* front.c - the front of a login, for fuzzers of its dialects. */
#include "front.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/log.h"
#include "conf/conf.h"

unsigned n_asked;
bool must_have_tag;

void
check(bool ok)
{
	if (!ok)
		abort();
}

struct front_conn
front_client(uint8_t how)
{
	struct front_conn c = {
	    .state = FRONT_TALK, .peer.is_loopback = how & FRONT_IS_LOOPBACK};
	if (how & FRONT_HAS_TLS)
		c.tls = (struct tls_conn *)&n_asked; /* nobody looks into it here */
	return c;
}

void
front_client_free(struct front_conn *c)
{
	buf_free(&c->out);
	buf_free(&c->user);
	buf_free(&c->tag);
	buf_free(&c->command);
}

const char *
conf_str(const struct conf *conf, const char *section, const char *name)
{
	(void)conf, (void)section, (void)name;
	return "mail.example.test";
}

bool
front_may_tls(const struct front_conn *c)
{
	return !c->tls;
}

bool
front_may_show(const struct front_conn *c)
{
	return c->tls || c->peer.is_loopback;
}

void
front_mechanisms(const struct front_conn *c, struct buf *out)
{
	buf_str(out, front_may_show(c) ? "SCRAM-SHA-256 PLAIN" : "SCRAM-SHA-256");
}

void
front_starttls(struct front_conn *c)
{
	check(!c->tls);
	c->state = FRONT_HANDSHAKE;
}

void
front_auth(struct front_conn *c, struct span mech, const struct span *initial)
{
	check(mech.n > 0 && (!initial || initial->n <= AUTH_DATA_MAX));
	check(!must_have_tag || c->tag.len > 0); /* the session answers it */
	n_asked++;
	c->state = FRONT_ASKING;
}

void
front_auth_plain(struct front_conn *c, struct span user, struct span password)
{
	(void)password;
	check(front_may_show(c) && user.n && utf8_valid(user) &&
	      span_find(user, '\0') == user.n);
	front_auth(c, SPAN("PLAIN"), NULL);
}

void
front_end(struct front_conn *c)
{
	c->state = FRONT_CLOSING;
}

void
front_error(struct front_conn *c)
{
	if (++c->errors >= FRONT_ERRORS_MOST)
		front_end(c);
}

void
front_octets(struct front_conn *c, size_t n)
{
	check(n <= FRONT_OCTETS_MAX);
	c->n_octets_wanted = n;
}

/* ---- and of its session, what it says ---- */

void
io_put(struct io *io, struct span s)
{
	buf_span(&io->out, s);
}

void
io_putf(struct io *io, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	buf_vputf(&io->out, fmt, ap);
	va_end(ap);
}
