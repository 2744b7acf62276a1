/* SPDX-License-Identifier: ISC */
/* say.c - verdicts in words: in Authentication-Results, and in the log. */
#include "smtpd/policy/chain.h"

static void
say_rdns(const struct chain *c, struct authres *a)
{
	struct buf text = {0};
	ip_put(&c->client->ip, &text);
	authres_result(a, "iprev", rdns_result_name(c->client->rdns.result));
	authres_comment(a, c->client->rdns.name);
	authres_prop(a, "policy.iprev", buf_as_span(&text));
	buf_free(&text);
}

static void
say_spf(const struct chain *c, const struct chain_facts *f, struct authres *a)
{
	authres_result(a, "spf", spf_result_name(c->spf.result));
	if (c->spf.why)
		authres_reason(a, span_of(c->spf.why));
	if (c->spf.is_helo)
		authres_prop(a, "smtp.helo", f->helo);
	else
		authres_prop(a, "smtp.mailfrom", f->sender);
}

static void
say_dkim(const struct chain *c, struct authres *a)
{
	if (c->dkim->n == 0)
		authres_result(a, "dkim", "none");
	for (size_t i = 0; i < c->dkim->n; i++) {
		const struct dkim_verdict *v = &c->dkim->verdicts[i];
		authres_result(a, "dkim", dkim_result_name(v->result));
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

static void
say_arc(const struct chain *c, const struct chain_facts *f, struct authres *a)
{
	struct buf text = {0};
	authres_result(a, "arc", arc_cv_name(c->arc->cv));
	authres_reason(a, span_of(c->arc->why));
	if (c->arc->cv == ARC_PASS) {
		buf_putf(&text, "%u", c->arc->oldest_pass);
		authres_prop(a, "header.oldest-pass", buf_as_span(&text));
	}
	authres_prop(a, "smtp.remote-ip", f->client);
	buf_free(&text);
}

void
chain_say(const struct chain *c, const struct chain_facts *f, struct authres *a)
{
	if (chain_has(c, CHAIN_RDNS))
		say_rdns(c, a);
	if (chain_has(c, CHAIN_SPF))
		say_spf(c, f, a);
	if (chain_has(c, CHAIN_DKIM))
		say_dkim(c, a);
	if (chain_has(c, CHAIN_ARC) && c->arc->cv != ARC_NONE)
		say_arc(c, f, a);
	if (chain_has(c, CHAIN_DMARC))
		dmarc_say(&c->dmarc, a);
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
