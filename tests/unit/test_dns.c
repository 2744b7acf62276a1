/* SPDX-License-Identifier: ISC */
/* test_dns.c - names of the DNS, answers in the wire format, and as they go between processes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "net/dns.h"

#define L63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
	const char *name;
	bool is_ok;
} names[] = {
    {"example.test", true},
    {"example.test.", true},
    {"Example.TEST", true},
    {"test", true},
    {"_25._tcp.mx.example.test", true},
    {"xn--bcher-kva.test", true},
    {"1.0.0.127.in-addr.arpa", true},
    {L63 ".test", true},
    {L63 "." L63 "." L63
	 ".aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	true},
    {L63 "." L63 "." L63
	 ".aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	false},
    {L63 "a.test", false},
    {"", false},
    {".", false},
    {"example..test", false},
    {".example.test", false},
    {"example.test..", false},
    {"exam ple.test", false},
    {"exam\\.ple.test", false},
    {"b\xc3\xbc.test", false},
    {"a/b.test", false},
};

static void
test_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(names); i++)
		if (dns_name_ok(span_of(names[i].name)) != names[i].is_ok)
			fail_msg("%s", names[i].name);
}

static void
test_questions(void **state)
{
	static const struct {
		const char *text, *name;
		bool is_ok;
	} rows[] = {
	    {"Mail.example.test.", "Mail.example.test.", true},
	    {"a+b=c.example.test", "a\\043b\\061c.example.test", true},
	    {"a\\046.test", "a\\092046.test", true},
	    {"\xff.test", "\\255.test", true},
	    {"a b", "a\\032b", true},
	    {"a..test", "a..test", false},
	    {L63 ".test", L63 ".test", true},
	    {L63 "+.test", L63 "\\043.test", false},
	};

	static const char *const bad[] = {
	    "a\\04", "a\\256", "a\\097", "a\\+", "\\", "a+b.test"};
	struct buf b = {0};
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		buf_reset(&b);
		dns_question_put(span_of(rows[i].text), &b);
		assert_string_equal(buf_cstr(&b), rows[i].name);
		assert_int_equal(dns_question_ok(buf_as_span(&b)), rows[i].is_ok);
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(dns_question_ok(span_of(bad[i])));
	buf_free(&b);
}

static void
test_made_names(void **state)
{
	struct buf b = {0};
	static const unsigned char six[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 0xf1};
	(void)state;
	dns_reverse_name(span_make("\xc0\x00\x02\xff", 4), &b);
	assert_string_equal(buf_cstr(&b), "255.2.0.192.in-addr.arpa");
	buf_reset(&b);
	dns_reverse_name(span_make(six, sizeof six), &b);
	assert_string_equal(buf_cstr(&b),
	    "1.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
	buf_reset(&b);
	dns_tlsa_name(SPAN("mx.example.test"), 25, &b);
	assert_string_equal(buf_cstr(&b), "_25._tcp.mx.example.test");
	buf_free(&b);
}

static const struct {
	const char *setting, *server;
	uint16_t port;
} servers[] = {
    {"192.0.2.53", "192.0.2.53@53", 53},
    {"192.0.2.53:5353", "192.0.2.53@5353", 5353},
    {"2001:db8::1", "2001:db8::1@53", 53},
    {"::1", "::1@53", 53},
    {"[2001:db8::1]:5353", "2001:db8::1@5353", 5353},
    {"[::1]:53", "::1@53", 53},
};

static void
test_servers(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(servers); i++) {
		struct buf b = {0};
		assert_int_equal(
		    dns_server_parse(span_of(servers[i].setting), &b), servers[i].port);
		assert_string_equal(buf_cstr(&b), servers[i].server);
		buf_free(&b);
	}
}

/*
 * Packets are written as their parts: a question for a.test, so that C("\xc0\x0c") is that name and
 * "\xc0\x0e" is "test"; R is a record of class IN with a TTL of 16 + ttl seconds.
 */
#define HEAD(flags, answers, authority)                                                \
	"\0\1\x81" flags "\0\1\0" answers "\0" authority "\0\0"
