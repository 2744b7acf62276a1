/* SPDX-License-Identifier: ISC */
/*
 * fuzz_metrics_http.c - a scraper's request: the first answer that is known stays, whatever comes behind; past the limit one is known.
 * fuzz: common/metrics/http.c
 */
#include <stdlib.h>
#include <string.h>

#include "metrics/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span in = span_make(data, n);
	struct buf out = {0};
	unsigned status, before = 0;
	bool is_head;
	for (size_t i = 0; i <= n; i++) {
		int err = http_request(span_head(in, i), &status, &is_head);
		if (err != E_OK && (err != E_MORE || before || i >= HTTP_REQUEST_MAX))
			abort();
		if (err == E_OK && before && before != status)
			abort();
		if (err == E_OK)
			before = status;
		if (before && i > 64 && n - i > 64)
			i = n - 64; /* the answer stands: no need to try each end */
	}
	if (before) {
		http_answer(status, is_head, SPAN("# EOF\n"), &out);
		if (buf_done(&out) != E_OK || !memmem(out.p, out.len, "\r\n\r\n", 4))
			abort();
	}
	buf_free(&out);
	return 0;
}
