/* SPDX-License-Identifier: ISC */
/* rdns.c - names of a client that the DNS confirms. */
#include "smtpd/policy/rdns.h"

const char *
rdns_result_name(enum rdns_result r)
{
	static const char *const names[] = {[RDNS_PASS] = "pass",
	    [RDNS_FAIL] = "fail",
	    [RDNS_TEMPERROR] = "temperror",
	    [RDNS_PERMERROR] = "permerror"};
	return names[r];
}

static bool
is_unknown(const struct dns_answer *a)
{
	return a->status == DNS_TEMP || a->status == DNS_BOGUS;
}

static bool
has_address(const struct dns_answer *a, const struct ip *client)
{
	for (size_t i = 0; i < a->n_records; i++)
		if (ip_in(client, a->records[i].data, (unsigned)client->n * 8))
			return true;
	return false;
}

/* Each name that is claimed is asked for its addresses. */
static int
confirm(const struct ip *client, const struct dns_answer *ptr, struct lookups *l,
    struct rdns *out)
{
	enum dns_kind kind = client->n == 4 ? DNS_A : DNS_AAAA;
	bool is_more = false, is_temp = false;
	for (size_t i = 0; i < ptr->n_records && i < RDNS_NAMES_MAX; i++) {
		struct span name = ptr->records[i].data;
		const struct dns_answer *a = lookups_get(l, kind, name);
		if (!a)
			is_more = true;
		else if (is_unknown(a))
			is_temp = true;
		else if (has_address(a, client))
			out->confirmed[out->n_confirmed++] = name;
	}
	if (is_more)
		return E_MORE;
	out->result = out->n_confirmed ? RDNS_PASS
	              : is_temp        ? RDNS_TEMPERROR
	                               : RDNS_FAIL;
	out->name = out->n_confirmed ? out->confirmed[0] : ptr->records[0].data;
	return E_OK;
}

int
rdns_find(const struct ip *client, struct lookups *l, struct rdns *out)
{
	struct buf name = {.max = DNS_NAME_MAX};
	*out = (struct rdns){.result = RDNS_PERMERROR};
	dns_reverse_name(ip_bytes(client), &name);
	const struct dns_answer *ptr = lookups_get(l, DNS_PTR, buf_as_span(&name));
	buf_free(&name);
	if (!ptr)
		return E_MORE;
	if (is_unknown(ptr))
		out->result = RDNS_TEMPERROR;
	else if (ptr->n_records)
		return confirm(client, ptr, l, out);
	return E_OK;
}

void
rdns_say(const struct rdns *r, const struct ip *client, struct authres *out)
{
	struct buf text = {0};
	ip_put(client, &text);
	authres_result(out, "iprev", rdns_result_name(r->result));
	authres_comment(out, r->name);
	authres_prop(out, "policy.iprev", buf_as_span(&text));
	buf_free(&text);
}