#define QUESTION "\1a\4test\0\0\1\0\1"
#define R(owner, type, ttl, length) owner "\0" type "\0\1\0\0\0" ttl "\0" length
#define A_TEST "\xc0\x0c"
#define B_TEST "\1b\xc0\x0e"
#define P(literal) literal, sizeof(literal) - 1
#define SOA                                                                            \
	R("\xc0\x0e", "\6", "\x1e", "\x18")                                            \
	"\2ns\xc0\x0e\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5"

static const struct {
	const char *what, *packet;
	size_t n;
	enum dns_kind kind;
	int result;
	enum dns_status status;
	size_t n_records;
	unsigned n_unusable;
	const char *name; /* canonical; NULL: not looked at */
	const char *data; /* of the first record */
	uint32_t ttl_sec;
} packets[] = {
    {"one address",
	P(HEAD("\x80", "\1", "\0") QUESTION R(A_TEST, "\1", "\x20", "\4") "wxyz"),
	DNS_A, E_OK, DNS_FOUND, 1, 0, "a.test", "wxyz", 32},
    {"two addresses",
	P(HEAD("\x80", "\2", "\0") QUESTION R(A_TEST, "\1", "\x20", "\4") "wxyz" R(
	    A_TEST, "\1", "\x1f", "\4") "zyxw"),
	DNS_A, E_OK, DNS_FOUND, 2, 0, "a.test", "wxyz", 31},
    {"an address of 3 bytes",
	P(HEAD("\x80", "\1", "\0") QUESTION R(A_TEST, "\1", "\x20", "\3") "wxy"), DNS_A,
	E_OK, DNS_FOUND, 0, 1, "a.test", NULL, 32},
    {"another owner",
	P(HEAD("\x80", "\1", "\0") QUESTION R(B_TEST, "\1", "\x20", "\4") "wxyz"),
	DNS_A, E_OK, DNS_NO_RECORD, 0, 0, "a.test", NULL, 0},
    {"another class",
	P(HEAD("\x80", "\1", "\0") QUESTION A_TEST "\0\1\0\3\0\0\0\x20\0\4wxyz"), DNS_A,
	E_OK, DNS_NO_RECORD, 0, 0, "a.test", NULL, 0},
    {"the owner in capitals",
	P(HEAD("\x80", "\1", "\0")
		QUESTION R("\1A\4TeSt\0", "\1", "\x20", "\4") "wxyz"),
	DNS_A, E_OK, DNS_FOUND, 1, 0, "a.test", "wxyz", 32},
    {"an alias",
	P(HEAD("\x80", "\2", "\0") QUESTION R(A_TEST, "\5", "\x10",
	    "\4") "\1b\xc0\x0e" R(B_TEST, "\1", "\x20", "\4") "wxyz"),
	DNS_A, E_OK, DNS_FOUND, 1, 0, "b.test", "wxyz", 16},
    {"an alias out of order",
	P(HEAD("\x80", "\2", "\0") QUESTION R(B_TEST, "\1", "\x20", "\4") "wxyz" R(
	    A_TEST, "\5", "\x40", "\4") "\1b\xc0\x0e"),
	DNS_A, E_OK, DNS_FOUND, 1, 0, "b.test", "wxyz", 32},
    {"the alias itself",
	P(HEAD("\x80", "\1", "\0")
		QUESTION R(A_TEST, "\5", "\x10", "\4") "\1b\xc0\x0e"),
	DNS_CNAME, E_OK, DNS_FOUND, 1, 0, "a.test", "b.test", 16},
    {"an alias to nothing",
	P(HEAD("\x83", "\1", "\1")
		QUESTION R(A_TEST, "\5", "\x10", "\4") "\1b\xc0\x0e" SOA),
	DNS_A, E_OK, DNS_NO_NAME, 0, 0, "b.test", NULL, 16},
    {"an alias to itself",
	P(HEAD("\x80", "\1", "\0") QUESTION R(A_TEST, "\5", "\x10", "\2") "\xc0\x0c"),
	DNS_A, E_BAD, DNS_TEMP, 0, 0, NULL, NULL, 0},
    {"an alias that goes on behind its data",
	P(HEAD("\x80", "\1", "\0")
		QUESTION R(A_TEST, "\5", "\x10", "\3") "\1b\xc0\x0e"),
	DNS_A, E_BAD, DNS_TEMP, 0, 0, NULL, NULL, 0},
    {"no such name", P(HEAD("\x83", "\0", "\1") QUESTION SOA), DNS_A, E_OK, DNS_NO_NAME,
	0, 0, "a.test", NULL, 30},
    {"no such record", P(HEAD("\x80", "\0", "\1") QUESTION SOA), DNS_A, E_OK,
	DNS_NO_RECORD, 0, 0, "a.test", NULL, 30},
    {"SERVFAIL", P(HEAD("\x82", "\0", "\0") QUESTION), DNS_A, E_OK, DNS_TEMP, 0, 0,
	NULL, NULL, 0},
    {"REFUSED", P(HEAD("\x85", "\0", "\0") QUESTION), DNS_A, E_OK, DNS_TEMP, 0, 0, NULL,
	NULL, 0},
    {"an rcode without a name", P(HEAD("\x8f", "\0", "\0") QUESTION), DNS_A, E_OK,
	DNS_TEMP, 0, 0, NULL, NULL, 0},
    {"IPv6",
	P(HEAD("\x80", "\1", "\0")
		QUESTION R(A_TEST, "\x1c", "\x20", "\x10") "0123456789abcdef"),
	DNS_AAAA, E_OK, DNS_FOUND, 1, 0, "a.test", "0123456789abcdef", 32},
    {"an MX",
	P(HEAD("\x80", "\1", "\0")
		QUESTION R(A_TEST, "\xf", "\x20", "\7") "\0\x0a\2Mx\xc0\x0e"),
	DNS_MX, E_OK, DNS_FOUND, 1, 0, "a.test", "mx.test", 32},
    {"a null MX",
	P(HEAD("\x80", "\1", "\0") QUESTION R(A_TEST, "\xf", "\x20", "\3") "\0\0\0"),
	DNS_MX, E_OK, DNS_FOUND, 1, 0, "a.test", "", 32},
    {"an MX without a name",
	P(HEAD("\x80", "\1", "\0") QUESTION R(A_TEST, "\xf", "\x20", "\2") "\0\0"),
	DNS_MX, E_OK, DNS_FOUND, 0, 1, "a.test", NULL, 32},
    {"an MX with a blank",
	P(HEAD("\x80", "\1", "\0")
		QUESTION R(A_TEST, "\xf", "\x20", "\7") "\0\x0a\2m \xc0\x0e"),
	DNS_MX, E_OK, DNS_FOUND, 0, 1, "a.test", NULL, 32},
    {"an MX with a dot in a label",
	P(HEAD("\x80", "\1", "\0")
		QUESTION R(A_TEST, "\xf", "\x20", "\7") "\0\x0a\2m.\xc0\x0e"),
	DNS_MX, E_OK, DNS_FOUND, 0, 1, "a.test", NULL, 32},
    {"an MX with a NUL",
	P(HEAD("\x80", "\1", "\0")
		QUESTION R(A_TEST, "\xf", "\x20", "\7") "\0\x0a\2m\0\xc0\x0e"),
	DNS_MX, E_OK, DNS_FOUND, 0, 1, "a.test", NULL, 32},
    {"a PTR",
	P(HEAD("\x80", "\1", "\0")
		QUESTION R(A_TEST, "\xc", "\x20", "\4") "\1b\xc0\x0e"),
	DNS_PTR, E_OK, DNS_FOUND, 1, 0, "a.test", "b.test", 32},
    {"a PTR to the root",
	P(HEAD("\x80", "\1", "\0") QUESTION R(A_TEST, "\xc", "\x20", "\1") "\0"),
	DNS_PTR, E_OK, DNS_FOUND, 0, 1, "a.test", NULL, 32},
    {"TXT of two strings",
	P(HEAD("\x80", "\1", "\0")
		QUESTION R(A_TEST, "\x10", "\x20", "\x9") "\3v=s\4pf1 "),
	DNS_TXT, E_OK, DNS_FOUND, 1, 0, "a.test", "v=spf1 ", 32},
    {"TXT of an empty string",
	P(HEAD("\x80", "\1", "\0") QUESTION R(A_TEST, "\x10", "\x20", "\1") "\0"),
	DNS_TXT, E_OK, DNS_FOUND, 1, 0, "a.test", "", 32},
    {"TXT of nothing",
	P(HEAD("\x80", "\1", "\0") QUESTION R(A_TEST, "\x10", "\x20", "\0")), DNS_TXT,
	E_OK, DNS_FOUND, 0, 1, "a.test", NULL, 32},
    {"TXT that is short",
	P(HEAD("\x80", "\1", "\0") QUESTION R(A_TEST, "\x10", "\x20", "\3") "\3ab"),
	DNS_TXT, E_OK, DNS_FOUND, 0, 1, "a.test", NULL, 32},
    {"TLSA",
	P(HEAD("\x80", "\1", "\0")
		QUESTION R(A_TEST, "\x34", "\x20", "\6") "\3\1\1abc"),
	DNS_TLSA, E_OK, DNS_FOUND, 1, 0, "a.test", "abc", 32},
    {"TLSA without data",
	P(HEAD("\x80", "\1", "\0") QUESTION R(A_TEST, "\x34", "\x20", "\3") "\3\1\1"),
	DNS_TLSA, E_OK, DNS_FOUND, 0, 1, "a.test", NULL, 32},
    {"fewer records than it says",
	P(HEAD("\x80", "\2", "\0") QUESTION R(A_TEST, "\1", "\x20", "\4") "wxyz"),
	DNS_A, E_BAD, DNS_TEMP, 0, 0, NULL, NULL, 0},
    {"data past its end",
	P(HEAD("\x80", "\1", "\0") QUESTION R(A_TEST, "\1", "\x20", "\5") "wxyz"),
	DNS_A, E_BAD, DNS_TEMP, 0, 0, NULL, NULL, 0},
    {"a pointer to itself",
	P(HEAD("\x80", "\1", "\0") QUESTION R("\xc0\x18", "\1", "\x20", "\4") "wxyz"),
	DNS_A, E_BAD, DNS_TEMP, 0, 0, NULL, NULL, 0},
    {"a pointer past the end",
	P(HEAD("\x80", "\1", "\0") QUESTION R("\xff\xff", "\1", "\x20", "\4") "wxyz"),
	DNS_A, E_BAD, DNS_TEMP, 0, 0, NULL, NULL, 0},
    {"a label of 64",
	P(HEAD("\x80", "\1", "\0") QUESTION "\x40" L63 "a\0\0\1\0\1\0\0\0\1\0\4wxyz"),
	DNS_A, E_BAD, DNS_TEMP, 0, 0, NULL, NULL, 0},
    {"a question that is short", P(HEAD("\x80", "\0", "\0") "\1a\4test\0\0"), DNS_A,
	E_BAD, DNS_TEMP, 0, 0, NULL, NULL, 0},
    {"a head that is short", P("\0\1\x81\x80\0\1\0\0\0\0"), DNS_A, E_BAD, DNS_TEMP, 0,
	0, NULL, NULL, 0},
    {"nothing", "", 0, DNS_A, E_BAD, DNS_TEMP, 0, 0, NULL, NULL, 0},
};

