/* SPDX-License-Identifier: ISC */
/* account_same.c - two accounts, field by field. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "account_same.h"

void
assert_same(const struct account *a, const struct account *b)
{
	assert_true(span_eq(a->address, b->address));
	assert_true(span_eq(a->home, b->home));
	assert_int_equal(a->uid, b->uid);
	assert_int_equal(a->gid, b->gid);
	assert_int_equal(a->quota_bytes, b->quota_bytes);
	assert_int_equal(a->quota_messages, b->quota_messages);
	assert_int_equal(a->is_suspended, b->is_suspended);
	assert_int_equal(a->pop3_keep_days, b->pop3_keep_days);
	assert_true(span_eq(a->identities, b->identities));
	assert_true(span_eq(a->groups, b->groups));
	assert_true(span_eq(a->retention, b->retention));
	assert_int_equal(a->created_sec, b->created_sec);
	assert_memory_equal(&a->budget, &b->budget, sizeof a->budget);
}
