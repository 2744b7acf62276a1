/* SPDX-License-Identifier: ISC */
/*
 * fuzz_proxy.c - the PROXY header.
 * fuzz: common/login/proxy.c common/base/span.c common/base/base.c common/base/log.c common/base/buf.c common/base/clock.c common/base/id.c
 */
#include "login/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct proxy_header h;
	if (proxy_parse(span_make(p, n), &h) == E_OK &&
	    (h.n_bytes > n || h.n_bytes > PROXY_HEADER_MAX))
		bug("a header longer than its bytes");
	return 0;
}
