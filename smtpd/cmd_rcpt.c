/* SPDX-License-Identifier: ISC */
/*
 * cmd_rcpt.c - RCPT, RFC 5321 4.1.1.3: each recipient is answered by the one verdict that delivery
 * uses too.
 */
#include "conf/conf.h"
#include "conf/domain.h"
#include "proc/child.h"
#include "smtpd/command.h"
#include "smtpd/pace.h"

int
rcpt_argument(struct span argument, struct path *out, struct span *params)
{
	if (!span_istarts(argument, SPAN("TO:")))
		return E_BAD;
	*params = span_trim(
	    span_from(argument, 3)); /* a blank after the colon is met in practice */
	int err = path_parse(params, out);
	return err == E_OK && out->is_null ? E_BAD : err;
}

void
rcpt_address_put(struct buf *out, const struct path *p, const struct limits *l)
{
	path_put(out, p);
	if (!p->domain.n && !p->is_null)
		buf_putf(out, "@%s", l->default_domain);
}

static enum reply
params_reply(struct session *s, int err)
{
	if (err == E_DENY)
		return R_PARAMETER;
	buf_str(&s->argument, "RCPT TO:<address> [NOTIFY=NEVER|SUCCESS,FAILURE,DELAY] "
			      "[ORCPT=type;xtext]");
	return R_SYNTAX;
}

/* Its domain is another host's, and we stand before that. */
static bool
is_of_relay_domain(struct span address)
{
	struct span domain = span_from(address, span_rfind(address, '@') + 1);
	const struct conf *c = the_child.conf;
	for (size_t i = 0; i < conf_list_count(c, "smtpd", "relay_domains"); i++)
		if (domain_same(
			span_of(conf_list(c, "smtpd", "relay_domains", i)), domain))
			return true;
	return false;
}

static enum reply
verdict_reply(const struct session *s, struct span address, enum recipient_verdict v)
{
	switch (v) {
	case RCPT_LOCAL:
		return R_RCPT_OK;
	case RCPT_REMOTE:
		if (s->client.kind == KIND_LMTP) /* RFC 2033 5: for mailboxes here */
			return R_RELAY_DENIED;
		return s->account.len || s->may_relay || is_of_relay_domain(address)
		           ? R_RCPT_OK
		           : R_RELAY_DENIED;
	case RCPT_UNKNOWN:
		return R_RCPT_UNKNOWN;
	case RCPT_SUSPENDED:
		return R_RCPT_SUSPENDED;
	case RCPT_OVER_QUOTA:
		return R_MAILBOX_FULL;
	case RCPT_LOOP:
		return R_RCPT_LOOP;
	case RCPT_TEMP:
		break;
	}
	return R_LOOKUP_DOWN;
}

static enum reply
take(struct session *s, struct span address, const struct rcpt_params *asked)
{
	if (s->txn.envelope.n_rcpts >= s->limits->recipients)
		return R_RCPTS_MOST;
	enum reply r = pace_check(s, 0, 1);
	if (r != R_NONE)
		return r;
	bool has_forward;
	r = verdict_reply(
	    s, address, verdict_of(s, address, io_unread(&s->io), &has_forward));
	if (r != R_RCPT_OK)
		return r;
	r = policy_rcpt(s, address, asked);
	if (r != R_NONE)
		return r;
	s->txn.has_forward |= has_forward;
	return txn_add(s, address, asked) == E_OK ? R_RCPT_OK : R_RCPTS_MOST;
}

enum reply
cmd_rcpt(struct session *s, struct span argument)
{
	struct buf address = {.max = ENVELOPE_PATH_MAX};
	struct path p;
	struct span params;
	struct rcpt_params asked;
	bool has_smtputf8 = (s->txn.envelope.flags & ENV_SMTPUTF8) != 0;
	int err = rcpt_argument(argument, &p, &params);
	if (err != E_OK)
		return err == E_LIMIT ? R_RCPT_LONG : R_RCPT_SYNTAX;
	/* "postmaster" is the one address that needs no domain (4.1.1.3) */
	if (!p.domain.n && !span_ieqs(p.local, "postmaster"))
		return R_RCPT_SYNTAX;
	if (p.has_utf8 && !has_smtputf8)
		return R_NEEDS_UTF8;
	err = rcpt_params_parse(params, has_smtputf8, &asked);
	if (err != E_OK)
		return params_reply(s, err);
	rcpt_address_put(&address, &p, s->limits);
	enum reply r = buf_done(&address) == E_OK
	                   ? take(s, buf_as_span(&address), &asked)
	                   : R_RCPT_SYNTAX;
	buf_free(&address);
	return r;
}
