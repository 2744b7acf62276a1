/* SPDX-License-Identifier: ISC */
/*
 * mta_sts.c - what the domain says about its hosts, RFC 8461 4 and 5; asked for while the DNS is
 * asked for them.
 */
#include "queue/relay/policy.h"

#include "conf/route.h"
#include "queue/relay/target.h"
#include "queue/sts/sts.h"

static struct {
	struct arena arena;
	struct span domain; /* in the arena: whose hosts these are; empty: nobody's */
	bool is_asked, is_answered;
	int err;
	struct sts_answer answer;     /* in the arena */
	struct mta_sts_policy policy; /* borrows from it */
	bool has_policy;
	struct buf hosts; /* own: the names in it, a line each */
} sts = {.arena = {.max_bytes = STS_ARENA_BYTES}};

void
sts_look_up(const struct remote *r, struct span domain)
{
	const struct hop *h = r->hop;
	if (h->has_no_policies || !dns_name_ok(domain))
		return;
	sts.domain = arena_span(&sts.arena, domain);
	sts.is_asked = r->limits->has_sts &&
	               (h->tls == ROUTE_TLS_MAY || h->tls == ROUTE_TLS_ENCRYPT);
	if (sts.is_asked)
		sts_begin(sts.domain);
}

static void
take_answer(void)
{
	sts.is_answered = true;
	sts.err = sts_end(&sts.arena, &sts.answer);
	sts.has_policy = sts.err == E_OK && sts.answer.policy.n &&
	                 mta_sts_policy_parse(sts.answer.policy, &sts.policy) == E_OK;
	for (size_t i = 0; sts.has_policy && i < sts.policy.n_mx; i++)
		buf_putf(&sts.hosts, "%.*s\n", SPAN_ARG(sts.policy.mx[i]));
}

int
sts_find(const struct target_host *host, struct policy *out, struct buf *why)
{
	if (!sts.is_asked)
		return E_OK;
	if (!sts.is_answered)
		take_answer();
	if (sts.err != E_OK) {
		buf_str(why, "what its domain says about TLS cannot be looked up now");
		return E_IO;
	}
	if (!sts.has_policy || sts.policy.mode == MTA_STS_NONE)
		return E_OK;
	bool is_enforced = sts.policy.mode == MTA_STS_ENFORCE;
	out->kind = TLS_POLICY_STS;
	out->is_only_counted = !is_enforced;
	out->is_unnamed = !mta_sts_matches(&sts.policy, host->name);
	out->is_must |= is_enforced;
	out->check = out->is_unnamed ? CHECK_NONE : CHECK_NAMED;
	if (!out->is_unnamed || !is_enforced)
		return E_OK;
	buf_str(why, POLICY_UNNAMED);
	return E_DENY;
}

bool
sts_note_domain(struct sts_note *out)
{
	*out = (struct sts_note){.domain = sts.domain};
	return sts.domain.n > 0;
}

void
sts_note_lines(struct sts_note *out)
{
	out->lines = sts.answer.policy;
	out->hosts = buf_as_span(&sts.hosts);
}

bool
sts_note_failure(struct sts_note *out)
{
	bool is_failure =
	    sts.is_answered && sts.err == E_OK && sts.answer.failure != TLS_FINE;
	if (!is_failure || !sts_note_domain(out))
		return false;
	out->policy = TLS_POLICY_STS;
	out->outcome = sts.answer.failure;
	out->why = sts.answer.why;
	return true;
}
