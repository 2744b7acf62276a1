/* SPDX-License-Identifier: ISC */
/*
 * fuzz_mime_address.c - an address list: groups are closed, and what is written of an address can be read.
 * fuzz: common/mime/address.c common/mime/lex.c common/mime/word.c common/mime/header.c common/mime/transfer.c common/mime/charset*.c
 */
#include <stdlib.h>
#include <string.h>

#include "mime/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
check_written(const struct address *a)
{
	struct buf text = {0};
	struct arena arena = {0};
	address_put(&text, a);
	bool is_empty = a->mailbox.n == 0 && a->host.n == 0;
	if (is_empty != (text.len == 0) ||
	    (!is_empty && !address_parse(buf_as_span(&text), &arena)))
		abort();
	arena_reset(&arena);
	buf_free(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena arena = {0};
	size_t count = 0;
	bool is_in_group = false;
	for (struct address *a = address_parse(span_make(data, n), &arena); a;
	     a = a->next) {
		if (++count > ADDRESS_COUNT_MAX ||
		    (a->kind == ADDRESS_GROUP_BEGIN && is_in_group))
			abort();
		if (a->kind == ADDRESS_GROUP_END && !is_in_group)
			abort();
		is_in_group = a->kind == ADDRESS_GROUP_BEGIN ||
		              (a->kind == ADDRESS_MAILBOX && is_in_group);
		if (a->kind == ADDRESS_MAILBOX && (!a->mailbox.p || !a->host.p))
			abort();
		if (a->kind == ADDRESS_MAILBOX)
			check_written(a);
	}
	if (is_in_group)
		abort();
	arena_reset(&arena);
	return 0;
}
