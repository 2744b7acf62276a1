/* SPDX-License-Identifier: ISC */
/*
 * fuzz_mime_transfer.c - base64 and quoted-printable: in two pieces as in one, and no more comes out than went in.
 * fuzz: common/mime/transfer.c common/mime/lex.c
 */
#include <stdlib.h>
#include <string.h>

#include "mime/transfer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Longer runs of blanks are not held back, so where they are cut makes a difference. */
static bool
has_long_blanks(struct span s)
{
	size_t run = 0;
	for (size_t i = 0; i < s.n; i++) {
		run = s.p[i] == ' ' || s.p[i] == '\t' ? run + 1 : 0;
		if (run > TRANSFER_HELD_MAX / 2)
			return true;
	}
	return false;
}

static void
check(enum transfer_kind kind, struct span in, size_t cut)
{
	struct buf whole = {0}, pieces = {0};
	struct transfer t = {.kind = kind};
	transfer_decode(kind, in, &whole);
	transfer_put(&t, span_head(in, cut), &pieces);
	transfer_put(&t, span_from(in, cut), &pieces);
	transfer_end(&t, &pieces);
	if (whole.err || whole.len > in.n ||
	    (!span_eq(buf_as_span(&whole), buf_as_span(&pieces)) &&
		!has_long_blanks(in)))
		abort();
	buf_free(&whole);
	buf_free(&pieces);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (n == 0)
		return 0;
	struct span in = span_make(data + 1, n - 1);
	size_t cut = data[0] % n;
	check(TRANSFER_BASE64, in, cut);
	check(TRANSFER_QP, in, cut);
	(void)transfer_kind_of(in);
	return 0;
}
