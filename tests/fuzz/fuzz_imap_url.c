/* SPDX-License-Identifier: ISC */
/*
 * fuzz_imap_url.c - IMAP URLs: what is taken out of one is in it, and the part before a verifier means the same.
 * fuzz: common/mime/imap_url.c
 */
#include <stdlib.h>
#include <string.h>

#include "mime/imap_url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena arena = {.max_bytes = 1 << 20};
	struct imap_url url, rump;
	struct span text = span_make(data, n);
	if (imap_url_parse(text, &arena, &url) == E_OK) {
		if (url.mailbox.n > n || url.section.n > n ||
		    (url.access && !url.uid) ||
		    span_find(url.mailbox, '\0') < url.mailbox.n)
			abort();
		if (url.access &&
		    (imap_url_parse(url.rump, &arena, &rump) != E_OK || rump.token.n ||
			rump.uid != url.uid || !span_eq(rump.mailbox, url.mailbox)))
			abort();
	}
	arena_reset(&arena);
	return 0;
}
