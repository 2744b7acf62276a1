/* SPDX-License-Identifier: ISC */
/*
 * fuzz_account.c - what is a row of the account table is one again when it is put, with the same account in it.
 * fuzz: common/account/row.c
 */
#include <stdlib.h>
#include <string.h>

#include "account/files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static bool
is_same(const struct account *a, const struct account *b)
{
	return span_eq(a->address, b->address) && span_eq(a->home, b->home) &&
	       a->uid == b->uid && a->gid == b->gid &&
	       a->quota_bytes == b->quota_bytes &&
	       a->quota_messages == b->quota_messages &&
	       a->is_suspended == b->is_suspended &&
	       a->pop3_keep_days == b->pop3_keep_days && a->apps_only == b->apps_only &&
	       span_eq(a->identities, b->identities) && span_eq(a->groups, b->groups) &&
	       span_eq(a->retention, b->retention) &&
	       a->created_sec == b->created_sec &&
	       memcmp(&a->budget, &b->budget, sizeof a->budget) == 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct account a, b;
	struct buf again = {0};
	if (account_row_get(SPAN("anna@a.test"), span_make(data, n), &a) == E_OK) {
		account_row_put(&again, &a);
		/*
		 * a row of an earlier version comes back as a later one, which is longer; one without
		 * rules of retention as that before them, without their length
		 */
		bool has_length =
		    again.len == n || (data[0] < 4 && again.len > n) ||
		    (data[0] == 5 && a.retention.n == 0 && again.len + 4 == n);
		if (a.home.n > ACCOUNT_ADDRESS_MAX ||
		    a.retention.n > ACCOUNT_RETENTION_MAX || !has_length ||
		    account_row_get(SPAN("anna@a.test"), buf_as_span(&again), &b) !=
			E_OK ||
		    !is_same(&a, &b))
			abort();
	}
	buf_free(&again);
	return 0;
}
