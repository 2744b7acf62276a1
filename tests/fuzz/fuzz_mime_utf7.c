/* SPDX-License-Identifier: ISC */
/*
 * fuzz_mime_utf7.c - names of mailboxes: there is one way to write each, and it is read back.
 * fuzz: common/mime/utf7.c common/mime/charset*.c
 */
#include <stdlib.h>
#include <string.h>

#include "mime/utf7.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span in = span_make(data, n);
	struct buf there = {0}, back = {0};
	if (utf7_to_utf8(in, &there) == E_OK) {
		if (!utf8_valid(buf_as_span(&there)) ||
		    utf7_from_utf8(buf_as_span(&there), &back) != E_OK)
			abort();
		if (!span_eq(buf_as_span(&back), in))
			abort();
	}
	buf_reset(&there);
	buf_reset(&back);
	if (utf7_from_utf8(in, &there) == E_OK) {
		if (!span_is_ascii(buf_as_span(&there)) ||
		    utf7_to_utf8(buf_as_span(&there), &back) != E_OK)
			abort();
		if (!span_eq(buf_as_span(&back), in))
			abort();
	}
	buf_free(&there);
	buf_free(&back);
	return 0;
}
