/* SPDX-License-Identifier: ISC */
/*
 * fuzz_mta_sts.c - a record, and a policy of MTA-STS; what is parsed, written anew, parses to the same.
 * fuzz: common/net/mta_sts.c common/net/dns.c common/net/txt.c
 */
#include "net/mta_sts.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void
check_policy(struct span text)
{
	struct mta_sts_policy p, again;
	struct buf anew = {0};
	if (mta_sts_policy_parse(text, &p) != E_OK)
		return;
	mta_sts_policy_put(&anew, &p);
	if (mta_sts_policy_parse(buf_as_span(&anew), &again) != E_OK ||
	    again.mode != p.mode || again.max_age_sec != p.max_age_sec ||
	    again.n_mx != p.n_mx)
		bug("a policy became another one");
	for (size_t i = 0; i < p.n_mx; i++) {
		bool is_wild = span_starts(p.mx[i], SPAN("*."));
		if (mta_sts_matches(&p, p.mx[i]) != true && !is_wild)
			bug("a host does not match its own name");
	}
	buf_free(&anew);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct dns_record txt = {.data = span_make(p, n)};
	struct span id;
	if (mta_sts_record(&txt, 1, &id) == E_OK &&
	    (id.n == 0 || id.n > MTA_STS_ID_MAX))
		bug("an id of a wrong length");
	check_policy(span_make(p, n));
	return 0;
}