static void
test_packets(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(packets); i++) {
		struct arena arena = {0};
		struct dns_answer a;
		int err = dns_packet_parse(span_make(packets[i].packet, packets[i].n),
		    packets[i].kind, SPAN("A.test."), &arena, &a);
		if (err != packets[i].result || a.status != packets[i].status ||
		    a.n_records != packets[i].n_records ||
		    a.n_unusable != packets[i].n_unusable ||
		    a.ttl_sec != packets[i].ttl_sec)
			fail_msg("%s: %d, %s, %zu records, %u unusable, ttl %u",
			    packets[i].what, err, dns_status_name(a.status),
			    a.n_records, a.n_unusable, a.ttl_sec);
		if (packets[i].name && !span_eqs(a.name, packets[i].name))
			fail_msg("%s: %.*s", packets[i].what, SPAN_ARG(a.name));
		if (packets[i].data && !span_eqs(a.records[0].data, packets[i].data))
			fail_msg(
			    "%s: %.*s", packets[i].what, SPAN_ARG(a.records[0].data));
		if (a.status == DNS_TEMP && a.why.n == 0)
			fail_msg("%s: without a reason", packets[i].what);
		arena_reset(&arena);
	}
}

static void
test_numbers_of_records(void **state)
{
	static const char mx[] = HEAD("\x80", "\1", "\0")
	    QUESTION R(A_TEST, "\xf", "\x20", "\7") "\1\2\2mx\xc0\x0e";
	static const char tlsa[] =
	    HEAD("\x80", "\1", "\0") QUESTION R(A_TEST, "\x34", "\x20", "\4") "\3\1\2z";
	struct arena arena = {0};
	struct dns_answer a;
	(void)state;
	assert_int_equal(
	    dns_packet_parse(span_make(P(mx)), DNS_MX, SPAN("a.test"), &arena, &a),
	    E_OK);
	assert_int_equal(a.records[0].preference, 258);
	assert_int_equal(
	    dns_packet_parse(span_make(P(tlsa)), DNS_TLSA, SPAN("a.test"), &arena, &a),
	    E_OK);
	assert_int_equal(a.records[0].usage, 3);
	assert_int_equal(a.records[0].selector, 1);
	assert_int_equal(a.records[0].matching, 2);
	assert_false(a.has_alias || a.is_cut || a.is_secure);
	arena_reset(&arena);
}

