/* SPDX-License-Identifier: ISC */
/* policy.c - which checks there are, in which order, and what comes of them. */
#include "smtpd/policy/policy.h"

#include "base/clock.h"
#include "base/log.h"
#include "proc/child.h"
#include "smtpd/identity.h"
#include "smtpd/pace.h"
#include "smtpd/policy/fields.h"
#include "smtpd/policy/psl.h"
#include "smtpd/policy/refuse.h"
#include "smtpd/session.h"
#include "smtpd/spend.h"

int
policy_prepare(void)
{
	return psl_prepare();
}

void
policy_begin(struct session *s)
{
	lookups_init(&s->policy.lookups);
	s->policy.lookups.kept = &the_process.kept;
	chain_init(&s->policy.chain, &s->policy.client, &the_process.rules);
	s->policy.above.max = POLICY_ABOVE_MAX;
	s->policy.header.max = (size_t)s->limits->message_bytes + POLICY_ABOVE_MAX;
}

void
policy_end(struct session *s)
{
	filters_end(s);
	chain_done(&s->policy.chain);
	chain_client_done(&s->policy.client);
	lookups_done(&s->policy.lookups);
	buf_free(&s->policy.above);
	buf_free(&s->policy.header);
}

void
policy_reset(struct session *s)
{
	filters_reset(s);
	s->policy.is_logged = false;
	s->policy.lists = (struct lists_said){.verdict = LISTS_NOTHING};
	s->policy.greylisted = (struct greylisted){{0}};
	chain_done(&s->policy.chain);
	chain_init(&s->policy.chain, &s->policy.client, &the_process.rules);
	lookups_done(&s->policy.lookups);
	lookups_init(&s->policy.lookups);
	s->policy.lookups.kept = &the_process.kept;
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
	return (r->rdns ? CHAIN_RDNS : 0u) |
	       (r->helo.noted | r->helo.refused ? CHAIN_HELO : 0u) |
	       (r->dnsbl.n ? CHAIN_DNSBL : 0u) | (r->spf ? CHAIN_SPF : 0u) |
	       (r->dkim ? CHAIN_DKIM : 0u) | (r->arc ? CHAIN_ARC : 0u) |
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

static void
run(struct session *s, unsigned checks, const struct chain_facts *f)
{
	chain_run(&s->policy.chain, checks & wanted_checks(&the_process.rules), f,
	    &s->policy.lookups, &the_process.resolver, s->io.deadline);
}

/* Of all who were asked, one line; where nobody was, none. */
static void
log_verdict(const struct session *s)
{
	struct buf text = {0};
	pace_log(s, &text);
	lists_log(&s->policy.lists, &text);
	chain_log(&s->policy.chain, &text);
	greylist_log(&s->policy.greylisted, &text);
	filters_log(&s->policy.filtering, &text);
	if (text.len)
		log_event(LOG_INFO, "verdict", "client=%s helo=%s from=%s%s",
		    s->client.text, log_q(buf_as_span(&s->helo)),
		    log_q(s->txn.envelope.sender), buf_cstr(&text));
	buf_free(&text);
}

/* Of those that are refused before there is a message, the first is told of. */
static enum reply
logged(struct session *s, enum reply r)
{
	if (r != R_NONE && !s->policy.is_logged)
		log_verdict(s);
	s->policy.is_logged |= r != R_NONE;
	return r;
}

enum reply
policy_helo(struct session *s)
{
	chain_client_helo(&s->policy.client);
	filters_helo(s);
	return R_NONE;
}

/* Filters are told the name of a client. */
static void
find_name(struct session *s)
{
	struct chain_facts f = facts_of(s, SPAN(""));
	if (is_stranger(s) && filters_want_message(s))
		run(s, CHAIN_RDNS, &f);
}

/* ip: borrow, for what is returned */
static struct lists_facts
lists_facts_of(const struct session *s, struct ip *ip)
{
	if (ip_parse(span_of(s->client.text), ip) != E_OK)
		ip->n = 0;
	return (struct lists_facts){.client = ip,
	    .helo = buf_as_span(&s->helo),
	    .sender = s->txn.envelope.sender,
	    .has_sender = true};
}

/*
 * What is asked of others has a time of its own: else who sends so slowly that none is left would be
 * judged by what holds while they are away.  Returns the client's deadline, which comes back after it.
 */
static int64_t
time_begin(struct session *s)
{
	int64_t was = s->io.deadline, then = deadline_in_ms(s->limits->transaction_ms);
	if (then > was)
		s->io.deadline = then;
	return was;
}

/* Who is denied is told at RCPT: postmaster is to hear of it. */
enum reply
policy_mail(struct session *s)
{
	int64_t client_deadline = time_begin(s);
	struct ip ip;
	const struct lists_facts f = lists_facts_of(s, &ip);
	if (is_stranger(s))
		lists_judge(&f, &s->policy.lists);
	find_name(s);
	enum reply r = filters_mail(s);
	s->io.deadline = client_deadline;
	return logged(s, r);
}

static enum reply
refuse_denied(const struct session *s)
{
	struct ip ip;
	struct buf text = {0};
	const struct lists_facts f = lists_facts_of(s, &ip);
	lists_refusal(&s->policy.lists, &f, &text);
	enum reply r = reply_own(550, SPAN("5.7.1"), buf_as_span(&text));
	buf_free(&text);
	return r;
}

/* Somebody has to hear of it when others are refused by mistake (RFC 5321 4.5.1). */
static bool
is_postmaster(struct span address)
{
	return span_ieqs(span_head(address, span_rfind(address, '@')), "postmaster");
}

static enum reply
judge_early(struct session *s)
{
	const struct chain *c = &s->policy.chain;
	struct chain_facts f = facts_of(s, SPAN(""));
	run(s, CHAIN_EARLY, &f);
	if (refuse_trusts(c))
		return R_NONE;
	enum reply r = refuse_client(c, f.helo);
	if (r == R_NONE)
		r = refuse_sender(c);
	return r;
}

static enum reply
greylist(struct session *s, struct span address)
{
	const struct chain *c = &s->policy.chain;
	struct buf key = {.max = GREYLIST_KEY_MAX}, text = {0};
	bool is_passed = chain_has(c, CHAIN_SPF) && c->spf.result == SPF_PASS;
	uint32_t left_sec = 0;
	greylist_key_put(is_passed ? c->spf.domain : SPAN(""), &c->client->ip, &key);
	enum greylist_verdict v =
	    greylist_ask(buf_as_span(&key), s->txn.envelope.sender, address, &left_sec);
	buf_free(&key);
	s->policy.greylisted.n[v]++;
	if (v != GREYLIST_WAIT)
		return R_NONE;
	buf_putf(&text, "Greylisted: try again in %u seconds", left_sec);
	enum reply r = reply_own(451, SPAN("4.7.1"), buf_as_span(&text));
	buf_free(&text);
	return r;
}

static enum reply
judge_for(struct session *s, struct span address)
{
	if (s->policy.lists.verdict == LISTS_DENY)
		return refuse_denied(s);
	if (s->policy.lists.verdict == LISTS_ALLOW ||
	    !refuse_wants_early(&the_process.rules))
		return R_NONE;
	enum reply r = judge_early(s);
	if (r == R_NONE && the_process.rules.has_greylist &&
	    !refuse_trusts(&s->policy.chain) && s->policy.chain.client->ip.n)
		r = greylist(s, address);
	return r;
}

static enum reply
judge_rcpt(struct session *s, struct span address)
{
	if (!is_stranger(s) || is_postmaster(address))
		return R_NONE;
	return judge_for(s, address);
}

enum reply
policy_rcpt(struct session *s, struct span address, const struct rcpt_params *asked)
{
	int64_t client_deadline = time_begin(s);
	enum reply r = judge_rcpt(s, address);
	if (r == R_NONE)
		r = filters_rcpt(s, address, asked);
	s->io.deadline = client_deadline;
	return logged(s, r);
}

enum reply
policy_data(struct session *s)
{
	int64_t client_deadline = time_begin(s);
	enum reply r = filters_data(s);
	s->io.deadline = client_deadline;
	/* that the first of its recipients that were refused has a line says nothing of all */
	s->policy.is_logged = false;
	return logged(s, r);
}

/* What is passed on for a client of ours: whether the chain that it came with holds nobody has asked yet. */
static bool
is_only_sealed(const struct session *s)
{
	return s->may_relay && !s->account.len && s->txn.has_forward &&
	       the_process.rules.seal_domain[0];
}

static bool
is_judged(const struct session *s)
{
	return session_is_submission(s) || is_stranger(s) || filters_want_message(s);
}

bool
policy_wants_message(const struct session *s)
{
	return is_judged(s) || is_only_sealed(s);
}

/* ---- the whole message ---- */

static enum reply
judge_author(struct session *s)
{
	struct chain *c = &s->policy.chain;
	if (c->rules->dmarc != POLICY_REFUSE || c->dmarc.result != DMARC_FAIL ||
	    s->policy.lists.verdict == LISTS_ALLOW)
		return R_NONE;
	if (chain_is_vouched(c)) {
		log_event(LOG_INFO, "vouched", "author=%s sealer=%s",
		    log_q(c->dmarc.domain),
		    log_q(c->arc->sets[c->arc->n - 1].seal.domain));
		return R_NONE;
	}
	if (c->dmarc.disposition == DMARC_P_QUARANTINE)
		s->txn.envelope.flags |= ENV_QUARANTINE;
	return refuse_author(c);
}

static enum reply
judge_stranger(struct session *s, struct span message, struct shape *shape)
{
	struct chain_facts f = facts_of(s, message);
	run(s, ~0u, &f);
	enum reply r = judge_author(s);
	if (r == R_NONE)
		r = filters_message(s, shape);
	if (r == R_NONE) {
		fields_seal(s, shape);
		fields_put_results(s);
	}
	return r;
}

static enum reply
judge_ours(struct session *s, struct span message, struct shape *shape)
{
	struct chain_facts f = facts_of(s, message);
	if (is_only_sealed(s))
		run(s, CHAIN_PLACELESS, &f);
	enum reply r = filters_message(s, shape);
	if (r == R_NONE && is_only_sealed(s))
		fields_seal(s, shape);
	return r;
}

static enum reply
judge_login(struct session *s, struct shape *shape)
{
	enum reply r = identity_check(s, shape->header);
	if (r != R_NONE)
		return r;
	fields_complete(s, shape);
	r = filters_message(s, shape);
	if (r == R_NONE)
		r = spend_message(s);
	if (r == R_NONE && the_process.rules.has_signing)
		fields_sign(s, shape);
	return r;
}

static enum reply
judge_message(struct session *s, struct span message, struct shape *shape)
{
	if (s->account.len)
		return judge_login(s, shape);
	return is_stranger(s) ? judge_stranger(s, message, shape)
	                      : judge_ours(s, message, shape);
}

enum reply
policy_message(void *ctx, struct span message, struct shape *shape)
{
	struct session *s = ctx;
	int64_t client_deadline = time_begin(s);
	if (is_judged(s))
		fields_take_claims(s, shape);
	enum reply r = judge_message(s, message, shape);
	log_verdict(s);
	s->io.deadline = client_deadline;
	return r;
}
