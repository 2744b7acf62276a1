/* SPDX-License-Identifier: ISC */
/*
 * fuzz_source.c - an item of the setting relay_sources.
 * fuzz: common/conf/source.c
 */
#include <stdlib.h>

#include "conf/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct source s;
	if (source_parse(span_make(data, n), &s) != E_OK)
		return 0;
	if (s.pattern.n == 0 || s.v4.n + s.v6.n + s.name.n == 0)
		abort();
	if (s.v4.n > SOURCE_ADDRESS_MAX || s.v6.n > SOURCE_ADDRESS_MAX ||
	    s.name.n > SOURCE_NAME_MAX)
		abort();
	return 0;
}
