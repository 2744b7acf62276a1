/* SPDX-License-Identifier: ISC */
/*
 * fuzz_alias.c - an alias file, and the text of an included one: names and targets lie in it and have no line end.
 * fuzz: common/account/alias.c
 */
#include <stdlib.h>
#include <string.h>

#include "account/alias.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
check_inside(struct span whole, struct span part)
{
	if (part.n == 0 || part.p < whole.p || part.p + part.n > whole.p + whole.n)
		abort();
	if (span_find(part, '\n') < part.n || ch_space(part.p[0]) ||
	    ch_space(part.p[part.n - 1]))
		abort();
}

static void
check_targets(struct span whole, struct span list)
{
	struct span target;
	size_t left = list.n;
	while (alias_next_target(&list, &target) == E_OK) {
		check_inside(whole, target);
		if (list.n >= left)
			abort(); /* it would never end */
		left = list.n;
	}
	if (list.n)
		abort();
}

static int
on_name(void *ctx, struct span name, struct span targets)
{
	const struct span *whole = ctx;
	check_inside(*whole, name);
	if (name.n > ALIAS_NAME_MAX)
		abort();
	check_targets(*whole, targets);
	return E_OK;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span text = span_make(data, n);
	if (alias_each(text, on_name, &text) != E_OK)
		abort();
	check_targets(text, text);
	return 0;
}
