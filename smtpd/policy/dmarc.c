/* SPDX-License-Identifier: ISC */
/* dmarc.c - a domain's policy found (RFC 7489 6.6.3), and what it says of a message (6.6.2). */
#include "smtpd/policy/dmarc.h"

#include "dkim/authres.h"
#include "smtpd/policy/psl.h"

#define RECORD_PREFIX "_dmarc."

/* The policy that holds for a domain of From. */
struct found {
	struct dmarc_record record;
	enum dmarc_policy policy;
	enum dmarc_result result; /* DMARC_FAIL: there is one; else why there is none */
	const char *why;
};

const char *
dmarc_result_name(enum dmarc_result r)
{
	static const char *const names[] = {
	    [DMARC_NONE] = "none",
	    [DMARC_PASS] = "pass",
	    [DMARC_FAIL] = "fail",
	    [DMARC_TEMPERROR] = "temperror",
	    [DMARC_PERMERROR] = "permerror",
	};
	return r < COUNT(names) ? names[r] : "?";
}

const char *
dmarc_policy_name(enum dmarc_policy p)
{
	static const char *const names[] = {
	    [DMARC_P_NONE] = "none",
	    [DMARC_P_QUARANTINE] = "quarantine",
	    [DMARC_P_REJECT] = "reject",
	};
	return p < COUNT(names) ? names[p] : "?";
}

/* ---- found ---- */

static const struct dns_answer *
record_get(struct lookups *l, struct span domain)
{
	struct buf name = {0};
	buf_str(&name, RECORD_PREFIX);
	buf_span(&name, domain);
	/* too long a name has no record; lookups_get says so */
	const struct dns_answer *a = lookups_get(l, DNS_TXT, buf_as_span(&name));
	buf_free(&name);
	return a;
}

/* Records of another kind are nobody's business here; of several that are ours none counts. */
static int
record_choose(const struct dns_answer *a, struct found *out)
{
	unsigned n = 0;
	int result = E_MORE;
	for (size_t i = 0; a->status == DNS_FOUND && i < a->n_records; i++) {
		struct dmarc_record record;
		int err = dmarc_record_parse(a->records[i].data, &record);
		if (err == E_MORE)
			continue;
		result = err;
		out->record = record;
		n++;
	}
	out->why = n > 1             ? "more than one record"
	           : result == E_BAD ? "no policy in the record"
	                             : NULL;
	return n > 1 ? E_BAD : result;
}

/* RFC 9091 2.6: there is nothing of A, AAAA and MX. */
static int
does_exist(struct lookups *l, struct span domain, bool *out)
{
	static const enum dns_kind kinds[] = {DNS_A, DNS_AAAA, DNS_MX};

	bool is_all_known = true;
	*out = false;
	for (size_t i = 0; i < COUNT(kinds); i++) {
		const struct dns_answer *a = lookups_get(l, kinds[i], domain);
		if (!a)
			is_all_known = false;
		else if (a->status != DNS_NO_NAME && a->status != DNS_NO_RECORD)
			*out = true; /* or it may */
	}
	return is_all_known || *out ? E_OK : E_MORE;
}

static bool
is_temp(const struct dns_answer *a)
{
	return a->status == DNS_TEMP || a->status == DNS_BOGUS;
}

static int
policy_of_sub(struct lookups *l, struct span domain, struct found *out)
{
	bool exists = true;
	out->result = DMARC_FAIL;
	out->policy = out->record.sp;
	if (!out->record.has_np)
		return E_OK;
	if (does_exist(l, domain, &exists) != E_OK)
		return E_MORE;
	if (!exists)
		out->policy = out->record.np;
	return E_OK;
}

/* Both records are wanted at once, so that it is one round. */
static int
policy_find(struct lookups *l, struct span domain, struct span org, struct found *out)
{
	const struct dns_answer *own = record_get(l, domain), *above = own;
	*out = (struct found){.result = DMARC_NONE};
	if (!span_ieq(domain, org))
		above = record_get(l, org);
	if (!own || !above)
		return E_MORE;
	int err = record_choose(own, out);
	if (err == E_OK) {
		out->result = DMARC_FAIL;
		out->policy = out->record.p;
	} else if (is_temp(own)) {
		out->result = DMARC_TEMPERROR;
	} else if (err == E_MORE && above != own) {
		err = record_choose(above, out);
		if (err == E_OK)
			return policy_of_sub(l, domain, out);
		if (is_temp(above))
			out->result = DMARC_TEMPERROR;
	}
	if (out->result == DMARC_TEMPERROR)
		out->why = "its policy could not be looked up";
	return E_OK;
}