/* A question for a.test, and a chain of n aliases: a, then names of one letter that count up. */
static int
parse_chain(unsigned n, struct dns_answer *out, struct arena *arena)
{
	struct buf b = {0};
	buf_put(&b, P(HEAD("\x80", "\0", "\0") QUESTION));
	b.p[7] = (char)(n + 1);
	for (unsigned i = 0; i <= n; i++) {
		buf_put(&b, "\1", 1);
		buf_ch(&b, (char)('a' + i));
		buf_put(&b, P("\4test\0\0"));
		buf_u8(&b, i < n ? DNS_CNAME : DNS_A);
		buf_put(&b, P("\0\1\0\0\0\x20\0\4"));
		if (i == n)
			buf_put(&b, "wxyz", 4);
		else {
			buf_put(&b, "\1", 1);
			buf_ch(&b, (char)('a' + i + 1));
			buf_put(&b, P("\xc0\x0e"));
		}
	}
	int err = dns_packet_parse(buf_as_span(&b), DNS_A, SPAN("a.test"), arena, out);
	buf_free(&b);
	return err;
}

static void
test_chain_of_aliases(void **state)
{
	struct arena arena = {0};
	struct dns_answer a;
	(void)state;
	assert_int_equal(parse_chain(DNS_CNAMES_MAX, &a, &arena), E_OK);
	assert_int_equal(a.n_records, 1);
	assert_true(a.has_alias);
	assert_int_equal(parse_chain(DNS_CNAMES_MAX + 1, &a, &arena), E_BAD);
	assert_int_equal(a.status, DNS_TEMP);
	arena_reset(&arena);
}

