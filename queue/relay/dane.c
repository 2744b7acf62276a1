/* SPDX-License-Identifier: ISC */
/* dane.c - the TLSA records of a host: under which name, and what they mean for TLS with it.  RFC 7672 2.2. */
#include "queue/relay/target.h"
#include "tls/dane.h"

enum { BASES_MAX = 2 };

static struct arena records; /* as long as the process */

/* A CNAME that is proved though it leads out of DNSSEC: the name itself may have records (RFC 7672 2.2.2). */
static bool
is_alias_secure(struct span name)
{
	struct resolver_query q = {.kind = DNS_CNAME, .name = name};
	target_ask(&q, 1);
	return q.answer.status == DNS_FOUND && q.answer.is_secure;
}

/* The names that may have records: where its CNAMEs lead, then its own. */
static size_t
bases_of(const struct target_host *h, struct span *out)
{
	bool is_alias = !span_ieq(h->canonical, h->name);
	size_t n = 0;
	if (!h->name.n || !h->is_named_securely)
		return 0;
	if (h->is_secure && is_alias)
		out[n++] = h->canonical;
	if (h->is_secure || (is_alias && is_alias_secure(h->name)))
		out[n++] = h->name;
	return n;
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
take_names(const struct remote *r, const struct target_host *h, struct span domain, struct policy *out)
{
	add_name(out, out->base);
	add_name(out, h->name);
	add_name(out, r->hop->host);
	add_name(out, domain);
}

int
dane_find(const struct remote *r, const struct target_host *h, struct span domain, struct policy *out, struct buf *why)
{
	struct span bases[BASES_MAX];
	size_t n = bases_of(h, bases);
	for (size_t i = 0; i < n; i++) {
		struct buf name = {0};
		dns_tlsa_name(bases[i], r->hop->port, &name);
		struct resolver_query q = {.kind = DNS_TLSA, .name = buf_as_span(&name)};
		target_ask(&q, 1);
		buf_free(&name);
		const struct dns_answer *a = &q.answer;
		if (a->status == DNS_TEMP || a->status == DNS_BOGUS) {
			buf_putf(why, "its TLSA records are %s: %.*s", a->status == DNS_BOGUS ? "forged" : "not told now", SPAN_ARG(a->why));
			return E_IO;
		}
		if (a->status != DNS_FOUND || !a->is_secure)
			continue;
		out->kind = TLS_POLICY_DANE;
		out->check = CHECK_DANE;
		out->is_must = true;
		out->base = bases[i];
		take_records(a, out);
		take_names(r, h, domain, out);
		return E_OK;
	}
	return E_OK;
}