/* ---- judged ---- */

static bool
is_aligned(struct span proof, struct span domain, struct span org, bool is_strict)
{
	if (proof.n && proof.p[proof.n - 1] == '.')
		proof.n--;
	return proof.n && (is_strict ? span_ieq(proof, domain)
				     : span_ieq(psl_organisation(proof), org));
}

static void
weigh(const struct found *found, const struct dmarc_proof *proofs, size_t n,
    struct dmarc *out)
{
	bool may_pass_later = false;
	for (size_t i = 0; i < n && i < DMARC_PROOFS_MAX; i++) {
		bool is_strict = proofs[i].is_spf ? found->record.is_strict_spf
		                                  : found->record.is_strict_dkim;
		if (!is_aligned(
			proofs[i].domain, out->domain, out->organisation, is_strict))
			continue;
		if (proofs[i].is_temp)
			may_pass_later = true;
		else if (proofs[i].is_spf)
			out->is_spf_aligned = true;
		else
			out->is_dkim_aligned = true;
	}
	if (out->is_spf_aligned || out->is_dkim_aligned)
		out->result = DMARC_PASS;
	else if (may_pass_later)
		out->result = DMARC_TEMPERROR;
	if (out->result == DMARC_TEMPERROR)
		out->why = "what vouches for it could not be looked up";
}

/* 6.6.4: who is not in the sample has the next milder one. */
static void
dispose(unsigned percent, unsigned dice, struct dmarc *out)
{
	if (out->result != DMARC_FAIL)
		return;
	out->disposition = out->policy;
	if (dice < percent || out->policy == DMARC_P_NONE)
		return;
	out->disposition--;
	out->is_sampled_out = true;
}

static int
judge(struct lookups *l, struct span domain, const struct dmarc_proof *proofs, size_t n,
    unsigned dice, struct dmarc *out)
{
	struct found found;
	*out =
	    (struct dmarc){.domain = domain, .organisation = psl_organisation(domain)};
	if (policy_find(l, domain, out->organisation, &found) != E_OK)
		return E_MORE;
	out->result = found.result;
	out->policy = found.policy;
	out->why = found.why;
	if (found.result == DMARC_FAIL)
		weigh(&found, proofs, n, out);
	dispose(found.record.percent, dice, out);
	return E_OK;
}

/*
 * Of several domains the strictest that fails decides (6.6.1); else what is not known; and all must
 * pass for a pass, but those without a policy do not count against it.
 */
static unsigned
weight(const struct dmarc *d)
{
	static const unsigned weights[] = {[DMARC_NONE] = 0,
	    [DMARC_PASS] = 1,
	    [DMARC_TEMPERROR] = 2,
	    [DMARC_FAIL] = 3};
	return weights[d->result] + d->disposition;
}

int
dmarc_check(struct lookups *l, const struct dmarc_from *from,
    const struct dmarc_proof *proofs, size_t n, unsigned dice, struct dmarc *out)
{
	bool is_all_known = true;
	*out = (struct dmarc){.domain = {"", 0}, .organisation = {"", 0}};
	for (size_t i = 0; i < from->n; i++) {
		struct dmarc one;
		if (judge(l, from->domains[i], proofs, n, dice, &one) != E_OK)
			is_all_known = false;
		else if (i == 0 || weight(&one) > weight(out))
			*out = one;
	}
	if (!is_all_known)
		return E_MORE;
	if (from->fault && out->result != DMARC_FAIL) {
		out->result = DMARC_PERMERROR;
		out->is_spf_aligned = out->is_dkim_aligned = false;
		out->why = from->fault;
	}
	return E_OK;
}

void
dmarc_say(const struct dmarc *d, struct authres *a)
{
	struct buf comment = {0};
	bool has_policy = d->result == DMARC_PASS || d->result == DMARC_FAIL;
	authres_result(a, "dmarc", dmarc_result_name(d->result));
	if (has_policy)
		buf_putf(&comment, "p=%s dis=%s%s", dmarc_policy_name(d->policy),
		    dmarc_policy_name(d->disposition), d->is_sampled_out ? " pct" : "");
	else if (d->why)
		buf_str(&comment, d->why);
	authres_comment(a, buf_as_span(&comment));
	buf_free(&comment);
	if (d->domain.n)
		authres_prop(a, "header.from", d->domain);
	if (d->result == DMARC_FAIL)
		authres_prop(
		    a, "policy.dmarc", span_of(dmarc_policy_name(d->disposition)));
}
