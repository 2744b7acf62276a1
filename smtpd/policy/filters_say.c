/* SPDX-License-Identifier: ISC */
/* filters_say.c - what milters and policy services made of a message, in words. */
#include "smtpd/policy/filters.h"

static const char *
outcome_name(enum filter_outcome o)
{
	static const char *const names[] = {[FILTER_NOT_ASKED] = "none",
	    [FILTER_PASS] = "pass",
	    [FILTER_HOLD] = "hold",
	    [FILTER_DISCARD] = "discard",
	    [FILTER_REFUSE] = "refuse"};
	return names[o];
}

/* In words that are registered (RFC 8601 2.7.7): a reader may ignore a field that has others. */
static void
say(const char *method, const struct filter_said *said, struct authres *out)
{
	bool is_passed = said->outcome == FILTER_PASS;
	if (said->outcome != FILTER_NOT_ASKED)
		authres_result(out, method,
		    !is_passed         ? "neutral"
		    : said->n_away > 0 ? "temperror"
				       : "pass");
}

void
filters_say(const struct filtering *f, struct authres *out)
{
	say("x-policy-service", &f->services, out);
	say("x-milter", &f->milters, out);
}

static void
put(const char *what, const struct filter_said *said, struct buf *out)
{
	bool is_early = said->outcome == FILTER_NOT_ASKED && said->n_refused;
	if (said->outcome != FILTER_NOT_ASKED || is_early)
		buf_putf(out, " %s=%s", what,
		    outcome_name(is_early ? FILTER_REFUSE : said->outcome));
	if (said->n_refused && !is_early)
		buf_putf(out, " %s_refused=%zu", what, said->n_refused);
	if (said->n_away)
		buf_putf(out, " %s_away=%zu", what, said->n_away);
}

void
filters_log(const struct filtering *f, struct buf *out)
{
	put("policy_service", &f->services, out);
	put("milter", &f->milters, out);
}
