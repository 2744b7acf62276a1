/* SPDX-License-Identifier: ISC */
/* test_rdns.c - names of a client that the DNS confirms; addresses and networks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dns_fakes.h"
#include "smtpd/policy/rdns.h"

/* clang-format off */
static const struct fake_record records[] = {
	FAKE("1.2.0.192.in-addr.arpa",  "PTR", "mail.example.test"),
	FAKE("2.2.0.192.in-addr.arpa",  "PTR", "liar.example.test"),
	FAKE("2.2.0.192.in-addr.arpa",  "PTR", "Mail.example.test."),
	FAKE("3.2.0.192.in-addr.arpa",  "PTR", "liar.example.test"),
	FAKE("4.2.0.192.in-addr.arpa",  "PTR", "slow.example.test"),
	FAKE("4.2.0.192.in-addr.arpa",  "PTR", "liar.example.test"),
	FAKE("5.2.0.192.in-addr.arpa",  "TIMEOUT", ""),
	FAKE("6.2.0.192.in-addr.arpa",  "TXT", "no name"),
	FAKE("8.2.0.192.in-addr.arpa",  "PTR", "slow.example.test"),
	FAKE("8.2.0.192.in-addr.arpa",  "PTR", "mail.example.test"),
	FAKE("9.2.0.192.in-addr.arpa",  "CNAME", "9.8-15.2.0.192.in-addr.arpa"),
	FAKE("9.8-15.2.0.192.in-addr.arpa", "PTR", "mail.example.test"),
	FAKE("a.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", "PTR", "mail.example.test"),
	FAKE("mail.example.test", "A", "192.0.2.1"),
	FAKE("mail.example.test", "A", "192.0.2.2"),
	FAKE("mail.example.test", "A", "192.0.2.8"),
	FAKE("mail.example.test", "A", "192.0.2.9"),
	FAKE("mail.example.test", "AAAA", "2001:db8::a"),
	FAKE("liar.example.test", "A", "192.0.2.77"),
	FAKE("slow.example.test", "TIMEOUT", ""),
};

static const struct {
	const char *client;
	enum rdns_result result;
	const char *name;
	unsigned n_rounds;
} rows[] = {
	{"192.0.2.1",        RDNS_PASS,      "mail.example.test", 2},
	{"::ffff:192.0.2.1", RDNS_PASS,      "mail.example.test", 2},
	{"2001:db8::a",      RDNS_PASS,      "mail.example.test", 2},
	{"192.0.2.2",        RDNS_PASS,      "mail.example.test", 2},
	{"192.0.2.8",        RDNS_PASS,      "mail.example.test", 2},
	{"192.0.2.9",        RDNS_PASS,      "mail.example.test", 2},
	{"192.0.2.3",        RDNS_FAIL,      "liar.example.test", 2},
	{"192.0.2.4",        RDNS_TEMPERROR, "slow.example.test", 2},
	{"192.0.2.5",        RDNS_TEMPERROR, "", 1},
	{"192.0.2.6",        RDNS_PERMERROR, "", 1},
	{"192.0.2.7",        RDNS_PERMERROR, "", 1},
};

/* clang-format on */

static struct rdns
find(struct fake_zones *z, const char *client, struct lookups *l, unsigned *n_rounds)
{
	struct ip a;
	struct rdns r;
	assert_int_equal(ip_parse(span_of(client), &a), E_OK);
	for (*n_rounds = 0; rdns_find(&a, l, &r) == E_MORE; ++*n_rounds)
		assert_true(fake_answer(z, l));
	return r;
}

static void
test_results(void **state)
{
	struct fake_zones z = {records, COUNT(records), 0};
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct lookups l;
		unsigned n_rounds;
		lookups_init(&l);
		struct rdns r = find(&z, rows[i].client, &l, &n_rounds);
		if (r.result != rows[i].result || n_rounds != rows[i].n_rounds ||
		    !span_eqs(r.name, rows[i].name) ||
		    (r.n_confirmed > 0) != (r.result == RDNS_PASS))
			fail_msg("%s: %s %.*s in %u rounds", rows[i].client,
			    rdns_result_name(r.result), SPAN_ARG(r.name), n_rounds);
		lookups_done(&l);
	}
}

/* Of many names the first ten are looked at. */
static void
test_many_names(void **state)
{
	struct fake_record many[40];
	struct fake_zones z = {many, COUNT(many), 0};
	struct buf names = {0};
	struct lookups l;
	unsigned n_rounds;
	(void)state;
	for (unsigned i = 0; i < 20; i++)
		buf_putf(&names, "h%02u.test", i);
	for (unsigned i = 0; i < 20; i++) {
		struct span name = span_make(names.p + i * 8, 8);
		many[i] =
		    (struct fake_record){SPAN("1.2.0.192.in-addr.arpa"), "PTR", name};
		many[20 + i] = (struct fake_record){name, "A", SPAN("192.0.2.1")};
	}
	lookups_init(&l);
	struct rdns r = find(&z, "192.0.2.1", &l, &n_rounds);
	assert_int_equal(r.n_confirmed, RDNS_NAMES_MAX);
	assert_int_equal(z.n_asked, 1 + RDNS_NAMES_MAX);
	lookups_done(&l);
	buf_free(&names);
}

static void
test_said(void **state)
{
	struct authres results = {0};
	struct buf field = {0};
	struct ip a;
	struct rdns r = {.result = RDNS_FAIL, .name = SPAN("liar.test")};
	(void)state;
	assert_int_equal(ip_parse(SPAN("2001:db8::a"), &a), E_OK);
	rdns_say(&r, &a, &results);
	authres_put(&results, SPAN("A:"), SPAN("mx"), &field);
	assert_string_equal(buf_cstr(&field),
	    "A: mx;\r\n\tiprev=fail (liar.test) policy.iprev=\"2001:db8::a\"\r\n");
	buf_free(&field);
	authres_done(&results);
}

static void
test_addresses(void **state)
{
	static const char *const bad[] = {"", "192.0.2", "192.0.2.01", "192.0.2.1.",
	    " 192.0.2.1", "[::1]", "::1%lo", "192.0.2.256", "2001:db8::1::", "unknown",
	    "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000"};

	static const struct {
		const char *client, *net;
		unsigned bits;
		bool is_in;
	} nets[] = {
	    {"192.0.2.129", "192.0.2.128", 25, true},
	    {"192.0.2.127", "192.0.2.128", 25, false},
	    {"192.0.2.1", "10.0.0.0", 0, true},
	    {"192.0.2.1", "192.0.2.1", 32, true},
	    {"192.0.2.1", "192.0.2.0", 32, false},
	    {"192.0.2.1", "::", 0, false},
	    {"2001:db8:8000::1", "2001:db8:8000::", 33, true},
	    {"2001:db8:7fff::1", "2001:db8:8000::", 33, false},
	    {"2001:db8::1", "2001:db8::1", 128, true},
	    {"2001:db8::1", "2001:db8::1", 129, false},
	};
	struct ip a, net;
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(ip_parse(span_of(bad[i]), &a), E_BAD);
	for (size_t i = 0; i < COUNT(nets); i++) {
		assert_int_equal(ip_parse(span_of(nets[i].client), &a), E_OK);
		assert_int_equal(ip_parse(span_of(nets[i].net), &net), E_OK);
		assert_int_equal(
		    ip_in(&a, ip_bytes(&net), nets[i].bits), nets[i].is_in);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_results),
	    cmocka_unit_test(test_many_names),
	    cmocka_unit_test(test_said),
	    cmocka_unit_test(test_addresses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
