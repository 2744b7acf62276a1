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
	return rates_ask(s->client.text, &c);
}

enum reply
pace_check(struct session *s, uint32_t messages, uint32_t recipients)
{
	static const enum reply replies[RATES + 1] = {
	    [RATE_CONNECTIONS] = R_RATE_CONNECTIONS,
	    [RATE_MESSAGES] = R_RATE_MESSAGES,
	    [RATE_RECIPIENTS] = R_RATE_RECIPIENTS,
	    [RATE_COMMANDS] = R_RATE_COMMANDS,
	    [RATE_ERRORS] = R_RATE_ERRORS,
	    [RATE_NONE] = R_NONE};

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
