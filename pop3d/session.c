/* SPDX-License-Identifier: ISC */
/* session.c - the process of one account: a client, then for a while the next one. */
#include "pop3d/session.h"

#include <poll.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"
#include "conf/conf.h"
#include "login/ticket.h"
#include "pop3d/command.h"
#include "proc/child.h"

/* The next client, as the monitor passed it. */
static struct {
	int fd; /* own; -1: none yet */
	struct buf about;
} next = {.fd = -1};

static void
on_client(int fd, unsigned kind, struct span about)
{
	(void)kind;
	if (next.fd >= 0) {
		close(fd); /* one at a time; the monitor knows, so this does not come */
		return;
	}
	next.fd = fd;
	buf_reset(&next.about);
	buf_span(&next.about, about);
}

/* What the client sent behind its login is read before anything else. */
static void
begin_io(struct session *s, int fd, struct span input)
{
	io_init(&s->io, fd, POP3_IN_MAX + LOGIN_INPUT_MAX, POP3_OUT_MAX);
	s->io.idle_ms = conf_int(the_child.conf, "pop3d", "idle_time") * 1000;
	s->io.ends_on_drain = true;
	buf_span(&s->io.in, input);
}

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
			command_refuse(s, err == E_BAD ? "a line ends in CR LF" : "line too long");
		} else {
			if (err == E_DENY)
				io_putf(&s->io, "-ERR [SYS/TEMP] this server stops\r\n");
			if (err == E_MORE)
				log_event(LOG_INFO, "idle", "%s", ""); /* and not a word to the client: RFC 1939 3 */
			break; /* without QUIT nothing is removed: RFC 1939 3 */
		}
	}
	if (io_flush(&s->io) != E_OK)
		log_event(LOG_DEBUG, "reply_unsent", "%s", "");
}

static void
serve(struct store **store, int fd, const struct login_client *c)
{
	struct session s = {.is_utf8 = c->is_utf8, .has_tls = c->has_tls, .is_loopback = c->is_loopback};
	struct buf sid = {0};
	buf_span(&sid, c->sid); /* the front's: the lines of a connection join */
	log_session(buf_cstr(&sid));
	buf_free(&sid);
	begin_io(&s, fd, c->input);
	child_who(c->client, span_of(the_child.account));
	int err = *store ? E_OK : store_open(the_child.home, store);
	if (err == E_OK)
		err = drop_open(*store, c->pop3_keep_days, &s.drop);
	if (err == E_OK) {
		log_event(LOG_INFO, "session", "client=%s account=%s messages=%zu", log_q(c->client), log_qs(the_child.account),
		    s.drop.view.n);
		io_putf(&s.io, "+OK %zu messages\r\n", s.drop.view.n);
		converse(&s);
	} else {
		io_putf(&s.io, "-ERR [SYS/TEMP] the maildrop cannot be opened now\r\n");
		if (io_flush(&s.io) != E_OK)
			log_event(LOG_DEBUG, "reply_unsent", "%s", "");
	}
	drop_close(&s.drop);
	io_done(&s.io);
	child_who(SPAN(""), SPAN(""));
	log_session(NULL);
}

/* Waits for a client until the deadline; false: none came. */
static bool
wait_client(int64_t deadline)
{
	while (next.fd < 0) {
		if (the_child.is_draining || io_wait(the_child.control, POLLIN, deadline, false) != E_OK)
			return false;
		child_control();
	}
	return true;
}

/* Says that it leaves; a client that was passed meanwhile comes before the answer. */
static bool
may_leave(void)
{
	struct buf in = {0};
	struct ask_msg reply;
	int err = child_call(LOGIN_LEAVE, SPAN(""), -1, &in, &reply);
	buf_free(&in);
	return err != E_OK || next.fd < 0;
}

int
pop3_session_run(void)
{
	struct store *store = NULL;
	int64_t linger_ms = conf_int(the_child.conf, "pop3d", "linger_time") * 1000;
	the_child.on_client = on_client;
	bool has_client = wait_client(deadline_in_ms(CHILD_CALL_WAIT_MS));
	while (has_client) {
		struct login_client c;
		int fd = next.fd;
		next.fd = -1;
		struct buf about = next.about;
		next.about = (struct buf){0};
		if (login_client_get(buf_as_span(&about), &c) != E_OK)
			bug("malformed client");
		serve(&store, fd, &c);
		buf_wipe(&about);
		if (the_child.is_draining || linger_ms == 0 || child_tell(LOGIN_IDLE, SPAN(""), -1) != E_OK)
			break;
		has_client = wait_client(deadline_in_ms(linger_ms)) || !may_leave();
	}
	store_close(&store);
	return EX_OK;
}
