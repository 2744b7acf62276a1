/* SPDX-License-Identifier: ISC */
/* cmd_mail.c - MAIL, RFC 5321 4.1.1.2: whose message, and how large. */
#include "smtpd/command.h"
#include "smtpd/identity.h"
#include "smtpd/pace.h"

static enum reply
params_reply(struct session *s, int err)
{
	if (err == E_DENY)
		return R_PARAMETER;
	buf_str(&s->argument,
	    "MAIL FROM:<address> [SIZE=n] [BODY=7BIT|8BITMIME|BINARYMIME] [SMTPUTF8] "
	    "[REQUIRETLS] [RET=FULL|HDRS] [ENVID=xtext] "
	    "[HOLDFOR=seconds|HOLDUNTIL=date-time]");
	return R_SYNTAX;
}

/* A login sends as itself; the null sender is for notifications (RFC 8098). */
static enum reply
check_login(struct session *s, struct span sender)
{
	bool is_theirs = false;
	if (!s->account.len || !sender.n)
		return R_NONE;
	if (identity_owns(s, &sender, 1, &is_theirs) != E_OK)
		return R_LOOKUP_DOWN;
	return is_theirs ? R_NONE : R_SENDER_NOT_YOURS;
}

/* RFC 4865: how long it is to be held; a moment that is over is now. */
static int64_t
hold_sec(const struct mail_params *m)
{
	int64_t until = m->hold_until_sec ? m->hold_until_sec - clock_wall_sec() : 0;
	return m->hold_for_sec ? m->hold_for_sec : until > 0 ? until : 0;
}

static enum reply
check(struct session *s, const struct path *p, const struct mail_params *m)
{
	if (!p->is_null && !p->domain.n)
		return R_SENDER_SYNTAX;
	if (p->has_utf8 && !m->has_smtputf8)
		return R_NEEDS_UTF8;
	if (m->has_requiretls && !s->cover.is_tls) /* RFC 8689 2 */
		return R_NEEDS_TLS;
	if ((m->hold_for_sec || m->hold_until_sec) &&
	    (!session_is_submission(s) || !s->limits->future_sec))
		return R_PARAMETER;
	if (hold_sec(m) > s->limits->future_sec)
		return R_FUTURE;
	if (m->size_bytes > s->limits->message_bytes) {
		buf_str(&s->argument, s->limits->message_text);
		return R_TOO_BIG;
	}
	return R_NONE;
}

enum reply
cmd_mail(struct session *s, struct span argument)
{
	struct mail_params m;
	struct path p;
	struct buf sender = {.max = ENVELOPE_PATH_MAX};
	if (!span_istarts(argument, SPAN("FROM:")))
		return R_SENDER_SYNTAX;
	argument = span_trim(
	    span_from(argument, 5)); /* a blank after the colon is met in practice */
	int err = path_parse(&argument, &p);
	if (err != E_OK)
		return err == E_LIMIT ? R_SENDER_LONG : R_SENDER_SYNTAX;
	err = mail_params_parse(argument, &m);
	if (err != E_OK)
		return params_reply(s, err);
	enum reply r = check(s, &p, &m);
	if (r == R_NONE)
		r = pace_check(s, 1, 0);
	if (r != R_NONE)
		return r;
	path_put(&sender, &p);
	r = buf_done(&sender) == E_OK ? check_login(s, buf_as_span(&sender))
	                              : R_SENDER_SYNTAX;
	if (r == R_NONE) {
		txn_begin(s, buf_as_span(&sender), m.size_bytes);
		s->txn.envelope.flags = (m.has_smtputf8 ? ENV_SMTPUTF8 : 0u) |
		                        (m.has_8bitmime ? ENV_8BITMIME : 0u) |
		                        (m.has_binarymime ? ENV_BINARYMIME : 0u) |
		                        (m.has_requiretls ? ENV_REQUIRETLS : 0u);
		s->message.is_binary = m.has_binarymime;
		if (hold_sec(&m))
			s->txn.envelope.release_sec = clock_wall_sec() + hold_sec(&m);
		s->txn.envelope.ret = m.ret;
		s->txn.envelope.envid = arena_span(&s->txn.arena, m.envid);
		r = policy_mail(s);
		if (r == R_NONE)
			r = R_SENDER_OK;
		else
			txn_reset(s);
	}
	buf_free(&sender);
	return r;
}
