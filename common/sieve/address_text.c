/* SPDX-License-Identifier: ISC */
/* address_text.c - one address as a script names where mail goes, or comes from. */
#include "mime/address.h"
#include "sieve/limits.h"
#include "sieve/run_state.h"

static bool
is_domain_char(char c)
{
	return ch_alnum(c) || c == '-' || c == '.' || c == '_' ||
	       (unsigned char)c >= 128;
}

bool
address_domain_ok(struct span host)
{
	if (!host.n || host.p[0] == '.' || host.p[host.n - 1] == '.')
		return false;
	if (host.p[0] == '[')
		return host.n > 2 && host.p[host.n - 1] == ']';
	for (size_t i = 0; i < host.n; i++)
		if (!is_domain_char(host.p[i]) ||
		    (i && host.p[i] == '.' && host.p[i - 1] == '.'))
			return false;
	return true;
}

static bool
local_ok(struct span local)
{
	for (size_t i = 0; i < local.n; i++)
		if (ch_ctl(local.p[i]) || (unsigned char)local.p[i] >= 128)
			return false;
	return local.n > 0 && local.n <= 64;
}

static bool
is_good(const struct address *a)
{
	return a->kind == ADDRESS_MAILBOX && a->is_exact && local_ok(a->mailbox) &&
	       address_domain_ok(a->host);
}

bool
address_list_ok(struct span text)
{
	struct arena arena = {.max_bytes = SIEVE_RUN_BYTES_MAX};
	struct address *a = address_parse(text, &arena);
	bool are_good = a != NULL && text.n <= SIEVE_VALUE_BYTES_MAX;
	for (; a && are_good; a = a->next)
		are_good = is_good(a);
	arena_reset(&arena);
	return are_good;
}

bool
address_one(struct span text, struct buf *out)
{
	struct arena arena = {.max_bytes = 64 * SIEVE_ADDRESS_BYTES_MAX};
	struct address *a;
	bool is_one;
	if (text.n > SIEVE_ADDRESS_BYTES_MAX)
		return false;
	a = address_parse(text, &arena);
	is_one = a && !a->next && is_good(a);
	if (is_one)
		address_put(out, a);
	arena_reset(&arena);
	return is_one;
}
