/* SPDX-License-Identifier: ISC */
/* ext.c - names of extensions. */
#include "sieve/ext.h"

static const char *const names[] = {
#define EXT(id, name) [SIEVE_EXT_##id] = (name),
    SIEVE_EXTS(EXT)
#undef EXT
};

uint64_t
sieve_ext_find(struct span name)
{
	for (size_t i = 0; i < COUNT(names); i++)
		if (span_eqs(name, names[i]))
			return UINT64_C(1) << i;
	return 0;
}

void
sieve_ext_names_put(uint64_t exts, struct buf *out)
{
	bool is_first = true;
	for (size_t i = 0; i < COUNT(names); i++) {
		if (!(exts >> i & 1))
			continue;
		buf_putf(out, "%s%s", is_first ? "" : " ", names[i]);
		is_first = false;
	}
}
