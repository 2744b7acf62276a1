/* SPDX-License-Identifier: ISC */
/* mx.c - mail hosts in the order in which they are tried. */
#include "net/mx.h"

#include "base/id.h"

static void
list_insert(struct mx_list *list, struct mx_host host, uint32_t lot, uint32_t *kept)
{
	size_t at = list->n;
	while (at > 0 && (list->hosts[at - 1].preference > host.preference ||
			     (list->hosts[at - 1].preference == host.preference &&
				 kept[at - 1] > lot)))
		at--;
	if (at == MX_HOSTS_MAX)
		return;
	if (list->n < MX_HOSTS_MAX)
		list->n++;
	for (size_t i = list->n - 1; i > at; i--) {
		list->hosts[i] = list->hosts[i - 1];
		kept[i] = kept[i - 1];
	}
	list->hosts[at] = host;
	kept[at] = lot;
}

/*
 * Each host draws a lot, and equals stand in the order of their lots: also which of too many are
 * left out is chance.
 */
static enum mx_verdict
order_records(const struct dns_answer *mx, struct mx_list *out)
{
	uint32_t kept[MX_HOSTS_MAX];
	bool has_null = false;
	for (size_t i = 0; i < mx->n_records; i++) {
		const struct dns_record *r = &mx->records[i];
		uint32_t lot;
		has_null |= r->data.n == 0;
		if (r->data.n == 0)
			continue;
		random_fill(&lot, sizeof lot);
		list_insert(out, (struct mx_host){r->data, r->preference}, lot, kept);
	}
	if (out->n)
		return MX_HOSTS;
	return has_null && mx->n_unusable == 0 ? MX_NULL : MX_BAD;
}

enum mx_verdict
mx_order(const struct dns_answer *mx, struct span domain, struct mx_list *out)
{
	*out = (struct mx_list){.is_secure = mx->is_secure};
	switch (mx->status) {
	case DNS_FOUND:
		return order_records(mx, out);
	case DNS_NO_RECORD:
		out->is_implicit = true;
		out->hosts[out->n++] = (struct mx_host){.name = domain};
		return MX_HOSTS;
	case DNS_NO_NAME:
		return MX_NO_NAME;
	case DNS_TEMP:
	case DNS_BOGUS:
		break;
	}
	return MX_TEMP;
}

enum mx_verdict
mx_drop_self(struct mx_list *list, struct span self)
{
	for (size_t i = 0; i < list->n; i++) {
		if (!span_ieq(list->hosts[i].name, self))
			continue;
		uint16_t own = list->hosts[i].preference;
		while (i > 0 && list->hosts[i - 1].preference == own)
			i--;
		list->n = i;
	}
	return list->n ? MX_HOSTS : MX_LOOP;
}
