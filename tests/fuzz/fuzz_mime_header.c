/* SPDX-License-Identifier: ISC */
/*
 * fuzz_mime_header.c - a head: fields lie in it one behind the other, and a value on one line has no line end.
 * fuzz: common/mime/header.c
 */
#include <stdlib.h>
#include <string.h>

#include "mime/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
check_field(struct span head, const struct header_field *f)
{
	struct buf line = {0};
	if (f->whole.p < head.p || f->whole.p + f->whole.n > head.p + head.n)
		abort();
	if (f->name.n == 0 || f->name.n > HEADER_NAME_MAX || f->name.p != f->whole.p)
		abort();
	if (f->value.p <= f->name.p ||
	    f->value.p + f->value.n > f->whole.p + f->whole.n)
		abort();
	header_unfold(&line, f->value);
	struct span s = buf_as_span(&line);
	if (span_find(s, '\n') < s.n || span_find(s, '\r') < s.n ||
	    span_find(s, '\0') < s.n)
		abort();
	buf_free(&line);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span message = span_make(data, n), head = message;
	struct header_field f;
	size_t end = header_end(message), left = head.n;
	if (end > n || header_head(message).n != end)
		abort();
	while (header_next(&head, &f) == E_OK) {
		check_field(span_head(message, end), &f);
		if (head.n >= left)
			abort(); /* it would never end */
		left = head.n;
	}
	if (n - head.n > end)
		abort();
	return 0;
}
