/* SPDX-License-Identifier: ISC */
/* chain.c - the checks of a stranger's message, in rounds. */
#include "smtpd/policy/chain.h"

#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "conf/conf.h"

static enum policy_mode
mode_of(const struct conf *conf, const char *setting)
{
	const char *value = conf_str(conf, "smtpd", setting);
	return !strcmp(value, "off")    ? POLICY_OFF
	       : !strcmp(value, "note") ? POLICY_NOTE
	                                : POLICY_ENFORCE;
}

void
policy_rules_load(struct policy_rules *r, const struct conf *conf)
{
	const char *server = conf_str(conf, "smtpd", "authserv_id");
	*r = (struct policy_rules){
	    .server = server[0] ? server : conf_str(conf, "common", "hostname"),
	    .spf = mode_of(conf, "spf"),
	    .dkim = mode_of(conf, "dkim"),
	    .dmarc = mode_of(conf, "dmarc")};
}

void
chain_init(struct chain *c)
{
	*c = (struct chain){.arena.max_bytes = CHAIN_BYTES_MAX,
	    .now_sec = clock_wall_sec(),
	    .dice = random_below(100)};
}

void
chain_done(struct chain *c)
{
	dkim_check_free(&c->dkim);
	arena_reset(&c->arena);
	*c = (struct chain){0};
}

/* ---- each check: E_OK, E_MORE ---- */

static int
check_rdns(struct chain *c, const struct chain_facts *f, struct lookups *l)
{
	(void)f;
	return rdns_find(&c->client, l, &c->rdns);
}

static int
check_spf(struct chain *c, const struct chain_facts *f, struct lookups *l)
{
	const struct spf_query q = {.client = &c->client,
	    .helo = f->helo,
	    .sender = f->sender,
	    .receiver = f->receiver,
	    .now_sec = c->now_sec};
	return spf_check(&q, false, l, &c->arena, &c->spf);
}

static int
check_dkim(struct chain *c, const struct chain_facts *f, struct lookups *l)
{
	if (!c->dkim)
		c->dkim = dkim_check_new(f->message);
	return dkim_check(c->dkim, l, c->now_sec);
}

static size_t
add_proof(struct dmarc_proof *proofs, size_t n, bool is_spf, bool is_pass, bool is_temp,
    struct span domain)
{
	if ((is_pass || is_temp) && n < DMARC_PROOFS_MAX)
		proofs[n++] = (struct dmarc_proof){
		    .is_spf = is_spf, .is_temp = is_temp, .domain = domain};
	return n;
}

static size_t
proofs_of(const struct chain *c, struct dmarc_proof *proofs)
{
	size_t n = 0;
	if (c->done & CHAIN_SPF)
		n = add_proof(proofs, n, true, c->spf.result == SPF_PASS,
		    c->spf.result == SPF_TEMPERROR, c->spf.domain);
	for (size_t i = 0; c->dkim && i < c->dkim->n; i++) {
		const struct dkim_verdict *v = &c->dkim->verdicts[i];
		n = add_proof(proofs, n, false, v->result == DKIM_PASS,
		    v->result == DKIM_TEMPERROR, v->domain);
	}
	return n;
}

/* Its questions are asked with those of the others; its verdict comes after theirs. */
static int
check_dmarc(struct chain *c, const struct chain_facts *f, struct lookups *l)
{
	struct dmarc_proof proofs[DMARC_PROOFS_MAX];
	if (!c->is_prepared)
		dmarc_from_find(f->message, &c->arena, &c->from);
	c->is_prepared = true;
	return dmarc_check(
	    l, &c->from, proofs, proofs_of(c, proofs), c->dice, &c->dmarc);
}

static const struct {
	enum chain_check check;
	unsigned after; /* decides only when these are done */
	int (*run)(struct chain *, const struct chain_facts *, struct lookups *);
} checks[] = {
    {CHAIN_RDNS, 0, check_rdns},
    {CHAIN_SPF, 0, check_spf},
    {CHAIN_DKIM, 0, check_dkim},
    {CHAIN_DMARC, CHAIN_SPF | CHAIN_DKIM, check_dmarc},
};

void
chain_run(struct chain *c, unsigned wanted, const struct chain_facts *f,
    struct lookups *l, struct resolver *r, int64_t deadline)
{
	int64_t most = deadline_in_ms(CHAIN_WAIT_MS);
	if (!c->client.n && ip_parse(f->client, &c->client) != E_OK)
		return; /* nobody's: a UNIX socket */
	for (bool is_asked = true; is_asked;) {
		for (size_t i = 0; i < COUNT(checks); i++) {
			bool is_wanted = wanted & checks[i].check & ~c->done;
			if (is_wanted && checks[i].run(c, f, l) == E_OK &&
			    !(wanted & checks[i].after & ~c->done))
				c->done |= checks[i].check;
		}
		is_asked = lookups_ask(l, r, deadline < most ? deadline : most);
	}
	if (wanted & ~c->done)
		bug("a check that wants nothing and does not end");
}

/* ---- what is said ---- */

static void
say_rdns(const struct chain *c, struct authres *a)
{
	struct buf text = {0};
	ip_put(&c->client, &text);
	authres_result(a, "iprev", rdns_result_name(c->rdns.result));
	authres_comment(a, c->rdns.name);
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

void
chain_say(const struct chain *c, const struct chain_facts *f, struct authres *a)
{
	if (c->done & CHAIN_RDNS)
		say_rdns(c, a);
	if (c->done & CHAIN_SPF)
		say_spf(c, f, a);
	if (c->done & CHAIN_DKIM)
		say_dkim(c, a);
	if (c->done & CHAIN_DMARC)
		dmarc_say(&c->dmarc, a);
}

void
chain_log(const struct chain *c, struct buf *out)
{
	if (c->done & CHAIN_RDNS)
		buf_putf(out, " iprev=%s", rdns_result_name(c->rdns.result));
	if (c->done & CHAIN_SPF)
		buf_putf(out, " spf=%s", spf_result_name(c->spf.result));
	if (c->done & CHAIN_DKIM)
		buf_putf(out, " dkim=%s", dkim_result_name(dkim_check_result(c->dkim)));
	if (c->done & CHAIN_DMARC)
		buf_putf(out, " dmarc=%s", dmarc_result_name(c->dmarc.result));
}
