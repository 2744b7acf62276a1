/* SPDX-License-Identifier: ISC */
/*
 * cmd_starttls.c - STARTTLS, RFC 3207: what was said before is forgotten, what was sent ahead is
 * not heard.
 */
#include "base/log.h"
#include "smtpd/command.h"
#include "tls/server.h"

enum reply
cmd_starttls(struct session *s, struct span argument)
{
	(void)argument;
	if (s->cover.is_tls) {
		buf_str(&s->argument, "TLS is active");
		return R_SEQUENCE;
	}
	if (!the_process.tls)
		return R_NOT_HERE;
	if (!tls_server_can_sign(the_process.tls))
		return R_TLS_DOWN; /* RFC 3207 4 */
	io_discard(&s->io);
	session_say(s, R_TLS_READY);
	if (session_secure(s) != E_OK)
		return R_HANGUP;
	txn_reset(s);
	buf_reset(&s->helo);
	buf_reset(&s->account);
	buf_reset(&s->mechanism);
	s->is_esmtp = false;
	s->phase = PH_GREETED;
	return R_NONE;
}
