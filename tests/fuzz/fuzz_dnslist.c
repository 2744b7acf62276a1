/* SPDX-License-Identifier: ISC */
/*
 * fuzz_dnslist.c - an item of the setting dnsbl.
 * fuzz: common/conf/dnslist.c
 */
#include "conf/dnslist.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct dnslist l;
	if (dnslist_parse(span_make(p, n), &l) != E_OK)
		return 0;
	if (!l.zone.n || l.zone.n > DNSLIST_ZONE_MAX || l.weight == 0 ||
	    l.weight > DNSLIST_WEIGHT_MAX || l.weight < -DNSLIST_WEIGHT_MAX)
		bug("a list that is none");
	unsigned char a[4] = {0};
	for (size_t at = 0; !l.is_any && at < 4; at++)
		while (!(l.octets[at][a[at] / 32] >> (a[at] % 32) & 1))
			if (++a[at] == 0)
				bug("an answer that nothing fits");
	if (!l.is_any && !dnslist_fits(&l, a))
		bug("an answer that does not fit itself");
	return 0;
}
