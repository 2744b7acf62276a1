/* SPDX-License-Identifier: ISC */
/* psl.c - the door to libpsl. */
#include "smtpd/policy/psl.h"

#include <libpsl.h>

#include "base/log.h"
#include "net/dns.h"

static psl_ctx_t *the_list; /* own */

int
psl_prepare(void)
{
	if (!the_list)
		the_list = psl_latest(NULL);
	if (the_list)
		return E_OK;
	log_event(LOG_WARNING, "psl_missing",
	    "advice=\"install the package publicsuffix: without it no subdomain has "
	    "the "
	    "policy of its organisation\"");
	return E_IO;
}

void
psl_done(void)
{
	psl_free(the_list); /* knows what is built in */
	the_list = NULL;
}

struct span
psl_organisation(struct span domain)
{
	struct buf lower = {.max = DNS_NAME_MAX + 1};
	if (domain.n && domain.p[domain.n - 1] == '.')
		domain.n--;
	if (!the_list || !dns_name_ok(domain))
		return domain;
	for (size_t i = 0; i < domain.n; i++)
		buf_ch(&lower, ch_lower(domain.p[i]));
	struct span org = span_of(psl_registrable_domain(the_list, buf_cstr(&lower)));
	buf_free(&lower);
	return org.n ? span_from(domain, domain.n - org.n) : domain;
}
