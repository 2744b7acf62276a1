/* SPDX-License-Identifier: ISC */
/* test_account_row.c - an account's row: what was written is read, also of versions before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "account/files.h"
#include "account_same.h"

/* clang-format off */
static const struct account samples[] = {
	{.home = {"a.test/anna", 11}, .uid = 200000, .gid = 200001, .pop3_keep_days = POP3_KEEP_ALWAYS},
	{.home = {"", 0}},
	{.home = {"x", 1}, .uid = UINT32_MAX, .gid = UINT32_MAX, .quota_bytes = UINT64_MAX,
	    .quota_messages = UINT64_MAX, .is_suspended = true, .pop3_keep_days = INT32_MAX},
	{.home = {"a.test/ben", 10}, .uid = 1, .identities = {"*@b.test\nx@c.test\n", 18},
	    .budget = {{{1, BUDGET_NONE}, {0, 3}, {UINT32_MAX - 1, 0}}}},
	{.home = {"y", 1}, .groups = {"staff\nit-2\n", 11}, .created_sec = 1700000000},
	{.home = {"z", 1}, .retention = {"folder=\\Trash older=30d remove\nkeep\n", 36}},
	{.home = {"a\0b", 3}, .quota_bytes = 1, .quota_messages = (uint64_t)1 << 32, .pop3_keep_days = INT32_MIN},
};

/* clang-format on */

/* The first n bytes of a row, with nothing behind them that could be read by mistake. */
static int
get_cut(const struct buf *row, size_t n, struct account *out)
{
	char *cut = malloc(n ? n : 1);
	assert_non_null(cut);
	if (n)
		memcpy(cut, row->p, n);
	int err = account_row_get(SPAN("anna@a.test"), span_make(cut, n), out);
	free(cut);
	return err;
}

static void
test_row_there_and_back(void **st)
{
	(void)st;
	for (size_t i = 0; i < COUNT(samples); i++) {
		struct account want = samples[i], have;
		struct buf row = {0}, again = {0};
		want.address = SPAN("anna@a.test");
		account_row_put(&row, &want);
		assert_int_equal(
		    account_row_get(want.address, buf_as_span(&row), &have), E_OK);
		assert_same(&want, &have);
		account_row_put(&again, &have);
		assert_true(span_eq(buf_as_span(&row), buf_as_span(&again)));
		buf_free(&row);
		buf_free(&again);
	}
}

static void
test_row_cuts(void **st)
{
	(void)st;
	for (size_t i = 0; i < COUNT(samples); i++) {
		struct account a;
		struct buf row = {0};
		account_row_put(&row, &samples[i]);
		for (size_t n = 0; n < row.len; n++)
			assert_int_equal(get_cut(&row, n, &a), E_BAD);
		assert_int_equal(get_cut(&row, row.len, &a), E_OK);
		buf_ch(&row, '\0');
		assert_int_equal(get_cut(&row, row.len, &a), E_BAD);
		buf_free(&row);
	}
}

static void
test_row_version(void **st)
{
	struct account a;
	struct buf row = {0};
	(void)st;
	account_row_put(&row, &samples[0]);
	for (unsigned version = 0; version <= UINT8_MAX; version++) {
		char was = row.p[0];
		row.p[0] = (char)version;
		assert_int_equal(
		    get_cut(&row, row.len, &a), (char)version == was ? E_OK : E_BAD);
		row.p[0] = was;
	}
	buf_free(&row);
}

/* What was written before there were groups. */
static void
test_row_without_groups(void **st)
{
	struct buf row = {0};
	struct account a;
	(void)st;
	account_row_put(&row, &samples[3]);
	row.p[0] = 2;
	assert_int_equal(get_cut(&row, row.len, &a), E_BAD);
	assert_int_equal(
	    account_row_get(SPAN("x"), span_make(row.p, row.len - 12), &a), E_OK);
	assert_true(span_eq(a.identities, samples[3].identities));
	assert_memory_equal(&a.budget, &samples[3].budget, sizeof a.budget);
	assert_int_equal(a.groups.n, 0);
	buf_free(&row);
}

