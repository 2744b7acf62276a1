/* SPDX-License-Identifier: ISC */
/*
 * fuzz_dropfile.c - a file of drop/, whose checksum is made right: what counts as one is one again when it is written; and
 * any text that sendmail(1) is given becomes a message that the drop process takes.
 * fuzz: queue/dropfile.c queue/letter.c common/spool/envelope.c common/spool/dsn.c common/tls/hash.c
 * fuzz: common/mime/address.c common/mime/header.c common/mime/lex.c common/mime/word.c common/mime/charset*.c common/mime/transfer.c
 * libs: -lgnutls -lunistring
 */
#include <stdlib.h>
#include <string.h>

#include "queue/dropfile.h"
#include "queue/letter.h"
#include "tls/hash.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct letter_rcpts rcpts;

static void
file(struct span envelope)
{
	struct arena arena = {.max_bytes = 1 << 20};
	struct buf lead = {0}, again = {0};
	unsigned char sum[SHA256_BYTES];
	struct envelope e;
	uint32_t bytes;
	sha256(envelope, sum);
	buf_str(&lead, "MERPDRP1");
	buf_u32(&lead, (uint32_t)envelope.n);
	buf_put(&lead, sum, sizeof sum);
	if (drop_lead_get(buf_as_span(&lead), &bytes) != E_OK || bytes != envelope.n)
		abort();
	if (drop_envelope_get(buf_as_span(&lead), envelope, &arena, &e) == E_OK) {
		drop_head_put(&again, &e);
		/* of an older version: fuzz_envelope.c */
		if (envelope.p[0] != 1 &&
		    !span_eq(span_from(buf_as_span(&again), DROP_LEAD_BYTES), envelope))
			abort();
	}
	buf_free(&lead);
	buf_free(&again);
	arena_reset(&arena);
}

static void
text(struct span in)
{
	struct arena arena = {.max_bytes = 4 << 20};
	const struct letter l = {.takes_rcpts = true,
	    .origin = SPAN("o.test"),
	    .hostname = SPAN("h.test"),
	    .from = SPAN("me@o.test")};
	struct buf out = {.max = 1 << 20};
	struct drop_scan scan = {0};
	rcpts = (struct letter_rcpts){.arena = &arena};
	if (letter_make(&l, letter_until_dot(in), &rcpts, &out) == E_OK) {
		drop_scan_feed(&scan, buf_as_span(&out));
		if (drop_scan_end(&scan) == E_BAD)
			abort();
		for (size_t i = 0; i < rcpts.n; i++)
			if (!drop_address_is_sound(rcpts.all[i]))
				abort();
	}
	buf_free(&out);
	arena_reset(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	file(span_make(data, n));
	text(span_make(data, n));
	return 0;
}
