/* SPDX-License-Identifier: ISC */
/* refuse.c - verdicts that are refusals. */
#include "smtpd/policy/refuse.h"

static enum reply
say(unsigned code, const char *enhanced, struct buf *text)
{
	enum reply r = reply_own(code, span_of(enhanced), buf_as_span(text));
	buf_free(text);
	return r;
}

static enum reply
refuse_listed(const struct chain *c)
{
	struct buf text = {0};
	if (c->client->dnsbl.verdict != DNSBL_REFUSED)
		return R_NONE;
	dnsbl_refusal(&c->client->dnsbl, &c->client->ip, &text);
	return say(554, "5.7.1", &text);
}

/* RFC 7372 3.3 */
static enum reply
refuse_name(const struct chain *c)
{
	const struct rdns *rdns = &c->client->rdns;
	struct buf text = {0};
	if (rdns->result == RDNS_PASS)
		return R_NONE;
	ip_put(&c->client->ip, &text);
	if (rdns->result == RDNS_TEMPERROR) {
		buf_str(&text, " cannot be looked up in the DNS now; try again later");
		return say(450, "4.7.25", &text);
	}
	buf_str(&text, " has no name in the DNS that leads back to it");
	return say(550, "5.7.25", &text);
}

static enum reply
refuse_helo(const struct chain *c, struct span helo)
{
	unsigned faults = c->client->helo & c->rules->helo.refused;
	struct buf text = {0};
	if (!faults)
		return R_NONE;
	buf_str(&text, "HELO ");
	buf_span(&text, helo);
	buf_putf(&text, ": %s", helo_text(faults));
	return say(550, "5.7.1", &text);
}

enum reply
refuse_client(const struct chain *c, struct span helo)
{
	enum reply r = R_NONE;
	if (chain_has(c, CHAIN_DNSBL))
		r = refuse_listed(c);
	if (r == R_NONE && c->rules->rdns == POLICY_REFUSE && chain_has(c, CHAIN_RDNS))
		r = refuse_name(c);
	if (r == R_NONE && chain_has(c, CHAIN_HELO))
		r = refuse_helo(c, helo);
	return r;
}

enum reply
refuse_sender(const struct chain *c)
{
	struct buf text = {0};
	if (c->rules->spf != POLICY_REFUSE || !chain_has(c, CHAIN_SPF))
		return R_NONE;
	if (c->spf.result == SPF_TEMPERROR) {
		buf_str(&text, "The DNS does not say now who may send for ");
		buf_span(&text, c->spf.domain);
		return say(451, "4.4.3", &text); /* RFC 7208 8.6 */
	}
	if (c->spf.result != SPF_FAIL)
		return R_NONE;
	buf_str(&text, "SPF: ");
	ip_put(&c->client->ip, &text);
	buf_str(&text, " may not send for ");
	buf_span(&text, c->spf.domain);
	if (c->spf.explanation.n) {
		buf_str(&text, "; that domain says: ");
		buf_span(&text, c->spf.explanation);
	}
	return say(550, "5.7.23", &text); /* RFC 7208 8.4, RFC 7372 3.2 */
}

enum reply
refuse_author(const struct chain *c)
{
	struct buf text = {0};
	if (c->rules->dmarc != POLICY_REFUSE || !chain_has(c, CHAIN_DMARC) ||
	    c->dmarc.result != DMARC_FAIL || c->dmarc.disposition != DMARC_P_REJECT)
		return R_NONE;
	buf_str(&text, "DMARC: neither SPF nor DKIM says that this is from ");
	buf_span(&text, c->dmarc.domain);
	buf_str(&text, ", whose policy is to reject it");
	return say(550, "5.7.1", &text); /* RFC 7489 10.3 */
}

bool
refuse_wants_early(const struct policy_rules *r)
{
	return r->dnsbl.n || r->rdns == POLICY_REFUSE || r->helo.refused ||
	       r->spf == POLICY_REFUSE || r->has_greylist;
}

bool
refuse_trusts(const struct chain *c)
{
	return chain_has(c, CHAIN_DNSBL) && c->client->dnsbl.verdict == DNSBL_TRUSTED;
}
