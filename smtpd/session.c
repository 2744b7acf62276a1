/* SPDX-License-Identifier: ISC */
/* session.c - the life of a session process, and the frame of a conversation. */
#include "smtpd/session.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"
#include "conf/conf.h"
#include "login/serve.h"
#include "metrics/metric.h"
#include "proc/child.h"
#include "proc/jail.h"
#include "smtpd/carry.h"
#include "smtpd/command.h"
#include "smtpd/pace.h"
#include "tls/records.h"

enum { UNREAD_READS = 64 };

struct session_process the_process = {
    .front = -1, .lookup = -1, .auth = -1, .resolver = {.chan = -1}};

bool
session_is_submission(const struct session *s)
{
	return s->client.kind == KIND_SUBMISSION || s->client.kind == KIND_SUBMISSIONS;
}

enum listen_class
session_class(const struct session *s)
{
	if (s->client.kind == KIND_LMTP)
		return CLASS_LMTP;
	return session_is_submission(s) ? CLASS_SUBMISSION : CLASS_SMTP;
}

void
session_say(struct session *s, enum reply r)
{
	reply_put(&s->io.out, r, buf_cstr(&s->argument));
	metric_smtp_reply(reply_code(r));
	io_put(&s->io, SPAN("")); /* sends what is past IO_OUT_FLUSH */
}

enum reply
session_io_reply(struct session *s, int err)
{
	bool is_late = deadline_left_ms(s->io.deadline) == 0;
	if (err == E_DENY)
		return the_child.is_kicked ? R_KICKED : R_STOPPING;
	if (err != E_MORE && err != E_LIMIT)
		return R_HANGUP;
	return is_late ? R_SESSION_TIME : R_IDLE;
}

/* One command line; the reply when there is none. */
static enum reply
read_line(struct session *s, struct span *line)
{
	s->io.ends_on_drain = s->phase == PH_GREETED || s->phase == PH_READY;
	if (s->io.ends_on_drain && the_child.is_stopping)
		return session_io_reply(s, E_DENY);
	int err = io_line(&s->io, AUTH_LINE_MAX, line);
	s->io.ends_on_drain = false;
	switch (err) {
	case E_OK:
		return R_NONE;
	case E_BAD:
		return R_BARE_COMMAND;
	case E_LIMIT:
		return R_LINE_LONG;
	default:
		return session_io_reply(s, err);
	}
}

static enum reply
turn(struct session *s)
{
	struct span line;
	enum reply r = read_line(s, &line);
	if (r == R_NONE)
		return command_run(s, line);
	if (r == R_HANGUP)
		return r;
	pace_count(s, reply_code(r) >= 500);
	if (reply_code(r) >= 500 && ++s->errors > s->limits->errors)
		r = R_ERRORS;
	log_event(LOG_INFO, "refused", "client=%s code=%u status=%s", s->client.text,
	    reply_code(r), reply_enhanced(r));
	return r;
}

int
session_secure(struct session *s)
{
	int64_t deadline = deadline_in_ms(TLS_HANDSHAKE_MS);
	if (!the_process.tls ||
	    tls_accept(the_process.tls, &s->io,
		deadline < s->deadline ? deadline : s->deadline, &s->tls) != E_OK) {
		log_event(LOG_INFO, "tls_failed", "client=%s", s->client.text);
		return E_IO;
	}
	s->cover.is_tls = true;
	snprintf(
	    s->cover.version, sizeof s->cover.version, "%s", tls_version_text(s->tls));
	snprintf(
	    s->cover.cipher, sizeof s->cover.cipher, "%s", tls_cipher_text(s->tls));
	return E_OK;
}

/* TLS before the first word (port 465), then the greeting that the front could not say. */
static int
begin(struct session *s)
{
	if (s->client.kind == KIND_SUBMISSIONS && session_secure(s) != E_OK)
		return E_IO;
	if (!s->client.is_greeted) {
		buf_str(&s->argument, s->limits->hostname);
		session_say(
		    s, s->client.kind == KIND_LMTP ? R_GREETING_LMTP : R_GREETING);
	}
	return E_OK;
}

