/* SPDX-License-Identifier: ISC */
/*
 * fuzz_mime_slices.c - blocks of slices, as a file may have them: what is taken from them stays inside; and what is made of
 * signatures is read back.
 * fuzz: common/mime/casemap.c common/mime/charset*.c common/mime/decode.c common/mime/find.c common/mime/header.c common/mime/lex.c common/mime/param.c common/mime/signature.c common/mime/slices.c common/mime/text.c common/mime/transfer.c common/mime/tree.c common/mime/word.c common/mime/words.c
 * libs: -lunistring
 */
#include <stdlib.h>
#include <string.h>

#include "mime/slices.h"

enum { NEEDLE_MAX = 16, SIGNATURE_BYTES = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
read_all(struct span in, const struct signature_probe *p)
{
	uint64_t may[SLICES_MESSAGES_MAX / 64];
	struct slices_block b;
	while (slices_next(&in, &b) == E_OK) {
		for (size_t i = 0; i < b.n; i++)
			(void)slices_message(&b, i);
		(void)slices_look(&b, p, may);
	}
}

/* The octets are signatures. */
static void
make_and_read(struct span in, const struct signature_probe *p)
{
	struct sliced messages[SLICES_MESSAGES_MAX];
	struct span signatures[SLICES_MESSAGES_MAX];
	uint64_t may[SLICES_MESSAGES_MAX / 64];
	struct slices_block b;
	struct buf block = {0};
	size_t k = 0;
	for (; k < SLICES_MESSAGES_MAX && in.n >= SIGNATURE_BYTES; k++) {
		messages[k] = (struct sliced){.number = (uint32_t)k};
		signatures[k] = span_head(in, SIGNATURE_BYTES);
		in = span_from(in, SIGNATURE_BYTES);
	}
	if (k == 0)
		return;
	slices_put(&block, SLICES_TEXTS, messages, signatures, k);
	struct span all = buf_as_span(&block);
	if (slices_next(&all, &b) != E_OK || all.n || b.n != k ||
	    slices_look(&b, p, may) != E_OK)
		abort();
	for (size_t i = 0; i < k; i++)
		if ((may[i / 64] >> i % 64 & 1) != signature_may_have(signatures[i], p))
			abort();
	buf_free(&block);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span in = span_make((const char *)data, n);
	struct signature_probe p;
	signature_probe_init(&p, span_head(in, NEEDLE_MAX));
	in = span_from(in, NEEDLE_MAX < n ? NEEDLE_MAX : n);
	read_all(in, &p);
	make_and_read(in, &p);
	return 0;
}