/* What was written before it was noted when an account was made. */
static void
test_row_without_created(void **st)
{
	struct buf row = {0};
	struct account a;
	(void)st;
	account_row_put(&row, &samples[4]);
	row.p[0] = 3;
	assert_int_equal(get_cut(&row, row.len, &a), E_BAD);
	assert_int_equal(
	    account_row_get(SPAN("x"), span_make(row.p, row.len - 8), &a), E_OK);
	assert_true(span_eq(a.groups, samples[4].groups));
	assert_int_equal(a.created_sec, 0);
	buf_free(&row);
}

/* What was written before rules of retention were kept. */
static void
test_row_without_retention(void **st)
{
	struct buf row = {0};
	struct account a;
	(void)st;
	account_row_put(&row, &samples[4]);
	assert_int_equal(
	    row.p[0], 4); /* who has none is still read by what wrote that */
	assert_int_equal(get_cut(&row, row.len, &a), E_OK);
	assert_int_equal(a.created_sec, samples[4].created_sec);
	assert_int_equal(a.retention.n, 0);
	buf_u32(&row, 0);
	assert_int_equal(get_cut(&row, row.len, &a), E_BAD);
	row.p[0] = 5;
	assert_int_equal(get_cut(&row, row.len, &a), E_OK);
	assert_int_equal(a.retention.n, 0);
	buf_reset(&row);
	account_row_put(&row, &samples[5]);
	assert_int_equal(row.p[0], 5);
	buf_free(&row);
}

/* What was written before there were identities. */
static void
test_row_of_before(void **st)
{
	struct buf row = {0};
	struct account a;
	(void)st;
	buf_u8(&row, 1);
	buf_u8(&row, 1);
	buf_u32(&row, 200000);
	buf_u32(&row, 200001);
	buf_bytes(&row, SPAN("a.test/anna"));
	buf_u64(&row, 5);
	buf_u64(&row, 6);
	buf_u32(&row, 7);
	for (size_t n = 0; n < row.len; n++)
		assert_int_equal(get_cut(&row, n, &a), E_BAD);
	assert_int_equal(
	    account_row_get(SPAN("anna@a.test"), buf_as_span(&row), &a), E_OK);
	assert_true(a.is_suspended && span_eqs(a.home, "a.test/anna"));
	assert_int_equal(a.pop3_keep_days, 7);
	assert_int_equal(a.identities.n, 0);
	for (size_t i = 0; i < BUDGET_WHATS; i++)
		for (size_t w = 0; w < BUDGET_WINDOWS; w++)
			assert_int_equal(a.budget.most[i][w], 0);
	buf_free(&row);
}

static void
test_row_longest_home(void **st)
{
	static char letters[ACCOUNT_ADDRESS_MAX + 1];
	(void)st;
	memset(letters, 'h', sizeof letters);
	for (size_t past = 0; past < 2; past++) {
		struct account a = {.home =
					span_make(letters, ACCOUNT_ADDRESS_MAX + past)},
			       have;
		struct buf row = {0};
		account_row_put(&row, &a);
		assert_int_equal(account_row_get(SPAN("x"), buf_as_span(&row), &have),
		    past ? E_BAD : E_OK);
		buf_free(&row);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_row_there_and_back),
	    cmocka_unit_test(test_row_cuts), cmocka_unit_test(test_row_version),
	    cmocka_unit_test(test_row_without_groups),
	    cmocka_unit_test(test_row_without_created),
	    cmocka_unit_test(test_row_without_retention),
	    cmocka_unit_test(test_row_of_before),
	    cmocka_unit_test(test_row_longest_home)};
	return cmocka_run_group_tests_name("account_row", tests, NULL, NULL);
}
