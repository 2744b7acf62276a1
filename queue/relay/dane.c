/* SPDX-License-Identifier: ISC */
/*
 * dane.c - the TLSA records of a host: under which name, and what they mean for TLS with it.  RFC
 * 7672 2.2.
 */
#include "tls/dane.h"
#include "queue/relay/target.h"

enum { BASES_MAX = 2 };

static struct arena records; /* as long as the process */

/*
 * No answer, or a forged one, does not mean that there are no records: who can suppress it must
 * gain nothing.
 */
static int
unsure(const struct dns_answer *a, const char *what, struct buf *why)
{
	if (a->status != DNS_TEMP && a->status != DNS_BOGUS)
		return E_OK;
	buf_putf(why, "%s %s: %.*s", what,
	    a->status == DNS_BOGUS ? "forged" : "not told now", SPAN_ARG(a->why));
	return E_IO;
}

/* The names that may have records: where its CNAMEs lead, then its own. */
struct bases {
	struct span all[BASES_MAX];
	size_t n;
};

/*
 * A CNAME that is proved though it leads out of DNSSEC: the name itself may have records (RFC 7672
 * 2.2.2).
 */
static int
add_alias(struct bases *b, struct span name, struct buf *why)
{
	struct resolver_query q = {.kind = DNS_CNAME, .name = name};
	target_ask(&q, 1);
	if (q.answer.status == DNS_FOUND && q.answer.is_secure)
		b->all[b->n++] = name;
	return unsure(&q.answer, "its CNAME is", why);
}

static int
bases_of(const struct target_host *h, struct bases *out, struct buf *why)
{
	bool is_alias = !span_ieq(h->canonical, h->name);
	if (!h->name.n || !h->is_named_securely)
		return E_OK;
	if (!h->is_secure)
		return is_alias ? add_alias(out, h->name, why) : E_OK;
	if (is_alias)
		out->all[out->n++] = h->canonical;
	out->all[out->n++] = h->name;
	return E_OK;
}

static void
take_records(const struct dns_answer *a, struct policy *out)
{
	struct tlsa *all = arena_get(&records, (a->n_records + 1) * sizeof *all);
	if (!all)
		bug("no memory for TLSA records");
	for (size_t i = 0; i < a->n_records; i++) {
		const struct dns_record *r = &a->records[i];
		all[i] = (struct tlsa){r->usage, r->selector, r->matching, r->data};
	}
	out->tlsa = all;
	out->n_tlsa = a->n_records;
}

static void
add_name(struct policy *out, struct span name)
{
	for (size_t i = 0; i < out->n_names; i++)
		if (span_ieq(out->names[i], name))
			return;
	if (name.n && out->n_names < POLICY_NAMES_MAX)
		out->names[out->n_names++] = name;
}

static void
take_names(const struct remote *r, const struct target_host *h, struct span domain,
    struct policy *out)
{
	add_name(out, out->base);
	add_name(out, h->name);
	add_name(out, r->hop->host);
	add_name(out, domain);
}

int
dane_find(const struct remote *r, const struct target_host *h, struct span domain,
    struct policy *out, struct buf *why)
{
	struct bases bases = {.n = 0};
	int err = bases_of(h, &bases, why);
	for (size_t i = 0; i < bases.n && err == E_OK; i++) {
		struct buf name = {0};
		dns_tlsa_name(bases.all[i], r->hop->port, &name);
		struct resolver_query q = {
		    .kind = DNS_TLSA, .name = buf_as_span(&name)};
		target_ask(&q, 1);
		buf_free(&name);
		const struct dns_answer *a = &q.answer;
		err = unsure(a, "its TLSA records are", why);
		if (a->status != DNS_FOUND || !a->is_secure)
			continue;
		out->kind = TLS_POLICY_DANE;
		out->check = CHECK_DANE;
		out->is_must = true;
		out->base = bases.all[i];
		take_records(a, out);
		take_names(r, h, domain, out);
		return E_OK;
	}
	return err;
}