/*
 * From a login on what the client says is for a process that serves nobody else: a session of its
 * account, or this one, which then retires.
 */
static void
hand_over(struct session *s)
{
	int err = carry_hand_over(s);
	s->login.is_new = false;
	if (err == E_OK) {
		the_process.carried++;
		return;
	}
	if (err != E_DENY)
		log_event(LOG_INFO, "not_handed_over", "why=%s", err_name(err));
	s->must_retire = true;
	child_who(span_of(s->client.text), buf_as_span(&s->account));
}

/* Returns whether it ended well: with QUIT, or with another process. */
static bool
converse(struct session *s)
{
	enum reply r = R_NONE;
	while (!reply_ends(r) && s->login.seat < 0 && !s->login.has_gone) {
		r = turn(s);
		session_say(s, r);
		if (s->login.is_new)
			hand_over(s);
	}
	if (s->login.has_gone)
		return true;
	if (s->login.seat >= 0 && !reply_ends(r)) {
		metric_serving(0); /* the account's session is counted */
		return io_flush(&s->io) == E_OK && carry(s);
	}
	if (s->tls)
		tls_conn_ends(s->tls);
	if (s->records)
		tls_records_ends(s->records);
	if (r == R_HANGUP)
		log_event(LOG_INFO, "closed_early", "client=%s", s->client.text);
	else if (io_flush(&s->io) != E_OK)
		log_event(LOG_INFO, "reply_unsent", "client=%s", s->client.text);
	return r == R_BYE;
}