static void
test_arena_too_small(void **state)
{
	struct arena arena = {.max_bytes = 100};
	struct dns_answer a;
	(void)state;
	assert_int_equal(dns_packet_parse(span_make(packets[0].packet, packets[0].n),
			     DNS_A, SPAN("a.test"), &arena, &a),
	    E_LIMIT);
	assert_int_equal(a.status, DNS_TEMP);
	arena_reset(&arena);
}

/* ---- between processes ---- */

static struct dns_record two[] = {{.preference = 10, .data = SPAN("mx.test")},
    {.usage = 1, .selector = 2, .matching = 3, .data = SPAN("\0\1")}};
static const struct dns_answer sample = {.status = DNS_FOUND,
    .is_secure = true,
    .has_alias = true,
    .ttl_sec = 77,
    .n_unusable = 2,
    .name = SPAN("b.test"),
    .why = SPAN("no reason"),
    .records = two,
    .n_records = 2};

static void
test_way_and_back(void **state)
{
	struct buf b = {0};
	struct arena arena = {0};
	struct dns_answer a;
	(void)state;
	dns_answer_put(&b, &sample);
	struct rd r = rd_of(buf_as_span(&b));
	assert_int_equal(dns_answer_get(&r, &arena, &a), E_OK);
	assert_int_equal(rd_end(&r), E_OK);
	assert_int_equal(a.status, DNS_FOUND);
	assert_true(a.is_secure && a.has_alias && !a.is_cut);
	assert_int_equal(a.ttl_sec, 77);
	assert_int_equal(a.n_unusable, 2);
	assert_true(span_eqs(a.name, "b.test") && span_eqs(a.why, "no reason"));
	assert_int_equal(a.n_records, 2);
	assert_int_equal(a.records[0].preference, 10);
	assert_int_equal(a.records[1].matching, 3);
	assert_true(span_eq(a.records[1].data, SPAN("\0\1")));
	for (size_t n = 0; n < b.len; n++) {
		r = rd_of(span_head(buf_as_span(&b), n));
		assert_int_not_equal(dns_answer_get(&r, &arena, &a), E_OK);
	}
	arena_reset(&arena);
	buf_free(&b);
}

