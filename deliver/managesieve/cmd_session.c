/* SPDX-License-Identifier: ISC */
/* cmd_session.c - CAPABILITY, NOOP, LOGOUT, UNAUTHENTICATE; AUTHENTICATE and STARTTLS refused. */
#include "base/log.h"
#include "deliver/managesieve/capability.h"
#include "deliver/managesieve/command.h"
#include "deliver/managesieve/reply.h"
#include "deliver/programs.h"
#include "login/serve.h"
#include "proc/child.h"

enum reply
cmd_capability(struct session *s, const struct syntax_command *c)
{
	struct sieve_limits limits;
	(void)c;
	programs_limits(the_child.conf, &limits);
	const struct capability what = {.may_return = s->may_return,
	    .sasl = s->mechanisms,
	    .owner = span_of(the_child.account),
	    .exts = programs_exts(the_child.conf),
	    .redirects = limits.redirects};
	capability_put(&s->io.out, &what);
	return R_DONE;
}

enum reply
cmd_noop(struct session *s, const struct syntax_command *c)
{
	if (c->n == 0)
		return R_DONE;
	reply_put_with(&s->io.out, "OK", "TAG", c->arguments[0].text, SPAN("done"));
	return R_SAID;
}

enum reply
cmd_logout(struct session *s, const struct syntax_command *c)
{
	(void)c;
	s->is_over = true;
	return R_DONE;
}

/*
 * RFC 5804 2.14.1: a session is its user's process, so the connection goes back to a front, which
 * speaks the dialect of before the login.
 */
enum reply
cmd_unauthenticate(struct session *s, const struct syntax_command *c)
{
	(void)c;
	s->is_over = true;
	if (!s->may_return || io_unread(&s->io).n > LOGIN_INPUT_MAX) {
		reply_put(
		    &s->io.out, "BYE", "TRYLATER", SPAN("log in on a new connection"));
		return R_SAID;
	}
	reply_put(&s->io.out, "OK", NULL, SPAN("you are logged out"));
	if (serve_return(&s->io, s->has_tls) != E_OK)
		log_event(LOG_INFO, "not_returned", "%s", "");
	return R_SAID;
}

enum reply
cmd_logged_in(struct session *s, const struct syntax_command *c)
{
	(void)s, (void)c;
	return R_LOGGED_IN;
}
