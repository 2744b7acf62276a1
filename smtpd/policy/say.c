/* SPDX-License-Identifier: ISC */
/* say.c - verdicts in words: in Authentication-Results, and in the log. */
#include "smtpd/policy/arc_say.h"
#include "smtpd/policy/chain.h"

static void
say_dkim(const struct chain *c, struct authres *a)
{
	if (c->dkim->n == 0)
		authres_result(a, "dkim", "none");
	for (size_t i = 0; i < c->dkim->n; i++) {
		const struct dkim_verdict *v = &c->dkim->verdicts[i];
		authres_result(a, "dkim", dkim_result_name(v->result));
		if (v->why[0])
			authres_reason(a, span_of(v->why));
		if (v->domain.n)
			authres_prop(a, "header.d", v->domain);
		if (v->selector.n)
			authres_prop(a, "header.s", v->selector);
		if (v->algorithm.n)
			authres_prop(a, "header.a", v->algorithm);
		if (v->b[0])
			authres_prop(a, "header.b", span_of(v->b));
	}
}

/* What was sent and who sent it comes first: when a field is full, what is left out is the rest. */
void
chain_say(const struct chain *c, struct span helo, struct authres *a)
{
	if (chain_has(c, CHAIN_RDNS))
		rdns_say(&c->client->rdns, &c->client->ip, a);
	if (chain_has(c, CHAIN_SPF))
		spf_say(&c->spf, a);
	if (chain_has(c, CHAIN_DKIM))
		say_dkim(c, a);
	if (chain_has(c, CHAIN_ARC) && c->arc->cv != ARC_NONE)
		arc_say(c->arc, &c->client->ip, a);
	if (chain_has(c, CHAIN_DMARC))
		dmarc_say(&c->dmarc, a);
	if (chain_has(c, CHAIN_HELO))
		helo_say(c->client->helo, helo, a);
	if (chain_has(c, CHAIN_DNSBL))
		dnsbl_say(&c->rules->dnsbl, &c->client->dnsbl, a);
}

void
chain_log(const struct chain *c, struct buf *out)
{
	if (chain_has(c, CHAIN_RDNS))
		buf_putf(out, " iprev=%s", rdns_result_name(c->client->rdns.result));
	for (unsigned fault = 1; fault < 1u << HELO_FAULTS; fault <<= 1)
		if (chain_has(c, CHAIN_HELO) && c->client->helo & fault)
			buf_putf(out, " %s=bad", helo_setting(fault));
	if (chain_has(c, CHAIN_DNSBL)) {
		buf_ch(out, ' ');
		dnsbl_log(&c->client->dnsbl, out);
	}
	if (chain_has(c, CHAIN_SPF))
		buf_putf(out, " spf=%s", spf_result_name(c->spf.result));
	if (chain_has(c, CHAIN_DKIM))
		buf_putf(out, " dkim=%s", dkim_result_name(dkim_check_result(c->dkim)));
	if (chain_has(c, CHAIN_ARC))
		buf_putf(out, " arc=%s", arc_cv_name(c->arc->cv));
	if (chain_has(c, CHAIN_DMARC))
		buf_putf(out, " dmarc=%s", dmarc_result_name(c->dmarc.result));
}
