/* SPDX-License-Identifier: ISC */
/* pace.c - a session and the rates of its network. */
#include "smtpd/pace.h"

#include "smtpd/session.h"

static bool
is_paced(const struct session *s)
{
	return s->client.kind == KIND_SMTP && !s->may_relay && !s->account.len;
}

static bool
wants(const struct session *s, enum rate r)
{
	return s->limits->rates[r] != 0;
}

void
pace_count(struct session *s, bool is_error)
{
	s->done.n[RATE_COMMANDS]++;
	s->done.n[RATE_ERRORS] += is_error;
}

static enum rate
ask(struct session *s, uint32_t messages, uint32_t recipients)
{
	struct rates_count c = s->done;
	s->done = (struct rates_count){{0}};
	c.n[RATE_MESSAGES] = messages;
	c.n[RATE_RECIPIENTS] = recipients;
	enum rate over = rates_ask(s->client.text, &c);
	s->has_no_rates |= over == RATE_UNKNOWN;
	return over;
}

enum reply
pace_check(struct session *s, uint32_t messages, uint32_t recipients)
{
	static const enum reply replies[RATE_UNKNOWN + 1] = {
	    [RATE_CONNECTIONS] = R_RATE_CONNECTIONS,
	    [RATE_MESSAGES] = R_RATE_MESSAGES,
	    [RATE_RECIPIENTS] = R_RATE_RECIPIENTS,
	    [RATE_COMMANDS] = R_RATE_COMMANDS,
	    [RATE_ERRORS] = R_RATE_ERRORS,
	    [RATE_NONE] = R_NONE,
	    [RATE_UNKNOWN] = R_NONE};

	if (messages)
		s->has_no_rates = false; /* of another message */
	bool has_done = wants(s, RATE_COMMANDS) || wants(s, RATE_ERRORS);
	if (!is_paced(s) ||
	    !((has_done && !recipients) || (messages && wants(s, RATE_MESSAGES)) ||
		(recipients && wants(s, RATE_RECIPIENTS))))
		return R_NONE;
	return replies[ask(s, messages, recipients)];
}

void
pace_end(struct session *s)
{
	if (is_paced(s) && (wants(s, RATE_COMMANDS) || wants(s, RATE_ERRORS)))
		(void)ask(s, 0, 0);
}

/* ---- in words ---- */

static bool
is_counted(const struct session *s)
{
	for (enum rate r = 0; r < RATES; r++)
		if (wants(s, r))
			return is_paced(s);
	return false;
}

void
pace_say(const struct session *s, struct authres *out)
{
	if (is_paced(s) && s->client.has_waited)
		authres_result(out, "x-pregreet", "pass");
	if (is_counted(s))
		authres_result(out, "x-rates", s->has_no_rates ? "temperror" : "pass");
}

void
pace_log(const struct session *s, struct buf *out)
{
	if (is_paced(s) && s->client.has_waited)
		buf_str(out, " pregreet=pass");
	if (is_counted(s))
		buf_str(out, s->has_no_rates ? " rates=unknown" : " rates=pass");
}