static void
test_answers_that_are_none(void **state)
{
	static const struct {
		size_t at;
		char byte;
	} changes[] = {{0, DNS_BOGUS + 1}, {1, 8}, {8, 127}};
	struct arena arena = {0};
	struct dns_answer a;
	(void)state;
	for (size_t i = 0; i < COUNT(changes); i++) {
		struct buf b = {0};
		dns_answer_put(&b, &sample);
		b.p[changes[i].at] = changes[i].byte;
		struct rd r = rd_of(buf_as_span(&b));
		assert_int_equal(dns_answer_get(&r, &arena, &a), E_BAD);
		buf_free(&b);
	}
	arena_reset(&arena);
}

static void
test_more_than_a_message_holds(void **state)
{
	static char text[DNS_TXT_MAX];
	struct dns_record many[50];
	struct dns_answer a = {.status = DNS_FOUND,
			      .records = many,
			      .n_records = COUNT(many)},
			  got;
	struct buf b = {0};
	struct arena arena = {0};
	(void)state;
	for (size_t i = 0; i < COUNT(many); i++)
		many[i] = (struct dns_record){.data = span_make(text, sizeof text)};
	dns_answer_put(&b, &a);
	assert_true(b.len <= DNS_ANSWER_MAX);
	struct rd r = rd_of(buf_as_span(&b));
	assert_int_equal(dns_answer_get(&r, &arena, &got), E_OK);
	assert_true(got.is_cut && got.n_records == 14);
	arena_reset(&arena);
	arena.max_bytes = 20000;
	r = rd_of(buf_as_span(&b));
	assert_int_equal(dns_answer_get(&r, &arena, &got), E_LIMIT);
	arena_reset(&arena);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_questions),
	    cmocka_unit_test(test_made_names),
	    cmocka_unit_test(test_servers),
	    cmocka_unit_test(test_packets),
	    cmocka_unit_test(test_numbers_of_records),
	    cmocka_unit_test(test_chain_of_aliases),
	    cmocka_unit_test(test_arena_too_small),
	    cmocka_unit_test(test_way_and_back),
	    cmocka_unit_test(test_answers_that_are_none),
	    cmocka_unit_test(test_more_than_a_message_holds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
