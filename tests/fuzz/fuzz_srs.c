/* SPDX-License-Identifier: ISC */
/*
 * fuzz_srs.c - reverse-paths: what is made leads back, what was not made leads nowhere.
 * fuzz: common/account/srs.c common/tls/hash.c
 * libs: -lgnutls
 */
#include "account/srs.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum { NOW = 1700000000 };

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const struct span secret = SPAN("0123456789abcdef0123456789abcdef");
	struct span in = span_make(p, n);
	struct buf there = {0}, back = {0}, once_more = {0};
	if (srs_forward(secret, in, SPAN("ours.test"), NOW, &there) == E_OK) {
		struct span local = span_head(buf_as_span(&there), there.len - 10);
		if (local.n > SRS_LOCAL_MAX || !srs_is(local))
			bug("no local part");
		if (srs_reverse(secret, local, NOW, &back) != E_OK)
			bug("it does not lead back");
		if (!srs_is(in) && !span_eq(buf_as_span(&back), in))
			bug("it leads to somebody else");
		if (span_starts(local, SPAN("SRS1")) &&
		    srs_forward(secret, buf_as_span(&there), SPAN("more.test"), NOW,
			&once_more) == E_OK &&
		    once_more.len != there.len)
			bug("it grows on the way");
	}
	buf_reset(&back);
	if (srs_reverse(secret, in, NOW, &back) == E_OK &&
	    srs_reverse(SPAN("another secret"), in, NOW, &back) == E_OK)
		bug("any secret is good");
	buf_free(&there);
	buf_free(&back);
	buf_free(&once_more);
	return 0;
}
