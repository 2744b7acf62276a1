/* SPDX-License-Identifier: ISC */
/*
 * fuzz_tlsrpt.c - a record of who wants reports on TLS: where they go is never more than an address or a URL.
 * fuzz: common/net/tlsrpt.c common/net/dns.c common/net/fetch_asks.c common/net/txt.c
 */
#include "net/fetch.h"
#include "net/tlsrpt.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

enum { ARENA_BYTES = 1 << 16 };

static bool
has_any_of(struct span s, struct span bad)
{
	for (size_t i = 0; i < bad.n; i++)
		if (span_find(s, bad.p[i]) < s.n)
			return true;
	return false;
}

static void
check(const struct tlsrpt_target *t)
{
	if (t->address.n ? has_any_of(t->address, SPAN("<> \t\r\n\"(),:;")) ||
			       t->address.n > TLSRPT_ADDRESS_MAX
			 : has_any_of(t->host, SPAN(":/?@# \r\n")) ||
			       has_any_of(t->path, SPAN("# \t\r\n<>\"")) || !t->path.n)
		bug("a place with more in it");
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct arena arena = {.max_bytes = ARENA_BYTES};
	struct dns_record txt = {.data = span_make(p, n)};
	struct tlsrpt_record r;
	if (tlsrpt_record(&txt, 1, &arena, &r) == E_OK) {
		if (r.n == 0 || r.n > TLSRPT_TARGETS_MAX)
			bug("a record without a place");
		for (size_t i = 0; i < r.n; i++)
			check(&r.targets[i]);
	}
	arena_reset(&arena);
	return 0;
}
