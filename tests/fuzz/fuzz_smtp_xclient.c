/* SPDX-License-Identifier: ISC */
/*
 * fuzz_smtp_xclient.c - attributes of XCLIENT and XFORWARD; the first byte says of which.
 * fuzz: smtpd/xclient.c common/spool/dsn.c common/base/span.c common/base/buf.c common/base/base.c common/base/log.c common/base/clock.c common/base/id.c
 */
#include "smtpd/xclient.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct xattrs x = {0};
	if (n < 1)
		return 0;
	(void)!xattrs_parse(
	    span_make(p + 1, n - 1), p[0] & 1 ? XVERB_FORWARD : XVERB_CLIENT, &x);
	for (unsigned i = 0; i < XATTR_COUNT; i++) {
		struct span text = xattr_text(&x, i);
		if (text.n > XATTR_VALUE_MAX || !utf8_valid(text))
			bug("a value that nobody may have");
		for (size_t k = 0; k < text.n; k++)
			if (ch_ctl(text.p[k]))
				bug("a control character");
	}
	xattrs_reset(&x);
	return 0;
}
