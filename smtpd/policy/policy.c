/* SPDX-License-Identifier: ISC */
/* policy.c - which checks there are, in which order, and what comes of them. */
#include "smtpd/policy/policy.h"

#include "base/log.h"
#include "proc/child.h"
#include "smtpd/identity.h"
#include "smtpd/policy/psl.h"
#include "smtpd/session.h"

int
policy_prepare(void)
{
	return psl_prepare();
}

void
policy_begin(struct session *s)
{
	lookups_init(&s->policy.lookups);
	chain_init(&s->policy.chain);
	s->policy.above.max = POLICY_ABOVE_MAX;
	s->policy.header.max = (size_t)s->limits->message_bytes + POLICY_ABOVE_MAX;
}

void
policy_end(struct session *s)
{
	chain_done(&s->policy.chain);
	lookups_done(&s->policy.lookups);
	buf_free(&s->policy.above);
	buf_free(&s->policy.header);
}

void
policy_reset(struct session *s)
{
	chain_done(&s->policy.chain);
	chain_init(&s->policy.chain);
	lookups_done(&s->policy.lookups);
	lookups_init(&s->policy.lookups);
	buf_reset(&s->policy.above);
	buf_reset(&s->policy.header);
}

/* A client that is nobody's: not in relay_networks, not logged in. */
static bool
is_stranger(const struct session *s)
{
	return !session_is_submission(s) && !s->may_relay;
}

static unsigned
wanted_checks(const struct policy_rules *r)
{
	return (r->rdns ? CHAIN_RDNS : 0u) | (r->spf ? CHAIN_SPF : 0u) |
	       (r->dkim ? CHAIN_DKIM : 0u) |
	       (r->dmarc ? CHAIN_SPF | CHAIN_DKIM | CHAIN_DMARC : 0u);
}

static struct chain_facts
facts_of(const struct session *s, struct span message)
{
	return (struct chain_facts){.client = span_of(s->client.text),
	    .helo = buf_as_span(&s->helo),
	    .sender = s->txn.envelope.sender,
	    .message = message,
	    .receiver = span_of(s->limits->hostname)};
}

enum reply
policy_helo(struct session *s)
{
	(void)s;
	return R_NONE;
}

enum reply
policy_mail(struct session *s)
{
	(void)s;
	return R_NONE;
}

enum reply
policy_rcpt(struct session *s, struct span address)
{
	(void)s, (void)address;
	return R_NONE;
}

enum reply
policy_data(struct session *s)
{
	(void)s;
	return R_NONE;
}

bool
policy_wants_message(const struct session *s)
{
	return session_is_submission(s) || is_stranger(s);
}

/* ---- the whole message ---- */

/* Fields that claim to be our own word are taken out: RFC 8601 5. */
static void
take_claims(struct session *s, struct shape *shape)
{
	struct span server = span_of(the_process.rules.server);
	struct span rest = shape->header, whole;
	const char *kept = rest.p;
	while (authres_claim_next(&rest, server, &whole) == E_OK) {
		buf_span(&s->policy.header, span_make(kept, (size_t)(whole.p - kept)));
		kept = whole.p + whole.n;
	}
	if (kept == shape->header.p)
		return;
	buf_span(&s->policy.header,
	    span_from(shape->header, (size_t)(kept - shape->header.p)));
	shape->header = buf_as_span(&s->policy.header);
}

static enum reply
refuse(unsigned code, const char *enhanced, struct buf *text)
{
	enum reply r = reply_own(code, span_of(enhanced), buf_as_span(text));
	buf_free(text);
	return r;
}

static enum reply
spf_reply(const struct session *s)
{
	const struct spf *spf = &s->policy.chain.spf;
	struct buf text = {0};
	if (spf->result == SPF_TEMPERROR) {
		buf_str(&text, "The DNS does not say now who may send for ");
		buf_span(&text, spf->domain);
		return refuse(451, "4.4.3", &text); /* RFC 7208 8.6 */
	}
	if (spf->result != SPF_FAIL)
		return R_NONE;
	buf_putf(&text, "SPF: %s may not send for ", s->client.text);
	buf_span(&text, spf->domain);
	if (spf->explanation.n) {
		buf_str(&text, "; that domain says: ");
		buf_span(&text, spf->explanation);
	}
	return refuse(550, "5.7.23", &text); /* RFC 7208 8.4, RFC 7372 3.2 */
}

static enum reply
dmarc_reply(struct session *s)
{
	const struct dmarc *dmarc = &s->policy.chain.dmarc;
	struct buf text = {0};
	if (dmarc->result != DMARC_FAIL)
		return R_NONE;
	if (dmarc->disposition == DMARC_P_QUARANTINE)
		s->txn.envelope.flags |= ENV_QUARANTINE;
	if (dmarc->disposition != DMARC_P_REJECT)
		return R_NONE;
	buf_str(&text, "DMARC: neither SPF nor DKIM says that this is from ");
	buf_span(&text, dmarc->domain);
	buf_str(&text, ", whose policy is to reject it");
	return refuse(550, "5.7.1", &text); /* RFC 7489 10.3 */
}

static enum reply
decide(struct session *s)
{
	const struct policy_rules *rules = &the_process.rules;
	const struct chain *c = &s->policy.chain;
	enum reply r = R_NONE;
	if (rules->spf == POLICY_ENFORCE && c->done & CHAIN_SPF)
		r = spf_reply(s);
	if (r == R_NONE && rules->dmarc == POLICY_ENFORCE && c->done & CHAIN_DMARC)
		r = dmarc_reply(s);
	return r;
}

static void
log_verdict(const struct session *s)
{
	struct buf text = {0};
	chain_log(&s->policy.chain, &text);
	log_event(LOG_INFO, "verdict", "client=%s helo=%s from=%s%s", s->client.text,
	    log_q(buf_as_span(&s->helo)), log_q(s->txn.envelope.sender),
	    buf_cstr(&text));
	buf_free(&text);
}

static void
put_results(struct session *s, const struct chain_facts *f)
{
	struct authres a = {.has_utf8 = s->txn.envelope.flags & ENV_SMTPUTF8};
	chain_say(&s->policy.chain, f, &a);
	authres_put(&a, SPAN(AUTHRES_FIELD_NAME ":"), span_of(the_process.rules.server),
	    &s->policy.above);
	authres_done(&a);
}

static enum reply
check_stranger(struct session *s, struct span message)
{
	struct chain_facts f = facts_of(s, message);
	unsigned wanted = wanted_checks(&the_process.rules);
	if (!wanted)
		return R_NONE;
	chain_run(&s->policy.chain, wanted, &f, &s->policy.lookups,
	    &the_process.resolver, s->io.deadline);
	log_verdict(s);
	put_results(s, &f);
	return decide(s);
}

enum reply
policy_message(void *ctx, struct span message, struct shape *shape)
{
	struct session *s = ctx;
	enum reply r = identity_check(s, shape->header);
	if (r != R_NONE)
		return r;
	take_claims(s, shape);
	return is_stranger(s) ? check_stranger(s, message) : R_NONE;
}
