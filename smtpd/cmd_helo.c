/* SPDX-License-Identifier: ISC */
/* cmd_helo.c - HELO and EHLO, RFC 5321 4.1.1.1, and what is offered. */
#include "auth/auth.h"
#include "proc/child.h"
#include "smtpd/command.h"
#include "smtpd/pace.h"

/* An earlier transaction ends; who this is stands in Received. */
static enum reply
greet(struct session *s, struct span argument, bool is_esmtp)
{
	struct span name = span_cut(&argument, ' ');
	buf_reset(&s->argument);
	if (helo_parse(name) != E_OK) {
		buf_str(&s->argument, is_esmtp ? "EHLO hostname" : "HELO hostname");
		return R_SYNTAX;
	}
	enum reply r = pace_check(s, 0, 0);
	if (r != R_NONE)
		return r;
	txn_reset(s);
	buf_reset(&s->helo);
	buf_span(&s->helo, name);
	s->is_esmtp = is_esmtp;
	s->phase = PH_READY;
	r = policy_helo(s);
	if (r != R_NONE) {
		s->phase = PH_GREETED;
		return r;
	}
	buf_str(&s->argument, s->limits->hostname);
	return R_HELO;
}

enum reply
cmd_helo(struct session *s, struct span argument)
{
	return greet(s, argument, false);
}

bool
auth_is_offered(const struct session *s)
{
	return session_is_submission(s) && !s->account.len &&
	       (s->cover.is_tls ||
		   (s->client.is_loopback && s->limits->has_plaintext_on_loopback));
}

static void
put_auth(struct session *s)
{
	struct buf names = {0}, type = {0}, data = {0};
	struct auth_conn c;
	auth_conn_of(s, &type, &data, &c);
	auth_mechanisms(the_child.conf, &c, &names);
	if (names.len)
		io_putf(&s->io, "250-AUTH %s\r\n", buf_cstr(&names));
	buf_free(&names);
	buf_free(&type);
	buf_free(&data);
}

/* RFC 4865 4: how long, and until when that would be now. */
static void
put_future(struct session *s)
{
	io_putf(&s->io, "250-FUTURERELEASE %lld ", (long long)s->limits->future_sec);
	time3339_put(&s->io.out, clock_wall_sec() + s->limits->future_sec);
	io_putf(&s->io, "\r\n");
}

static void
put_trusted(struct session *s)
{
	struct buf names = {0};
	if (s->may_xclient) {
		xattr_names(XVERB_CLIENT, &names);
		io_putf(&s->io, "250-XCLIENT%s\r\n", buf_cstr(&names));
	}
	buf_reset(&names);
	if (s->may_xforward) {
		xattr_names(XVERB_FORWARD, &names);
		io_putf(&s->io, "250-XFORWARD%s\r\n", buf_cstr(&names));
	}
	buf_free(&names);
}

/* RFC 2033 4.1 */
enum reply
cmd_lhlo(struct session *s, struct span argument)
{
	return cmd_ehlo(s, argument);
}

enum reply
cmd_ehlo(struct session *s, struct span argument)
{
	enum reply r = greet(s, argument, true);
	if (r != R_HELO)
		return r;
	io_putf(&s->io,
	    "250-%s\r\n250-PIPELINING\r\n250-SIZE "
	    "%s\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n"
	    "250-CHUNKING\r\n250-BINARYMIME\r\n250-LIMITS RCPTMAX=%llu\r\n"
	    "250-SMTPUTF8\r\n250-DSN\r\n",
	    s->limits->hostname, s->limits->message_text,
	    (unsigned long long)s->limits->recipients);
	if (burl_is_offered(s))
		io_putf(&s->io, "250-BURL imap\r\n");
	if (session_is_submission(s) && s->limits->future_sec)
		put_future(s);
	if (s->cover.is_tls)
		io_putf(&s->io, "250-REQUIRETLS\r\n");
	if (the_process.tls && !s->cover.is_tls)
		io_putf(&s->io, "250-STARTTLS\r\n");
	if (auth_is_offered(s))
		put_auth(s);
	if (s->limits->has_etrn && s->client.kind != KIND_LMTP)
		io_putf(&s->io, "250-ETRN\r\n");
	put_trusted(s);
	return R_EHLO_LAST;
}
