/* SPDX-License-Identifier: ISC */
/* session.c - the frame of a conversation. */
#include "pop3d/session.h"

#include <sysexits.h>

#include "base/log.h"
#include "conf/conf.h"
#include "login/serve.h"
#include "pop3d/command.h"
#include "pop3d/expire.h"
#include "proc/child.h"

static struct store *the_store; /* own; NULL: not open yet */

static void
converse(struct session *s)
{
	struct span line;
	while (!s->is_over) {
		if (!io_has_line(&s->io) && io_flush(&s->io) != E_OK)
			return; /* RFC 2449 6.6: replies to what was pipelined go together */
		int err = io_line(&s->io, POP3_LINE_MAX, &line);
		if (err == E_OK) {
			command_run(s, line);
		} else if (err == E_BAD || err == E_LIMIT) {
			command_refuse(
			    s, err == E_BAD ? "a line ends in CR LF" : "line too long");
		} else {
			if (err == E_DENY)
				io_putf(&s->io, "-ERR [SYS/TEMP] %s\r\n",
				    the_child.is_kicked
					? "an administrator ends this session"
					: "this server stops");
			if (err == E_MORE)
				log_event(LOG_INFO, "idle", "%s",
				    ""); /* and not a word to the client: RFC 1939 3 */
			break; /* without QUIT nothing is removed: RFC 1939 3 */
		}
	}
	if (io_flush(&s->io) != E_OK)
		log_event(LOG_DEBUG, "reply_unsent", "%s", "");
}

static void
serve(int fd, const struct login_client *c)
{
	struct session s = {.text.max = POP3_READ_MAX,
	    .expire_days = expire_days(c),
	    .is_utf8 = c->is_utf8,
	    .has_tls = c->has_tls,
	    .is_loopback = c->is_loopback,
	    .mechanisms = c->mechanisms};
	serve_io(&s.io, fd, c, POP3_IN_MAX, POP3_OUT_MAX);
	int err = the_store ? E_OK : store_open(the_child.home, &the_store);
	if (err == E_OK)
		store_limit(
		    the_store, c->quota_bytes, c->quota_messages, c->quota_at_ms);
	if (err == E_OK)
		err = drop_open(the_store, c->pop3_keep_days, &s.drop);
	if (err == E_OK) {
		log_event(LOG_INFO, "session", "client=%s account=%s messages=%zu",
		    log_q(c->client), log_qs(the_child.account), s.drop.n);
		io_putf(&s.io, "+OK %zu messages\r\n", s.drop.n);
		converse(&s);
	} else {
		io_putf(&s.io, "-ERR [SYS/TEMP] the maildrop cannot be opened now\r\n");
		if (io_flush(&s.io) != E_OK)
			log_event(LOG_DEBUG, "reply_unsent", "%s", "");
	}
	drop_close(&s.drop);
	buf_free(&s.text);
	io_done(&s.io);
}

int
pop3_session_run(void)
{
	store_configure(the_child.conf, the_child.account);
	serve_clients(serve);
	store_close(&the_store);
	return EX_OK;
}
