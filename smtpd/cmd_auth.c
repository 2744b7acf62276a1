/* SPDX-License-Identifier: ISC */
/* cmd_auth.c - AUTH, RFC 4954: carries SASL steps between the client and the auth process. */
#include "auth/auth.h"
#include "base/log.h"
#include "metrics/metric.h"
#include "proc/child.h"
#include "smtpd/command.h"
#include "smtpd/spend.h"
#include "tls/server.h"

/* A response: base64, "=" for an empty one.  E_OK, E_BAD */
static int
response_decode(struct span text, bool is_initial, struct buf *out)
{
	buf_reset(out);
	if (is_initial && span_eqs(text, "="))
		return E_OK;
	return base64_decode(text, out);
}

/* One line of the client, decoded.  R_NONE, or why the exchange ends. */
static enum reply
read_response(struct session *s, struct buf *out)
{
	struct span line;
	int err = io_line(&s->io, AUTH_LINE_MAX, &line);
	if (err == E_LIMIT)
		return R_AUTH_LINE_LONG;
	if (err == E_BAD)
		return R_BARE_COMMAND;
	if (err != E_OK)
		return session_io_reply(s, err);
	if (span_eqs(line, "*"))
		return R_AUTH_CANCELLED;
	return response_decode(line, false, out) == E_OK ? R_NONE : R_BASE64;
}

static void
say_challenge(struct session *s, struct span challenge)
{
	buf_reset(&s->argument);
	buf_base64(&s->argument, challenge);
	session_say(s, R_AUTH_CHALLENGE);
	buf_reset(&s->argument);
}

static void
count_login(enum reply r)
{
	metric_count(M_LOGINS + (r == R_AUTH_OK          ? METRIC_LOGIN_OK
				    : r == R_AUTH_FAILED ? METRIC_LOGIN_FAILED
				    : r == R_AUTH_SUSPENDED || r == R_AUTH_STOPPED
					? METRIC_LOGIN_SUSPENDED
					: METRIC_LOGIN_ERROR));
}

static enum reply
status_reply(struct session *s, const struct auth_reply *a, struct id *ticket)
{
	switch (a->status) {
	case AUTH_OK:
		buf_span(&s->account, a->account);
		*ticket = a->ticket;
		return spend_login(s);
	case AUTH_FAIL:
		return R_AUTH_FAILED;
	case AUTH_SUSPENDED:
		return R_AUTH_SUSPENDED;
	case AUTH_NO_MECH:
		return R_MECHANISM;
	case AUTH_CONTINUE:
	case AUTH_TEMP:
		break;
	}
	return R_AUTH_DOWN;
}

void
auth_conn_of(
    const struct session *s, struct buf *type, struct buf *data, struct auth_conn *out)
{
	*out = (struct auth_conn){.service = "smtp",
	    .has_tls = s->tls != NULL,
	    .is_loopback = s->client.is_loopback,
	    .client = span_of(s->client.text)};
	if (s->tls)
		out->certificate = tls_peer(s->tls);
	if (s->tls && tls_binding(s->tls, type, data) == E_OK) {
		out->binding_type = buf_as_span(type);
		out->binding = buf_as_span(data);
	}
}

/* A wrong password costs time. */
static void
take_time(struct session *s, const struct auth_reply *a)
{
	if (a->status == AUTH_FAIL && a->delay_ms &&
	    io_wait(s->io.fd, 0, deadline_in_ms(a->delay_ms), IO_AT_STOP) == E_IO)
		log_event(LOG_DEBUG, "client_left", "client=%s", s->client.text);
}

static enum reply
exchange(
    struct session *s, struct span mech, const struct span *initial, struct id *ticket)
{
	struct buf type = {0}, binding = {0}, response = {.max = AUTH_DATA_MAX};
	struct auth_reply a;
	enum reply r = R_NONE;
	struct auth_conn conn;
	auth_conn_of(s, &type, &binding, &conn);
	for (size_t i = 0; i < mech.n; i++) /* its line is gone at the end */
		buf_ch(&s->mechanism, ch_upper(mech.p[i]));
	int err = auth_start(&the_process.auth, &conn, mech, initial, &a);
	while (err == E_OK && a.status == AUTH_CONTINUE && r == R_NONE) {
		say_challenge(s, a.challenge);
		r = read_response(s, &response);
		if (r != R_NONE)
			auth_cancel(&the_process.auth);
		else
			err = auth_step(&the_process.auth, buf_as_span(&response), &a);
	}
	if (r == R_NONE && err == E_OK)
		take_time(s, &a);
	if (r == R_NONE)
		r = err == E_OK      ? status_reply(s, &a, ticket)
		    : err == E_LIMIT ? R_AUTH_LINE_LONG
		                     : R_AUTH_DOWN;
	if (r != R_AUTH_OK)
		buf_reset(&s->mechanism);
	buf_free(&type);
	buf_wipe(&binding);
	buf_wipe(&response);
	return r;
}

static void
logged_in(struct session *s, struct id ticket)
{
	log_event(LOG_INFO, "login", "client=%s login=%s tls=%s", s->client.text,
	    log_q(buf_as_span(&s->account)),
	    s->tls ? tls_version_text(s->tls) : "none");
	s->login.ticket = ticket;
	s->login.is_new = true;
}

static enum reply
gates(const struct session *s)
{
	if (!session_is_submission(s))
		return R_NOT_HERE;
	if (s->account.len)
		return R_SEQUENCE;
	return auth_is_offered(s) ? R_NONE : R_AUTH_NEEDS_TLS;
}

enum reply
cmd_auth(struct session *s, struct span argument)
{
	struct buf mech = {.max = AUTH_MECH_MAX}, initial = {.max = AUTH_DATA_MAX};
	struct span text = argument, name = span_cut(&text, ' ');
	enum reply r = gates(s);
	struct id ticket = {{0}};
	text = span_trim(text);
	if (r == R_SEQUENCE)
		buf_str(&s->argument, "you are logged in");
	if (r != R_NONE)
		return r;
	buf_span(&mech, name);
	if (buf_done(&mech) != E_OK)
		r = R_MECHANISM;
	else if (text.n && response_decode(text, true, &initial) != E_OK)
		r = R_BASE64;
	bool has_initial = text.n > 0;
	io_discard(
	    &s->io); /* nothing may be sent ahead of the end of this: RFC 4954 4 */
	if (r == R_NONE) {
		struct span bytes = buf_as_span(&initial);
		r = exchange(
		    s, buf_as_span(&mech), has_initial ? &bytes : NULL, &ticket);
		count_login(r);
	}
	if (r == R_AUTH_OK)
		logged_in(s, ticket);
	else if (r == R_AUTH_FAILED)
		s->errors += AUTH_FAIL_ERRORS - 1;
	buf_free(&mech);
	buf_wipe(&initial);
	return r;
}
