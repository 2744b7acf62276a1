/* SPDX-License-Identifier: ISC */
/* session.c - the frame of a conversation: commands with their literals in, replies out. */
#include "deliver/managesieve/session.h"

#include <errno.h>
#include <fcntl.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"
#include "conf/conf.h"
#include "deliver/managesieve/command.h"
#include "deliver/managesieve/reply.h"
#include "deliver/managesieve/syntax.h"
#include "login/serve.h"
#include "proc/child.h"
#include "proc/jail.h"
#include "sieve/limits.h"

_Static_assert(MANAGE_COMMAND_MAX >= SIEVE_SCRIPT_BYTES_MAX + 4 * MANAGE_LINE_MAX,
    "a command has room for the longest script");

/* ---- reading ---- */

static void
bye(struct session *s, const char *code, const char *why)
{
	reply_put(&s->io.out, "BYE", code, span_of(why));
	s->is_over = true;
}

/* The next n octets go into out; NULL: nowhere.  As io_fill */
static int
read_octets(struct session *s, uint64_t n, struct buf *out)
{
	while (n) {
		struct span part = io_unread(&s->io);
		if (part.n == 0) {
			int err = io_fill(&s->io);
			if (err != E_OK)
				return err;
			continue;
		}
		part = span_head(part, n < part.n ? (size_t)n : part.n);
		if (out)
			buf_span(out, part);
		io_take(&s->io, part.n);
		n -= part.n;
	}
	return E_OK;
}

/*
 * A command with its literals, in s->text.
 *   *is_long  a literal was too long, and is not in it
 *   returns   E_OK; E_BAD (the client was told); as io_line what ends the conversation
 */
static int
read_command(struct session *s, bool *is_long)
{
	uint64_t literals = 0;
	*is_long = false;
	buf_reset(&s->text);
	for (;;) {
		struct span line;
		uint64_t n;
		int err = io_line(&s->io, MANAGE_LINE_MAX, &line);
		if (err != E_OK)
			return err;
		enum syntax_tail tail = syntax_tail(line, &n);
		buf_span(&s->text, line);
		buf_str(&s->text, tail == SYNTAX_LITERAL ? "\r\n" : "");
		literals += tail == SYNTAX_LITERAL && n <= MANAGE_SKIP_MAX ? n : 0;
		if (tail == SYNTAX_WAITS || n > MANAGE_SKIP_MAX ||
		    literals > MANAGE_SKIP_MAX) {
			bye(s, NULL,
			    tail == SYNTAX_WAITS ? "a literal of a client has a +"
						 : "a literal is too long");
			return E_BAD;
		}
		if (tail == SYNTAX_ENDS)
			return E_OK;
		*is_long |= s->text.len + n + MANAGE_LINE_MAX > MANAGE_COMMAND_MAX;
		err = read_octets(s, n, *is_long ? NULL : &s->text);
		if (err != E_OK)
			return err == E_LIMIT ? E_MORE : err;
	}
}

/* ---- the conversation ---- */

/* What io_line said that is no command. */
static void
end_for(struct session *s, int err)
{
	switch (err) {
	case E_BAD: /* a bare CR or LF; or it was told already */
	case E_LIMIT:
		/* where the next command begins is not known: it may have had a literal */
		if (!s->is_over)
			bye(s, NULL,
			    err == E_BAD ? "a line ends in CR LF"
					 : "a line is too long");
		log_event(LOG_INFO, "malformed", "why=%s", err_name(err));
		break;
	case E_DENY:
		bye(s, "TRYLATER",
		    the_child.is_kicked ? "an administrator ends this session"
					: "this server stops");
		break;
	case E_MORE:
		bye(s, NULL, "idle for too long");
		log_event(LOG_INFO, "idle", "%s", "");
		break;
	default:
		s->is_over = true;
	}
}

static void
converse(struct session *s)
{
	while (!s->is_over) {
		bool is_long;
		if (!io_has_line(&s->io) && io_flush(&s->io) != E_OK)
			return;
		int err = read_command(s, &is_long);
		if (err != E_OK)
			end_for(s, err);
		else if (is_long)
			command_too_long(s);
		else
			command_run(s, buf_as_span(&s->text));
		arena_reset(&s->arena);
	}
	if (io_flush(&s->io) != E_OK)
		log_event(LOG_DEBUG, "reply_unsent", "%s", "");
}

/* E_OK, E_IO (logged) */
static int
open_scripts(struct session *s)
{
	const struct conf *conf = the_child.conf;
	int home = open(the_child.home, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (home < 0) {
		log_event(LOG_ERR, "no_home", "err=%s", log_errno(errno));
		return E_IO;
	}
	int err = sieve_scripts_open(home, true, &s->scripts);
	close(home);
	s->scripts.most = (uint64_t)conf_int(conf, "deliver", "sieve_scripts_most");
	s->scripts.bytes_most = (size_t)conf_int(conf, "deliver", "sieve_script_size");
	return err;
}

static void
say_welcome(struct session *s, const struct login_client *c)
{
	log_event(LOG_INFO, "session", "client=%s account=%s", log_q(c->client),
	    log_qs(the_child.account));
	/* what the mechanism said with its success, from the front: RFC 5804 2.1 */
	if (c->tag.n)
		reply_put_with(
		    &s->io.out, "OK", "SASL", c->tag, SPAN("you are logged in"));
	else
		reply_put(&s->io.out, "OK", NULL, SPAN("you are logged in"));
}

static void
serve(int fd, const struct login_client *c)
{
	struct session s = {.text.max = MANAGE_COMMAND_MAX,
	    .arena.max_bytes = 2 * MANAGE_COMMAND_MAX,
	    .scripts.dir = -1,
	    .has_tls = c->has_tls,
	    .may_return = serve_may_return(fd, c),
	    .mechanisms = c->mechanisms};
	serve_io(&s.io, fd, c, MANAGE_IN_MAX, MANAGE_OUT_MAX);
	if (open_scripts(&s) == E_OK)
		say_welcome(&s, c);
	else
		bye(&s, "TRYLATER", "your scripts cannot be read now");
	converse(&s);
	sieve_scripts_close(&s.scripts);
	arena_reset(&s.arena);
	buf_free(&s.text);
	io_done(&s.io);
}

void
managesieve_jail(struct jail *j)
{
	j->calls = JAIL_FILES_READ | JAIL_FILES_WRITE | JAIL_FLOCK;
}

int
managesieve_session_run(void)
{
	serve_clients(serve);
	return EX_OK;
}
