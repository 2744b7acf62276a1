/* SPDX-License-Identifier: ISC */
/*
 * cmd_xclient.c - XCLIENT and XFORWARD, of Postfix: hosts of xclient_networks say for whom they
 * speak, and it is as if that one had connected; hosts of xforward_networks say from whom a message
 * came first, and that stands in the log.
 */
#include <string.h>

#include "base/log.h"
#include "conf/domain.h"
#include "proc/child.h"
#include "smtpd/command.h"

static enum reply
parse(struct session *s, struct span argument, enum xattr_verb verb, struct xattrs *out)
{
	if (xattrs_parse(argument, verb, out) == E_OK)
		return R_NONE;
	buf_str(&s->argument, verb == XVERB_CLIENT ? "XCLIENT attribute=xtext ..."
						   : "XFORWARD attribute=xtext ...");
	return R_SYNTAX;
}

/* Whose address it is decides what may be relayed, and whether the line counts as private. */
static void
set_address(struct session *s, struct xattrs *x)
{
	const char *text = buf_cstr(&x->all[XATTR_ADDR].value);
	if (x->all[XATTR_ADDR].state == XATTR_ABSENT)
		return;
	if (x->all[XATTR_ADDR].state != XATTR_SET)
		text = CLIENT_UNKNOWN;
	memset(s->client.text, 0, sizeof s->client.text);
	memcpy(s->client.text, text, strlen(text)); /* at most INET6_ADDRSTRLEN */
	s->client.has_waited = false;
	s->client.is_loopback = !strncmp(text, "127.", 4) || !strcmp(text, "::1");
	s->may_relay = s->client.kind == KIND_LMTP ||
	               nets_has_text(&s->limits->relay, s->client.text);
}

/* Who logged in at the proxy, which checked it.  Who did here is gone with the client before. */
static void
set_login(struct session *s, const struct xattrs *x)
{
	buf_reset(&s->account);
	buf_reset(&s->mechanism);
	if (x->all[XATTR_LOGIN].state == XATTR_SET && session_is_submission(s)) {
		domain_address_put(
		    the_child.conf, xattr_text(x, XATTR_LOGIN), &s->account);
		s->must_retire = true;
		child_who(span_of(s->client.text), buf_as_span(&s->account));
	}
}

static void
log_client(const struct session *s, const struct xattrs *x)
{
	struct buf b = {0};
	for (unsigned i = 0; i < XATTR_COUNT; i++) {
		static const char *const names[XATTR_COUNT] = {"name", "addr", "port",
		    "proto", "helo", "login", "destaddr", "destport", "ident",
		    "source"};
		if (x->all[i].state != XATTR_ABSENT)
			buf_putf(&b, " %s=%s", names[i], log_q(xattr_text(x, i)));
	}
	log_event(LOG_INFO, "xclient", "client=%s%s", s->client.text, buf_cstr(&b));
	buf_free(&b);
}

/* Back to the greeting: nothing that was said before holds. */
enum reply
cmd_xclient(struct session *s, struct span argument)
{
	struct xattrs x = {0};
	if (!s->may_xclient)
		return R_NOT_TRUSTED;
	enum reply r = parse(s, argument, XVERB_CLIENT, &x);
	if (r == R_NONE) {
		log_client(s, &x);
		txn_reset(s);
		policy_end(s);
		set_address(s, &x);
		set_login(s, &x);
		buf_reset(&s->helo);
		s->is_esmtp = false;
		s->phase = PH_GREETED;
		policy_begin(s);
		buf_str(&s->argument, s->limits->hostname);
		r = s->client.kind == KIND_LMTP ? R_GREETING_LMTP : R_GREETING;
	}
	xattrs_reset(&x);
	return r;
}

/* For the next transaction. */
enum reply
cmd_xforward(struct session *s, struct span argument)
{
	if (!s->may_xforward)
		return R_NOT_TRUSTED;
	enum reply r = parse(s, argument, XVERB_FORWARD, &s->forwarded);
	if (r == R_NONE)
		return R_DONE;
	xattrs_reset(&s->forwarded);
	return r;
}
