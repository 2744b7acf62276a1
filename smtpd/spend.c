/* SPDX-License-Identifier: ISC */
/* spend.c - a login and its budget. */
#include "smtpd/spend.h"

#include "base/log.h"
#include "smtpd/budget/budget.h"
#include "smtpd/session.h"

enum reply
spend_login(struct session *s)
{
	if (!s->limits->has_budgets)
		return R_AUTH_OK;
	switch (budget_ask_look(buf_as_span(&s->account))) {
	case BUDGET_TRIPPED:
		log_event(LOG_NOTICE, "login_stopped", "client=%s login=%s",
		    s->client.text, log_q(buf_as_span(&s->account)));
		buf_reset(&s->account);
		return R_AUTH_STOPPED;
	case BUDGET_DOWN:
		buf_reset(&s->account);
		return R_AUTH_DOWN;
	default:
		return R_AUTH_OK;
	}
}

static enum reply
refusal(struct session *s, const struct budget_answer *a)
{
	buf_reset(&s->argument);
	overrun_put(&s->argument, &a->over);
	log_event(LOG_NOTICE, "over_budget", "login=%s of=%s budget=%s",
	    log_q(buf_as_span(&s->account)),
	    a->said == BUDGET_OVER_DOMAIN ? "domain" : "account",
	    log_qs(buf_cstr(&s->argument)));
	return a->said == BUDGET_OVER          ? R_OVER_BUDGET
	       : a->said == BUDGET_OVER_DOMAIN ? R_OVER_DOMAIN
	                                       : R_STOPPED;
}

enum reply
spend_message(struct session *s)
{
	const struct envelope *e = &s->txn.envelope;
	if (!s->account.len || !s->limits->has_budgets)
		return R_NONE;
	struct span *rcpts = mem_new(e->n_rcpts * sizeof *rcpts);
	for (uint32_t i = 0; i < e->n_rcpts; i++)
		rcpts[i] = e->rcpts[i].address;
	struct budget_answer a =
	    budget_ask_take(buf_as_span(&s->account), rcpts, e->n_rcpts);
	mem_free(&rcpts);
	if (a.said == BUDGET_OK)
		return R_NONE;
	return a.said == BUDGET_DOWN ? R_BUDGET_DOWN : refusal(s, &a);
}
