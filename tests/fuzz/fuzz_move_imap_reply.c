/* SPDX-License-Identifier: ISC */
/*
 * fuzz_move_imap_reply.c - responses of an IMAP server.
 * fuzz: common/move/imap_reply.c common/mime/date.c common/mime/lex.c
 */
#include <stdlib.h>

#include "move/imap_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
read_data(const struct imap_reply *r, struct arena *a)
{
	struct imap_list list;
	struct imap_fetch fetch;
	struct span prefix;
	char delimiter;
	if (imap_list_parse(r->rest, a, &list) == E_OK && list.name.n > r->rest.n)
		abort();
	if (imap_namespace_parse(r->rest, a, &prefix, &delimiter) == E_OK &&
	    prefix.n > r->rest.n)
		abort();
	if (imap_fetch_parse(r->rest, a, &fetch) == E_OK &&
	    (fetch.body.n > r->rest.n ||
		fetch.flags.n_keywords > IMAP_REPLY_KEYWORDS_MAX))
		abort();
	imap_capabilities(r->rest);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span in = span_make(data, n);
	struct arena a = {.max_bytes = 1 << 20};
	struct imap_reply r;
	struct buf out = {0};
	uint64_t literal;
	uint32_t number;
	imap_reply_literal(in, &literal);
	imap_quoted_put(&out, in);
	if (imap_reply_parse(in, &r) == E_OK) {
		imap_code_number(r.code, "UIDNEXT", &number);
		imap_capabilities(r.code);
		if (r.kind == IMAP_DATA)
			read_data(&r, &a);
	}
	buf_free(&out);
	arena_reset(&a);
	return 0;
}
