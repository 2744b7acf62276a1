/* SPDX-License-Identifier: ISC */
/* spf_match.c - mechanisms of SPF records, RFC 7208 5, and what they may cost, 4.6.4. */
#include "smtpd/policy/rdns.h"
#include "smtpd/policy/spf_run.h"

static int
end(struct spf_found *f, enum spf_result result, const char *why)
{
	*f = (struct spf_found){.result = result, .why = why};
	return E_DENY;
}

static int
dns_failed(struct spf_found *f)
{
	return end(f, SPF_TEMPERROR, "the DNS did not answer what a term asks");
}

/* ---- names ---- */

/* It is domain, or ends in a label's beginning with it. */
static bool
is_under(struct span name, struct span domain)
{
	if (domain.n && domain.p[domain.n - 1] == '.')
		domain.n--;
	if (span_ieq(name, domain))
		return true;
	return name.n > domain.n && name.p[name.n - domain.n - 1] == '.' &&
	       span_ieq(span_from(name, name.n - domain.n), domain);
}

/* The best: domain itself, then one below it, then any (7.3). */
static struct span
best_of(const struct rdns *r, struct span domain)
{
	for (size_t i = 0; i < r->n_confirmed; i++)
		if (span_ieq(r->confirmed[i], domain))
			return r->confirmed[i];
	for (size_t i = 0; i < r->n_confirmed; i++)
		if (is_under(r->confirmed[i], domain))
			return r->confirmed[i];
	return r->n_confirmed ? r->confirmed[0] : SPAN("unknown");
}

int
spf_validated(struct spf_run *run, struct span domain)
{
	struct rdns r;
	int err = rdns_find(run->client, run->lookups, &r);
	if (err == E_OK)
		run->values.validated = best_of(&r, domain);
	return err;
}

int
spf_name(struct spf_run *run, struct span domain, struct span spec, struct span *out)
{
	struct buf name = {0};
	bool has_p;
	*out = domain;
	if (!spec.n)
		return E_OK;
	if (spf_string_ok(spec, SPF_IN_RECORD, &has_p) && has_p &&
	    spf_validated(run, domain) != E_OK)
		return E_MORE;
	run->values.domain = domain;
	int err = spf_target_name(spec, &run->values, &name);
	*out = arena_span(&run->arena, buf_as_span(&name));
	buf_free(&name);
	return err;
}

/* ---- limits, 4.6.4 ---- */

static bool
asks_dns(enum spf_kind kind)
{
	return kind == SPF_INCLUDE || kind == SPF_A || kind == SPF_MX ||
	       kind == SPF_PTR || kind == SPF_EXISTS || kind == SPF_REDIRECT;
}

static int
count_term(struct spf_run *run, enum spf_kind kind, struct spf_found *f)
{
	if (asks_dns(kind) && ++run->n_terms > SPF_TERMS_MAX)
		return end(f, SPF_PERMERROR, "more than 10 terms that ask the DNS");
	return E_OK;
}

/* The first answer that a term got. */
static int
count_void(struct spf_run *run, const struct dns_answer *a, struct spf_found *f)
{
	bool is_void = a->status == DNS_NO_NAME || a->status == DNS_NO_RECORD;
	if (is_void && ++run->n_void > SPF_VOID_MAX)
		return end(f, SPF_PERMERROR, "more than 2 terms that find nothing");
	return E_OK;
}

/* ---- mechanisms ---- */

static bool
in_network(const struct spf_run *run, struct span net, const struct spf_term *t)
{
	return ip_in(run->client, net, net.n == 4 ? t->bits4 : t->bits6);
}

static bool
has_client(
    const struct spf_run *run, const struct dns_answer *a, const struct spf_term *t)
{
	for (size_t i = 0; i < a->n_records; i++)
		if (in_network(run, a->records[i].data, t))
			return true;
	return false;
}

static const struct dns_answer *
addresses(struct spf_run *run, struct span name)
{
	return lookups_get(run->lookups, run->client->n == 4 ? DNS_A : DNS_AAAA, name);
}

static int
match_a(struct spf_run *run, struct span name, const struct spf_term *t, bool *is_match,
    struct spf_found *f)
{
	/* 5.7: "exists" asks for A whatever the client has */
	const struct dns_answer *a = t->kind == SPF_EXISTS
	                                 ? lookups_get(run->lookups, DNS_A, name)
	                                 : addresses(run, name);
	if (!a)
		return E_MORE;
	if (spf_is_unknown(a))
		return dns_failed(f);
	*is_match = t->kind == SPF_EXISTS ? a->n_records > 0 : has_client(run, a, t);
	return count_void(run, a, f);
}

