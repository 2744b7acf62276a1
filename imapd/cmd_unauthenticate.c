/* SPDX-License-Identifier: ISC */
/*
 * cmd_unauthenticate.c - UNAUTHENTICATE: RFC 8437.  A session is its user's process: the connection
 * goes back to a front, which speaks the dialect of before the login, and all that was set here ends
 * with the session.  It is not advertised where it is switched off (8) or cannot go back; the client
 * hears BYE (3) where it had heard of it before it was compressed (where its last compressed octet
 * is, is not known), or with more sent ahead than a front takes: what it sent behind is another's.
 */
#include "imapd/command.h"
#include "login/serve.h"

static enum reply
cannot(struct session *s)
{
	buf_str(respond_out(s), "* BYE [UNAVAILABLE] log in on a new connection\r\n");
	return R_NONE;
}

enum reply
cmd_unauthenticate(struct session *s, struct command *c)
{
	if (!s->may_unauthenticate)
		return R_BAD_COMMAND; /* 3: it is not advertised */
	s->is_over = true;
	if (s->deflate || io_unread(&s->io).n > LOGIN_INPUT_MAX)
		return cannot(s);
	selected_close(s);
	store_unselect_now(s->store);
	respond_tagged(s, R_DONE, c->verb, NULL);
	if (serve_return(&s->io, s->has_tls) != E_OK)
		s->is_broken = true;
	return R_NONE;
}