/* A socket that is closed over unread bytes is reset, and our last reply may be lost with it. */
static void
drop_unread(int fd)
{
	char bytes[4096];
	for (int i = 0;
	     i < UNREAD_READS && recv(fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0; i++)
		continue;
}

static void
end(struct session *s)
{
	pace_end(s);
	tls_conn_close(&s->tls, &s->io);
	tls_records_close(&s->records, &s->io);
	if (s->login.seat >= 0)
		close(s->login.seat);
	if (!s->login.has_gone)
		drop_unread(s->io.fd);
	io_done(&s->io); /* nobody waits for the rest */
	txn_reset(s);
	verdicts_reset(&s->verdicts);
	policy_end(s);
	message_shrink(&s->message);
	ask_hang_up(&s->urls);
	buf_free(&s->helo);
	buf_free(&s->account);
	buf_free(&s->mechanism);
	xattrs_reset(&s->forwarded);
	buf_free(&s->argument);
}

static struct session the_session; /* large, and one at a time */

static struct session *
open_session(int fd, const struct client *client)
{
	struct session *s = &the_session;
	const struct limits *l = &the_process.limits;
	*s = (struct session){.limits = l,
	    .client = *client,
	    .login.seat = -1,
	    .urls = -1,
	    .phase = PH_GREETED,
	    .may_relay =
		client->kind == KIND_LMTP || nets_has_text(&l->relay, client->text),
	    .may_xclient = nets_has_text(&l->xclient, client->text),
	    .may_xforward = nets_has_text(&l->xforward, client->text),
	    .deadline = deadline_in_ms(l->session_ms)};
	s->message.spool = &the_process.spool;
	s->message.most_bytes = l->message_bytes;
	s->message.hops_most = l->hops;
	s->message.put_head = received_put;
	s->message.ctx = s;
	s->txn.arena.max_bytes = TXN_BYTES_MAX;
	policy_begin(s);
	io_init(&s->io, fd, IN_MAX, OUT_MAX);
	s->io.idle_ms = l->idle_ms;
	s->io.deadline = s->deadline;
	return s;
}

bool
session_talk(int fd, const struct client *client)
{
	struct session *s = open_session(fd, client);
	memcpy(s->sid, id_text(id_new()), sizeof s->sid);
	log_session(s->sid);
	metric_serving(1);
	bool is_good = begin(s) == E_OK && converse(s);
	bool may_serve =
	    is_good && !s->must_retire && the_process.carried < CARRIES_MOST;
	if (s->must_retire)
		child_who(SPAN(""), SPAN(""));
	metric_serving(0);
	end(s);
	log_session(NULL);
	return may_serve;
}

/* A conversation of our account, from its login on. */
static void
resume(int fd, const struct login_client *about)
{
	struct carried c;
	if (carried_get(about->input, &c) != E_OK)
		bug("malformed conversation");
	struct session *s = open_session(fd, &c.client);
	if (c.tls.n && !(s->records = tls_records_new(c.tls, &s->io)))
		bug("malformed TLS");
	s->cover = c.cover;
	s->is_esmtp = c.is_esmtp;
	memcpy(s->is_noted, c.is_noted, sizeof s->is_noted);
	s->errors = c.errors;
	s->commands = c.commands;
	s->deadline = s->io.deadline = c.deadline;
	s->phase = PH_READY;
	buf_span(&s->helo, c.helo);
	buf_span(&s->mechanism, c.mechanism);
	buf_str(&s->account, the_child.account);
	if (policy_helo(s) != R_NONE || !converse(s))
		serve_no_more();
	end(s);
}

/* ---- the process ---- */

static int
connect_queue(int *out)
{
	return child_daemon("queue", out);
}

static int
connect_key(int *out)
{
	return child_channel("key", out);
}

int
session_prepare(void)
{
	if (policy_prepare() != E_OK)
		log_event(LOG_WARNING, "no_public_suffixes", "%s", "");
	if (the_child.account)
		return EX_OK; /* another session has the TLS */
	if (tls_server_new(the_child.conf, connect_key, &the_process.tls) != E_OK)
		return EX_CONFIG;
	if (the_process.tls)
		tls_server_hands_on(the_process.tls);
	return EX_OK;
}

void
session_jail(struct jail *j)
{
	j->calls = 0;
}

/* The next client.  E_OK, E_IO (the front is gone or lets us go), E_DENY (the daemon stops) */
static int
next_client(struct client *client, int *fd)
{
	static struct buf in = {
	    .max = ASK_MSG_MAX}; /* kept: only its first page is ever touched */
	struct ask_msg m;
	int err = ask_send(the_process.front, FRONT_FREE, SPAN(""), -1,
	    deadline_in_ms(CHILD_CALL_WAIT_MS));
	if (err == E_OK)
		err = io_wait(the_process.front, POLLIN, DEADLINE_NONE, IO_AT_STOP);
	if (err == E_OK)
		err = ask_recv(the_process.front, &in, &m, 0);
	if (err != E_OK)
		return err;
	if (m.type != FRONT_CLIENT || m.fd < 0 || client_get(&m.body, client) != E_OK)
		bug("malformed FRONT_CLIENT");
	*fd = m.fd;
	return E_OK;
}

static int
serve_strangers(void)
{
	struct client client;
	int fd;
	if (child_channel("front", &the_process.front) != E_OK)
		return EX_TEMPFAIL;
	for (uint64_t served = 0; served < the_process.limits.serves; served++)
		if (next_client(&client, &fd) != E_OK || !session_talk(fd, &client))
			break;
	return EX_OK;
}

int
session_run(void)
{
	int status = EX_OK;
	limits_load(&the_process.limits, the_child.conf);
	policy_rules_load(&the_process.rules, the_child.conf);
	filters_load(&the_process.filters, the_child.conf);
	dkim_signer_init(&the_process.signer, connect_key);
	the_process.signer.keeps_none_ms = DKIM_NONE_KEPT_MS;
	spool_client_init(&the_process.spool, connect_queue);
	if (the_child.account)
		serve_clients(resume);
	else
		status = serve_strangers();
	spool_client_done(&the_process.spool);
	resolver_done(&the_process.resolver);
	filters_free(&the_process.filters);
	lookups_kept_done(&the_process.kept);
	dkim_signer_done(&the_process.signer);
	return status;
}