/* 5.4: each host of the MX records, as "a" does; A records of the domain itself do not count */
static int
match_mx(struct spf_run *run, struct span name, const struct spf_term *t,
    bool *is_match, struct spf_found *f)
{
	const struct dns_answer *mx = lookups_get(run->lookups, DNS_MX, name);
	bool is_more = false, is_temp = false;
	if (!mx)
		return E_MORE;
	if (spf_is_unknown(mx))
		return dns_failed(f);
	if (mx->n_records > SPF_MX_MAX)
		return end(f, SPF_PERMERROR, "more than 10 hosts of an \"mx\"");
	for (size_t i = 0; i < mx->n_records; i++) {
		const struct dns_answer *a = addresses(run, mx->records[i].data);
		if (!a)
			is_more = true;
		else if (spf_is_unknown(a))
			is_temp = true;
		else
			*is_match = *is_match || has_client(run, a, t);
	}
	if (is_more)
		return E_MORE;
	if (!*is_match && is_temp)
		return dns_failed(f);
	return count_void(run, mx, f);
}

/* 5.5: a failure of the DNS is no match */
static int
match_ptr(struct spf_run *run, struct span name, bool *is_match, struct spf_found *f)
{
	struct rdns r;
	static const struct dns_answer nothing = {.status = DNS_NO_NAME};
	if (rdns_find(run->client, run->lookups, &r) != E_OK)
		return E_MORE;
	for (size_t i = 0; i < r.n_confirmed; i++)
		*is_match = *is_match || is_under(r.confirmed[i], name);
	return r.result == RDNS_PERMERROR ? count_void(run, &nothing, f) : E_OK;
}

/* 5.2: the result there decides whether this term matches */
static int
match_include(
    struct spf_run *run, struct span name, bool *is_match, struct spf_found *f)
{
	struct spf_found inner;
	if (spf_check_host(run, name, &inner) != E_OK)
		return E_MORE;
	switch (inner.result) {
	case SPF_PASS:
		*is_match = true;
		*f = inner;
		return E_OK;
	case SPF_TEMPERROR:
	case SPF_PERMERROR:
		return end(f, inner.result, inner.why);
	case SPF_NONE:
		return end(
		    f, SPF_PERMERROR, "an \"include\" of a domain without a record");
	default:
		return E_OK;
	}
}

static int
match_asking(struct spf_run *run, struct span name, const struct spf_term *t,
    bool *is_match, struct spf_found *f)
{
	switch (t->kind) {
	case SPF_INCLUDE:
		return match_include(run, name, is_match, f);
	case SPF_MX:
		return match_mx(run, name, t, is_match, f);
	case SPF_PTR:
		return match_ptr(run, name, is_match, f);
	default:
		return match_a(run, name, t, is_match, f);
	}
}

int
spf_match(struct spf_run *run, struct span domain, const struct spf_term *t,
    bool *is_match, struct spf_found *f)
{
	struct span name;
	*is_match = t->kind == SPF_ALL;
	if (t->kind == SPF_IP4 || t->kind == SPF_IP6)
		*is_match = in_network(
		    run, span_make(t->address, t->kind == SPF_IP4 ? 4 : 16), t);
	if (!asks_dns(t->kind) || t->kind == SPF_REDIRECT)
		return E_OK;
	int err = count_term(run, t->kind, f);
	if (err == E_OK)
		err = spf_name(run, domain, t->domain, &name);
	if (err == E_LIMIT)
		return end(f, SPF_PERMERROR, "a name that becomes too long");
	return err == E_OK ? match_asking(run, name, t, is_match, f) : err;
}

int
spf_redirect(
    struct spf_run *run, struct span domain, struct span to, struct spf_found *f)
{
	struct span name;
	int err = count_term(run, SPF_REDIRECT, f);
	if (err == E_OK)
		err = spf_name(run, domain, to, &name);
	if (err == E_LIMIT)
		err = end(f, SPF_PERMERROR, "a name that becomes too long");
	if (err == E_DENY)
		return E_OK;
	if (err == E_OK)
		err = spf_check_host(run, name, f);
	if (err == E_OK && f->result == SPF_NONE)
		(void)end(
		    f, SPF_PERMERROR, "a \"redirect\" to a domain without a record");
	return err;
}
