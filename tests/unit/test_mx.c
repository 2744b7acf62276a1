/* SPDX-License-Identifier: ISC */
/* test_mx.c - mail hosts in the order in which they are tried. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "net/mx.h"

enum { ROUNDS = 400 };

#define DOMAIN SPAN("example.test")

static struct dns_record
mx(uint16_t preference, const char *name)
{
	return (struct dns_record){.preference = preference, .data = span_of(name)};
}

/* The list as text: "10 a, 20 b". */
static const char *
text_of(const struct mx_list *l)
{
	static struct buf b;
	buf_reset(&b);
	for (size_t i = 0; i < l->n; i++)
		buf_putf(&b, "%s%u %.*s", i ? ", " : "", l->hosts[i].preference,
		    SPAN_ARG(l->hosts[i].name));
	return buf_cstr(&b);
}

static enum mx_verdict
order(struct dns_record *records, size_t n, struct mx_list *out)
{
	struct dns_answer a = {
	    .status = DNS_FOUND, .is_secure = true, .records = records, .n_records = n};
	return mx_order(&a, DOMAIN, out);
}

static void
test_by_preference(void **state)
{
	struct dns_record r[] = {mx(30, "c"), mx(0, "a"), mx(65535, "d"), mx(20, "b")};
	struct mx_list l;
	(void)state;
	assert_int_equal(order(r, COUNT(r), &l), MX_HOSTS);
	assert_string_equal(text_of(&l), "0 a, 20 b, 30 c, 65535 d");
	assert_true(l.is_secure && !l.is_implicit);
}

/* Each of three equals stands in each place about a third of the time. */
static void
test_equals_by_chance(void **state)
{
	struct dns_record r[] = {mx(10, "a"), mx(10, "b"), mx(5, "first"), mx(10, "c")};
	unsigned places[3][3] = {{0}};
	struct mx_list l;
	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		assert_int_equal(order(r, COUNT(r), &l), MX_HOSTS);
		assert_true(span_eqs(l.hosts[0].name, "first"));
		for (size_t at = 1; at < l.n; at++)
			places[l.hosts[at].name.p[0] - 'a'][at - 1]++;
	}
	for (size_t i = 0; i < 9; i++)
		assert_in_range(places[i / 3][i % 3], ROUNDS / 6, ROUNDS / 2);
}

/* Of too many the least preferred are left out; of equals, any. */
static void
test_cut(void **state)
{
	static const char names[] = "abcdefghijklmnopqrstuvwxyz";
	struct dns_record r[26];
	bool was_left_out[26] = {false};
	struct mx_list l;
	(void)state;
	for (unsigned i = 0; i < COUNT(r); i++)
		r[i] = (struct dns_record){
		    .preference = (uint16_t)(100 - i), .data = span_make(names + i, 1)};
	assert_int_equal(order(r, COUNT(r), &l), MX_HOSTS);
	assert_int_equal(l.n, MX_HOSTS_MAX);
	assert_int_equal(l.hosts[0].preference, 75);
	assert_int_equal(l.hosts[MX_HOSTS_MAX - 1].preference, 75 + MX_HOSTS_MAX - 1);
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (unsigned i = 0; i < COUNT(r); i++)
			r[i].preference = 10;
		assert_int_equal(order(r, COUNT(r), &l), MX_HOSTS);
		assert_int_equal(l.n, MX_HOSTS_MAX);
		bool is_in[26] = {false};
		for (size_t i = 0; i < l.n; i++)
			is_in[l.hosts[i].name.p[0] - 'a'] = true;
		for (size_t i = 0; i < COUNT(r); i++)
			was_left_out[i] |= !is_in[i];
	}
	for (size_t i = 0; i < COUNT(r); i++)
		assert_true(was_left_out[i]);
}

static void
test_null(void **state)
{
	struct dns_record one[] = {mx(0, "")}, beside[] = {mx(0, ""), mx(10, "a")};
	struct mx_list l;
	(void)state;
	assert_int_equal(order(one, 1, &l), MX_NULL);
	assert_int_equal(l.n, 0);
	/* RFC 7505 3: it must stand alone */
	assert_int_equal(order(beside, 2, &l), MX_HOSTS);
	assert_string_equal(text_of(&l), "10 a");
}

static void
test_other_answers(void **state)
{
	static const struct {
		enum dns_status status;
		uint16_t n_unusable;
		enum mx_verdict verdict;
		const char *list;
	} rows[] = {{DNS_NO_RECORD, 0, MX_HOSTS, "0 example.test"},
	    {DNS_NO_NAME, 0, MX_NO_NAME, ""}, {DNS_TEMP, 0, MX_TEMP, ""},
	    {DNS_BOGUS, 0, MX_TEMP, ""}, {DNS_FOUND, 2, MX_BAD, ""}};
	struct mx_list l;
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct dns_answer a = {
		    .status = rows[i].status, .n_unusable = rows[i].n_unusable};
		assert_int_equal(mx_order(&a, DOMAIN, &l), rows[i].verdict);
		assert_string_equal(text_of(&l), rows[i].list);
		assert_int_equal(l.is_implicit, rows[i].status == DNS_NO_RECORD);
		assert_false(l.is_secure);
	}
}

static void
test_self(void **state)
{
	static const struct {
		const char *self;
		size_t n_left; /* a alone is the best; b and b2 are equals */
		enum mx_verdict verdict;
	} rows[] = {{"other.test", 4, MX_HOSTS}, {"C", 3, MX_HOSTS}, {"b", 1, MX_HOSTS},
	    {"b2", 1, MX_HOSTS}, {"A", 0, MX_LOOP}};
	struct dns_record r[] = {mx(30, "c"), mx(10, "a"), mx(20, "b"), mx(20, "b2")};
	struct mx_list l;
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		for (unsigned round = 0; round < 20; round++) {
			assert_int_equal(order(r, COUNT(r), &l), MX_HOSTS);
			assert_int_equal(
			    mx_drop_self(&l, span_of(rows[i].self)), rows[i].verdict);
			assert_int_equal(l.n, rows[i].n_left);
			assert_true(l.n == 0 || span_eqs(l.hosts[0].name, "a"));
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_by_preference),
	    cmocka_unit_test(test_equals_by_chance),
	    cmocka_unit_test(test_cut),
	    cmocka_unit_test(test_null),
	    cmocka_unit_test(test_other_answers),
	    cmocka_unit_test(test_self),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
