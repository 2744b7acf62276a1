/* SPDX-License-Identifier: ISC */
/*
 * fuzz_sieve_list.c - what can be a list has members that are found in it, and addresses where it has to;
 * a name that is none leads nowhere.
 * fuzz: common/sieve/list_text.c common/spool/address.c
 */
#include <stdlib.h>
#include <string.h>

#include "sieve/lists.h"
#include "spool/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
check(struct span text, bool is_any, bool is_good)
{
	struct span one, all = text;
	while (list_next(&all, &one) == E_OK) {
		if (one.n == 0 || one.p[0] == '#' || one.p < text.p ||
		    one.p + one.n > text.p + text.n || !list_text_has(text, one))
			abort();
		if (!is_good)
			continue;
		if (one.n > LIST_MEMBER_MAX || !utf8_valid(one))
			abort();
		if (!is_any && span_find(one, '@') < one.n && one.p[0] != '@' &&
		    !envelope_address_check(one))
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span text = span_make(data, n);
	struct list_wrong wrong, any_wrong;
	int err = list_text_check(text, false, &wrong),
	    any_err = list_text_check(text, true, &any_wrong);
	if ((err == E_BAD) != (wrong.what != NULL) ||
	    (err == E_OK && any_err != E_OK) ||
	    (err == E_BAD && any_err == E_BAD && any_wrong.line < wrong.line))
		abort();
	check(text, false, err == E_OK);
	check(text, true, any_err == E_OK);
	if (list_name_check(text) && (n > LIST_NAME_MAX || text.p[0] == '.' ||
					 memchr(data, '/', n) || memchr(data, '\0', n)))
		abort();
	return 0;
}
