/* SPDX-License-Identifier: ISC */
/*
 * test_srs.c - reverse-paths that lead back by us: there and back, in any case, not forged, not for
 * ever.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "account/srs.h"

enum { DAY = 86400, NOW = 1700000000 };

static const struct span secret = {"0123456789abcdef0123456789abcdef", 32};
static const struct span other = {"0123456789abcdef0123456789abcdeF", 32};

static struct span
forward(struct buf *b, const char *sender, const char *domain, int result)
{
	buf_reset(b);
	assert_int_equal(
	    srs_forward(secret, span_of(sender), span_of(domain), NOW, b), result);
	return buf_as_span(b);
}

static struct span
local_of(struct span address)
{
	return span_head(address, span_rfind(address, '@'));
}

static void
test_there_and_back(void **state)
{
	static const char *const senders[] = {"a@b.test", "User.Name+tag=x@Example.ORG",
	    "=@b.test", "a-b=c@d.test", "\xc3\xa4@b.test"};
	struct buf there = {0}, back = {0};
	(void)state;
	for (size_t i = 0; i < COUNT(senders); i++) {
		struct span s = forward(&there, senders[i], "ours.test", E_OK);
		print_message("%.*s\n", SPAN_ARG(s));
		assert_true(
		    span_starts(s, SPAN("SRS0=")) && span_ends(s, SPAN("@ours.test")));
		buf_reset(&back);
		assert_int_equal(srs_reverse(secret, local_of(s), NOW, &back), E_OK);
		assert_string_equal(buf_cstr(&back), senders[i]);
		/* a host on the way that changes the case */
		for (size_t k = 0; k < there.len; k++)
			there.p[k] = ch_lower(there.p[k]);
		buf_reset(&back);
		assert_int_equal(
		    srs_reverse(secret, local_of(buf_as_span(&there)), NOW, &back),
		    E_OK);
		assert_true(span_ieqs(buf_as_span(&back), senders[i]));
	}
	buf_free(&there);
	buf_free(&back);
}

/* Rewritten by two others before: the first of them is named, and gets what it made. */
static void
test_chain(void **state)
{
	struct buf one = {0}, two = {0}, three = {0}, back = {0};
	(void)state;
	struct span s = forward(&one, "a@b.test", "first.test", E_OK);
	s = forward(&two, buf_cstr(&one), "ours.test", E_OK);
	assert_true(span_starts(s, SPAN("SRS1=")) &&
		    span_search(s, SPAN("=first.test==")) < s.n);
	assert_int_equal(srs_reverse(secret, local_of(s), NOW, &back), E_OK);
	assert_string_equal(buf_cstr(&back), buf_cstr(&one));
	s = forward(&three, buf_cstr(&two), "third.test", E_OK);
	assert_true(span_search(s, SPAN("ours.test")) == s.n);
	assert_int_equal(three.len, two.len + 1);
	buf_reset(&back);
	assert_int_equal(srs_reverse(secret, local_of(s), NOW, &back), E_OK);
	assert_string_equal(buf_cstr(&back), buf_cstr(&one));
	/* other separators behind the tag, as the paper has them */
	s = forward(&two, "SRS0+xyz=AB=b.test=a@first.test", "ours.test", E_OK);
	buf_reset(&back);
	assert_int_equal(srs_reverse(secret, local_of(s), NOW, &back), E_OK);
	assert_string_equal(buf_cstr(&back), "SRS0+xyz=AB=b.test=a@first.test");
	buf_free(&one), buf_free(&two), buf_free(&three), buf_free(&back);
}

static void
test_any_change_is_refused(void **state)
{
	struct buf there = {0}, back = {0};
	(void)state;
	struct span s = local_of(forward(&there, "a@b.test", "ours.test", E_OK));
	assert_int_equal(srs_reverse(other, s, NOW, &back), E_BAD);
	for (size_t i = 5; i < s.n; i++) {
		char c = there.p[i];
		there.p[i] = c == 'x' ? 'y' : 'x';
		buf_reset(&back);
		assert_int_equal(srs_reverse(secret, s, NOW, &back), E_BAD);
		there.p[i] = c;
	}
	for (size_t n = 0; n < s.n; n++)
		assert_int_equal(
		    srs_reverse(secret, span_head(s, n), NOW, &back), E_BAD);
	/* a signed one of the other kind */
	there.p[3] = '1';
	assert_int_equal(srs_reverse(secret, s, NOW, &back), E_BAD);
	buf_free(&there);
	buf_free(&back);
}

static void
test_days(void **state)
{
	static const struct {
		int64_t days;
		int result;
	} rows[] = {{0, E_OK}, {SRS_DAYS_MOST, E_OK}, {SRS_DAYS_MOST + 1, E_BAD},
	    {-1, E_OK}, {-2, E_BAD}, {1024, E_OK}, {512, E_BAD}};
	struct buf there = {0}, back = {0};
	(void)state;
	struct span s = local_of(forward(&there, "a@b.test", "ours.test", E_OK));
	for (size_t i = 0; i < COUNT(rows); i++) {
		buf_reset(&back);
		assert_int_equal(
		    srs_reverse(secret, s, NOW + rows[i].days * DAY, &back),
		    rows[i].result);
	}
	buf_free(&there);
	buf_free(&back);
}

static void
test_what_cannot_be(void **state)
{
	struct buf b = {0};
	(void)state;
	(void)forward(&b, "", "ours.test", E_BAD);
	(void)forward(&b, "a", "ours.test", E_BAD);
	(void)forward(&b, "@b.test", "ours.test", E_BAD);
	(void)forward(&b, "a@", "ours.test", E_BAD);
	(void)forward(&b, "\"a b\"@b.test", "ours.test", E_BAD);
	/* 5 + 5 + 1 + 3 + 12 + 1 + 34 + ... */
	(void)forward(
	    &b, "0123456789012345678901234567890123@some.example", "ours.test", E_OK);
	(void)forward(&b, "01234567890123456789012345678901234567890@some.example",
	    "ours.test", E_LIMIT);
	assert_false(srs_is(SPAN("SRS0")) || srs_is(SPAN("SRS0=")) ||
		     srs_is(SPAN("SRS2=a")) || srs_is(SPAN("srs0.a")));
	assert_true(srs_is(SPAN("srs0=a")) && srs_is(SPAN("SRS1+a")));
	assert_int_equal(srs_reverse(secret, SPAN("SRS0====="), NOW, &b), E_BAD);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_there_and_back),
	    cmocka_unit_test(test_chain), cmocka_unit_test(test_any_change_is_refused),
	    cmocka_unit_test(test_days), cmocka_unit_test(test_what_cannot_be)};
	return cmocka_run_group_tests_name("srs", tests, NULL, NULL);
}
