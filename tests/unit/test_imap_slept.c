/* SPDX-License-Identifier: ISC */
/* test_imap_slept.c - a session as bytes: what goes in comes out, and nothing else is believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "imapd/session.h"
#include "imapd/slept.h"

static struct slept
sample(void)
{
	struct slept z = {.is_idle = true,
	    .tag = SPAN("a1"),
	    .enabled = EN_CONDSTORE | EN_UTF8 | EN_METADATA,
	    .metadata = UINT64_C(1) << 50,
	    .errors = 3,
	    .deadline = 123456789,
	    .woke_ms = 42,
	    .input = SPAN("DON"),
	    .is_deflated = true,
	    .deflate = SPAN("window"),
	    .has_mailbox = true,
	    .owner = SPAN(""),
	    .mailbox = {.mailbox = 7,
		.uidvalidity = 9,
		.recent_from = UINT32_MAX,
		.is_read_only = true,
		.n = 3,
		.uid_last = 12,
		.n_keywords_told = 2,
		.modseq = UINT64_C(1) << 40,
		.modseq_seen = 5}};
	assert_int_equal(numset_add(&z.mailbox.pending, 4, 6), E_OK);
	assert_int_equal(numset_add(&z.mailbox.saved, 1, 1), E_OK);
	assert_int_equal(numset_add(&z.mailbox.saved, 9, 12), E_OK);
	return z;
}

static void
test_round_trip(void **state)
{
	struct slept z = sample(), got;
	struct buf b = {0}, again = {0};
	(void)state;
	slept_put(&b, &z);
	assert_int_equal(slept_get(buf_as_span(&b), &got), E_OK);
	assert_true(got.is_idle && got.has_mailbox && got.is_deflated);
	assert_true(span_eqs(got.tag, "a1") && span_eqs(got.input, "DON"));
	assert_int_equal(got.mailbox.uid_last, 12);
	assert_int_equal(got.metadata, UINT64_C(1) << 50);
	assert_true(got.mailbox.is_read_only && !got.mailbox.has_recent);
	assert_int_equal(got.mailbox.saved.n, 2);
	slept_put(&again, &got);
	assert_true(span_eq(buf_as_span(&b), buf_as_span(&again)));
	slept_done(&got);
	z.is_idle = false;
	z.tag = SPAN("");
	z.owner = SPAN("joe");
	buf_reset(&b);
	slept_put(&b, &z);
	assert_int_equal(slept_get(buf_as_span(&b), &got), E_OK);
	assert_true(span_eqs(got.owner, "joe") && got.mailbox.saved.n == 2);
	slept_done(&got);
	slept_done(&z);
	buf_free(&b);
	buf_free(&again);
}

/* Cut anywhere, or with an octet more, it is none. */
static void
test_cut(void **state)
{
	struct slept z = sample(), got;
	struct buf b = {0};
	(void)state;
	slept_put(&b, &z);
	for (size_t i = 0; i < b.len; i++) {
		char *copy = malloc(i + 1);
		assert_non_null(copy);
		memcpy(copy, b.p, i);
		assert_int_equal(slept_get(span_make(copy, i), &got), E_BAD);
		slept_done(&got);
		free(copy);
	}
	buf_u8(&b, 0);
	assert_int_equal(slept_get(buf_as_span(&b), &got), E_BAD);
	slept_done(&got);
	slept_done(&z);
	buf_free(&b);
}

static void
refused(struct slept *z)
{
	struct slept got;
	struct buf b = {0};
	slept_put(&b, z);
	assert_int_equal(slept_get(buf_as_span(&b), &got), E_BAD);
	slept_done(&got);
	slept_done(z);
	buf_free(&b);
}

static void
test_refused(void **state)
{
	struct slept z;
	(void)state;
	refused((z = sample(), z.tag = SPAN("a b"), &z));
	refused((z = sample(), z.tag = SPAN(""), &z));
	refused((z = sample(), z.tag = SPAN("a\r\n"), &z));
	refused((z = sample(), z.is_idle = false, &z));
	refused((z = sample(), z.enabled = EN_ALL + 1, &z));
	refused((z = sample(), z.owner = SPAN("joe"), &z)); /* in IDLE */
	refused((z = sample(), z.metadata = 0, &z));
	refused((z = sample(), z.enabled = 0, &z));
	refused((z = sample(), z.errors = IMAP_ERRORS_MOST, &z));
	refused((z = sample(), z.deadline = -1, &z));
	refused((z = sample(), z.is_deflated = false, &z));
	refused((z = sample(), z.mailbox.mailbox = 0, &z));
	refused((z = sample(), z.mailbox.n = 13, &z));
	refused((z = sample(), z.mailbox.n_keywords_told = STORE_KEYWORDS_MAX + 1, &z));
}

static void
test_other_build(void **state)
{
	struct slept z = sample(), got;
	struct buf b = {0};
	(void)state;
	slept_put(&b, &z);
	b.p[4] ^= 1; /* of the version */
	assert_int_equal(slept_get(buf_as_span(&b), &got), E_BAD);
	slept_done(&got);
	slept_done(&z);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_round_trip),
	    cmocka_unit_test(test_cut),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_other_build),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
