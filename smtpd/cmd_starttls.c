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
	if (!the_process.tls)
		return R_NOT_HERE;
	if (s->tls) {
		buf_str(&s->argument, "TLS is active");
		return R_SEQUENCE;
	}
	io_discard(&s->io);
	session_say(s, R_TLS_READY);
	int64_t deadline = deadline_in_ms(TLS_HANDSHAKE_MS);
	if (tls_accept(the_process.tls, &s->io,
		deadline < s->deadline ? deadline : s->deadline, &s->tls) != E_OK) {
		log_event(LOG_INFO, "tls_failed", "client=%s", s->client.text);
		return R_HANGUP;
	}
	txn_reset(s);
	buf_reset(&s->helo);
	buf_reset(&s->account);
	buf_reset(&s->mechanism);
	s->is_esmtp = false;
	s->phase = PH_GREETED;
	return R_NONE;
}
