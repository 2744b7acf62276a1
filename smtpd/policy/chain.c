/* SPDX-License-Identifier: ISC */
/* chain.c - the checks of a stranger's message, in rounds. */
#include "smtpd/policy/chain.h"

#include "base/clock.h"
#include "base/id.h"
#include "conf/conf.h"

enum { CHAIN_CLIENT_BYTES_MAX = 64 << 10 };

void
chain_init(
    struct chain *c, struct chain_client *client, const struct policy_rules *rules)
{
	client->arena.max_bytes = CHAIN_CLIENT_BYTES_MAX;
	*c = (struct chain){.client = client,
	    .rules = rules,
	    .arena.max_bytes = CHAIN_BYTES_MAX,
	    .now_sec = clock_wall_sec(),
	    .dice = random_below(100)};
}

void
chain_done(struct chain *c)
{
	dkim_check_free(&c->dkim);
	arc_check_free(&c->arc);
	arena_reset(&c->arena);
	*c = (struct chain){0};
}

void
chain_client_done(struct chain_client *c)
{
	arena_reset(&c->arena);
	*c = (struct chain_client){0};
}

void
chain_client_helo(struct chain_client *c)
{
	c->done &= ~(unsigned)CHAIN_HELO;
}

bool
chain_has(const struct chain *c, enum chain_check check)
{
	return (c->done | c->client->done) & check;
}

/* ---- each check: E_OK, E_MORE ---- */

static int
check_rdns(struct chain *c, const struct chain_facts *f, struct lookups *l)
{
	struct chain_client *k = c->client;
	(void)f;
	int err = rdns_find(&k->ip, l, &k->rdns);
	if (err == E_OK) /* the answers go with the message */
		k->rdns = (struct rdns){.result = k->rdns.result,
		    .name = arena_span(&k->arena, k->rdns.name)};
	return err;
}

static int
check_helo(struct chain *c, const struct chain_facts *f, struct lookups *l)
{
	return helo_check(
	    &c->rules->helo, f->helo, &c->client->ip, l, &c->client->helo);
}

static int
check_dnsbl(struct chain *c, const struct chain_facts *f, struct lookups *l)
{
	struct chain_client *k = c->client;
	(void)f;
	int err = dnsbl_check(&c->rules->dnsbl, &k->ip, l, &k->dnsbl);
	if (err == E_OK)
		k->dnsbl.text = arena_span(&k->arena, k->dnsbl.text);
	return err;
}

static int
check_spf(struct chain *c, const struct chain_facts *f, struct lookups *l)
{
	const struct spf_query q = {.client = &c->client->ip,
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

static int
check_arc(struct chain *c, const struct chain_facts *f, struct lookups *l)
{
	if (!c->arc)
		c->arc = arc_check_new(f->message);
	return arc_check(c->arc, l, c->now_sec);
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
    {CHAIN_HELO, 0, check_helo},
    {CHAIN_DNSBL, 0, check_dnsbl},
    {CHAIN_SPF, 0, check_spf},
    {CHAIN_DKIM, 0, check_dkim},
    {CHAIN_ARC, 0, check_arc},
    {CHAIN_DMARC, CHAIN_SPF | CHAIN_DKIM, check_dmarc},
};

static bool
is_open(const struct chain *c, unsigned wanted)
{
	return wanted & ~(c->done | c->client->done);
}

static void
round_run(
    struct chain *c, unsigned wanted, const struct chain_facts *f, struct lookups *l)
{
	for (size_t i = 0; i < COUNT(checks); i++) {
		enum chain_check check = checks[i].check;
		if (!is_open(c, wanted & check) || checks[i].run(c, f, l) != E_OK ||
		    is_open(c, wanted & checks[i].after))
			continue;
		if (check & CHAIN_CLIENT)
			c->client->done |= check;
		else
			c->done |= check;
	}
}

void
chain_run(struct chain *c, unsigned wanted, const struct chain_facts *f,
    struct lookups *l, struct resolver *r, int64_t deadline)
{
	int64_t most = deadline_in_ms(CHAIN_WAIT_MS);
	if (!c->client->ip.n && ip_parse(f->client, &c->client->ip) != E_OK)
		wanted &= CHAIN_PLACELESS; /* a UNIX socket, or a proxy does not know */
	do
		round_run(c, wanted, f, l);
	while (lookups_ask(l, r, deadline < most ? deadline : most));
	if (is_open(c, wanted))
		bug("a check that wants nothing and does not end");
}

static bool
is_trusted(const struct policy_rules *r, struct span domain)
{
	for (size_t i = 0; i < conf_list_count(r->conf, "smtpd", "arc_trust"); i++)
		if (span_ieqs(domain, conf_list(r->conf, "smtpd", "arc_trust", i)))
			return true;
	return false;
}

static bool
has_dmarc_pass(struct span payload, struct arena *arena)
{
	struct authres_reader reader;
	struct authres_read result;
	if (authres_open(payload, arena, &reader) != E_OK)
		return false;
	while (authres_next(&reader, &result) == E_OK)
		if (span_ieqs(result.method, "dmarc"))
			return span_ieqs(result.result, "pass");
	return false;
}

bool
chain_is_vouched(struct chain *c)
{
	if (!chain_has(c, CHAIN_ARC) || c->arc->cv != ARC_PASS)
		return false;
	for (size_t i = 0; i < c->arc->n; i++)
		if (!is_trusted(c->rules, c->arc->sets[i].seal.domain))
			return false;
	return has_dmarc_pass(c->arc->sets[0].results.payload, &c->arena);
}
