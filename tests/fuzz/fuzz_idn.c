/* SPDX-License-Identifier: ISC */
/*
 * fuzz_idn.c - a domain: what comes out is ASCII, and itself when it goes in again.
 * fuzz: common/mime/idn.c
 * libs: -lidn2
 */
#include "mime/idn.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct buf out = {0}, again = {0};
	int err = idn_ascii(span_make(p, n), &out);
	if (err != E_OK && out.len)
		bug("something of a domain that is none");
	if (err == E_OK && !span_is_ascii(buf_as_span(&out)))
		bug("A-labels that are no ASCII");
	if (err == E_OK && (idn_ascii(buf_as_span(&out), &again) != E_OK ||
			       !span_eq(buf_as_span(&out), buf_as_span(&again))))
		bug("A-labels became others");
	buf_free(&out);
	buf_free(&again);
	return 0;
}
