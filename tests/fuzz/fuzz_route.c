/* SPDX-License-Identifier: ISC */
/*
 * fuzz_route.c - a route of the settings, and whom it fits.
 * fuzz: common/conf/route.c
 */
#include <stdlib.h>

#include "conf/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span in = span_make(data, n), address = in;
	struct span text = span_cut(&address, '\n');
	struct route r;
	if (route_parse(text, &r) != E_OK)
		return 0;
	if (r.pattern.n == 0 || r.host.n > ROUTE_NAME_MAX ||
	    (r.kind != ROUTE_MX && r.host.n == 0) ||
	    (r.kind != ROUTE_UNIX && r.port == 0))
		abort();
	if (span_eq(r.pattern, address) && span_find(address, '@') < address.n &&
	    !route_fits(r.pattern, address))
		abort();
	return 0;
}
