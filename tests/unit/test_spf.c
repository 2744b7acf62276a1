/* SPDX-License-Identifier: ISC */
/*
 * test_spf.c - check_host(): the test suite of RFC 7208 (spf_suite.txt), and what it does not
 * look at: who decided, what is asked at once, what an explanation may hold.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns_fakes.h"
#include "smtpd/policy/spf.h"

enum { RECORDS_MAX = 128, FIELDS_MAX = 8, ROUNDS_MAX = 30, TESTS_LEAST = 203 };

static struct fake_record records[RECORDS_MAX];
static struct fake_zones zones = {.all = records};
static unsigned n_rounds;

static void
zone(const char *name, const char *type, const char *data)
{
	assert_in_range(zones.n, 0, RECORDS_MAX - 1);
	records[zones.n++] = (struct fake_record){span_of(name), type, span_of(data)};
}

/* It asks until it knows; each round is answered whole. */
static struct spf
check(struct span client, struct span helo, struct span sender, bool is_helo,
    struct arena *arena)
{
	struct lookups l;
	struct ip a;
	struct spf out;
	struct spf_query q = {.client = &a,
	    .helo = helo,
	    .sender = sender,
	    .receiver = SPAN("mx.receiver.test"),
	    .now_sec = 1700000000};
	assert_int_equal(ip_parse(client, &a), E_OK);
	lookups_init(&l);
	for (n_rounds = 0; spf_check(&q, is_helo, &l, arena, &out) == E_MORE;
	     n_rounds++) {
		assert_true(fake_answer(&zones, &l));
		assert_in_range(n_rounds, 0, ROUNDS_MAX);
	}
	lookups_done(&l);
	return out;
}

/* ---- the suite ---- */

/* Fields of a line, "\xHH" in them made octets, in the arena. */
static size_t
fields_of(struct span line, struct arena *arena, struct span *fields)
{
	size_t n = 0;
	while (line.n && n < FIELDS_MAX) {
		struct span raw = span_cut(&line, '\t');
		struct buf b = {0};
		for (size_t i = 0; i < raw.n; i++) {
			unsigned char c;
			if (raw.p[i] != '\\') {
				buf_ch(&b, raw.p[i]);
				continue;
			}
			assert_int_equal(
			    hex_decode(span_head(span_from(raw, i + 2), 2), &c, 1),
			    E_OK);
			buf_u8(&b, c);
			i += 3;
		}
		fields[n++] = arena_span(arena, buf_as_span(&b));
		buf_free(&b);
	}
	return n;
}

static bool
is_among(struct span results, const char *result)
{
	while (results.n)
		if (span_eqs(span_cut(&results, '|'), result))
			return true;
	return false;
}

static void
check_row(const struct span *f, size_t n)
{
	struct arena arena = {0};
	struct spf out = check(f[3], f[4], f[5], false, &arena);
	const char *result = spf_result_name(out.result);
	if (!is_among(f[6], result))
		fail_msg("%.*s: %s%s%s, not %.*s", SPAN_ARG(f[1]), result,
		    out.why ? ", " : "", out.why ? out.why : "", SPAN_ARG(f[6]));
	bool has_text = n > 7 && !span_eqs(f[7], "DEFAULT");
	if (n > 7 && !span_ieq(out.explanation, has_text ? f[7] : SPAN("")))
		fail_msg("%.*s: it explains \"%.*s\"", SPAN_ARG(f[1]),
		    SPAN_ARG(out.explanation));
	arena_reset(&arena);
}

static struct buf
file_read(const char *path)
{
	struct buf b = {0};
	FILE *f = fopen(path, "re");
	assert_non_null(f);
	for (size_t n = 1; n > 0; buf_added(&b, n)) {
		char *room = buf_room(&b, 4096);
		assert_non_null(room);
		n = fread(room, 1, 4096, f);
	}
	assert_int_equal(fclose(f), 0);
	return b;
}

static void
test_suite(void **state)
{
	struct buf text = file_read(SPF_SUITE);
	struct arena arena = {0};
	struct span rest = buf_as_span(&text), f[FIELDS_MAX];
	unsigned n_tests = 0;
	(void)state;
	while (rest.n) {
		struct span line = span_cut(&rest, '\n');
		size_t n =
		    span_starts(line, SPAN("#")) ? 0 : fields_of(line, &arena, f);
		if (n && span_eqs(f[0], "section"))
			zones.n = 0;
		else if (n && span_eqs(f[0], "zone"))
			records[zones.n++] = (struct fake_record){
			    f[1], arena_str(&arena, f[2]), n > 3 ? f[3] : SPAN("")};
		else if (n && ++n_tests)
			check_row(f, n);
		assert_in_range(zones.n, 0, RECORDS_MAX - 1);
	}
	assert_int_equal(n_tests, TESTS_LEAST);
	zones.n = 0;
	arena_reset(&arena);
	buf_free(&text);
}

/* ---- who decided ---- */

static void
test_who_decided(void **state)
{
	struct arena arena = {0};
	(void)state;
	zones.n = 0;
	zone("example.test", "TXT", "v=spf1 include:_spf.provider.test ?a ~all");
	zone("example.test", "A", "192.0.2.80");
	zone("_spf.provider.test", "TXT", "v=spf1 redirect=_net.provider.test");
	zone("_net.provider.test", "TXT",
	    "v=spf1 ip4:198.51.100.0/24 mx:provider.test -all");
	zone("provider.test", "MX", "10 mx.provider.test");
	zone("mx.provider.test", "A", "203.0.113.5");

	static const struct {
		const char *client;
		enum spf_result result;
		enum spf_kind kind;
		const char *term, *by_domain;
		unsigned
		    rounds; /* the A record is asked for beside the first include */
	} rows[] = {
	    {"198.51.100.7", SPF_PASS, SPF_IP4, "ip4:198.51.100.0/24",
		"_net.provider.test", 3},
	    {"203.0.113.5", SPF_PASS, SPF_MX, "mx:provider.test", "_net.provider.test",
		5},
	    {"192.0.2.80", SPF_NEUTRAL, SPF_A, "?a", "example.test", 5},
	    {"192.0.2.81", SPF_SOFTFAIL, SPF_ALL, "~all", "example.test", 5},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct spf s = check(span_of(rows[i].client), SPAN("mail.example.test"),
		    SPAN("u@example.test"), false, &arena);
		assert_int_equal(s.result, rows[i].result);
		assert_int_equal(s.kind, rows[i].kind);
		assert_true(span_eqs(s.term, rows[i].term));
		assert_true(span_eqs(s.by_domain, rows[i].by_domain));
		assert_true(span_eqs(s.sender, "u@example.test"));
		assert_true(span_eqs(s.domain, "example.test") && !s.is_helo);
		assert_int_equal(n_rounds, rows[i].rounds);
	}
	arena_reset(&arena);
}

static void
test_identities(void **state)
{
	struct arena arena = {0};
	(void)state;
	zones.n = 0;
	zone("mail.example.test", "TXT",
	    "v=spf1 ip4:192.0.2.1 -all exp=why.example.test");
	zone("why.example.test", "TXT", "%{s} by %{h} to %{r} at %{t}");
	struct spf s = check(
	    SPAN("192.0.2.1"), SPAN("mail.example.test"), SPAN(""), false, &arena);
	assert_int_equal(s.result, SPF_PASS);
	assert_true(s.is_helo && span_eqs(s.sender, "postmaster@mail.example.test"));
	s = check(SPAN("192.0.2.2"), SPAN("mail.example.test"), SPAN("u@other.test"),
	    true, &arena);
	assert_int_equal(s.result, SPF_FAIL);
	assert_true(s.is_helo && span_eqs(s.domain, "mail.example.test"));
	assert_true(span_eqs(s.explanation, "postmaster@mail.example.test by "
					    "mail.example.test to mx.receiver.test at "
					    "1700000000"));
	/* U-labels are A-labels */
	zone("xn--bcher-kva.test", "TXT", "v=spf1 ip4:192.0.2.1");
	s = check(SPAN("192.0.2.1"), SPAN("h.test"),
	    SPAN("u@B\xc3\xbc"
		 "cher.test"),
	    false, &arena);
	assert_int_equal(s.result, SPF_PASS);
	assert_true(span_eqs(s.domain, "xn--bcher-kva.test"));
	s = check(
	    SPAN("192.0.2.1"), SPAN("h.test"), SPAN("u@\xff.test"), false, &arena);
	assert_int_equal(s.result, SPF_NONE);
	/* what the client says is no name, or not one that others know */
	s = check(SPAN("192.0.2.2"), SPAN("[192.0.2.2]"), SPAN(""), false, &arena);
	assert_int_equal(s.result, SPF_NONE);
	s = check(SPAN("192.0.2.2"), SPAN("localhost"), SPAN(""), false, &arena);
	assert_int_equal(s.result, SPF_NONE);
	assert_int_equal(n_rounds, 0);
	arena_reset(&arena);
}

/* All that does not follow from another answer is asked at once. */
static void
test_rounds(void **state)
{
	struct arena arena = {0};
	(void)state;
	zones.n = 0;
	zone("example.test", "TXT",
	    "v=spf1 include:a.test include:b.test a:c.test mx:d.test exists:e.test "
	    "-all");
	zone("a.test", "TXT", "v=spf1 a:a.test -all");
	zone("a.test", "A", "192.0.2.1");
	zone("b.test", "TXT", "v=spf1 a:b.test -all");
	zone("b.test", "A", "192.0.2.2");
	zone("c.test", "A", "192.0.2.3");
	zone("d.test", "MX", "10 d.test");
	zone("d.test", "A", "192.0.2.4");
	zones.n_asked = 0;
	struct spf s = check(
	    SPAN("192.0.2.9"), SPAN("h.test"), SPAN("u@example.test"), false, &arena);
	assert_int_equal(s.result, SPF_FAIL);
	assert_int_equal(n_rounds, 3);
	assert_int_equal(zones.n_asked, 9);
	/* but nothing behind what matches */
	records[0].data = SPAN("v=spf1 a:c.test ip4:192.0.2.9 include:a.test -all");
	zones.n_asked = 0;
	s = check(
	    SPAN("192.0.2.9"), SPAN("h.test"), SPAN("u@example.test"), false, &arena);
	assert_int_equal(s.result, SPF_PASS);
	assert_int_equal(zones.n_asked, 2);
	arena_reset(&arena);
}

static void
test_errors(void **state)
{
	static const struct {
		const char *record;
		enum spf_result result;
		const char *why;
	} rows[] = {
	    {"v=spf1 a:slow.test ip4:192.0.2.9 -all", SPF_TEMPERROR,
		"the DNS did not answer what a term asks"},
	    {"v=spf1 ip4:192.0.2.9 a:slow.test -all", SPF_PASS, NULL},
	    {"v=spf1 mx:half.test -all", SPF_PASS, NULL},
	    {"v=spf1 mx:slow-hosts.test -all", SPF_TEMPERROR,
		"the DNS did not answer what a term asks"},
	    {"v=spf1 redirect=slow.test", SPF_TEMPERROR,
		"its record cannot be looked up"},
	    {"v=spf1 redirect=none.test", SPF_PERMERROR,
		"a \"redirect\" to a domain without a record"},
	    {"v=spf1 include:none.test", SPF_PERMERROR,
		"an \"include\" of a domain without a record"},
	    {"v=spf1 exists:%{l}%{l}%{l}.test -all", SPF_FAIL, NULL},
	    {"v=spf1 ptr:slow.test -all", SPF_FAIL, NULL},
	};
	struct arena arena = {0};
	(void)state;
	zones.n = 0;
	zone("example.test", "TXT", "");
	zone("slow.test", "TIMEOUT", "");
	zone("half.test", "MX", "10 slow.test");
	zone("half.test", "MX", "20 half.test");
	zone("half.test", "A", "192.0.2.9");
	zone("slow-hosts.test", "MX", "10 slow.test");
	zone("9.2.0.192.in-addr.arpa", "TIMEOUT", "");
	for (size_t i = 0; i < COUNT(rows); i++) {
		records[0].data = span_of(rows[i].record);
		struct spf s = check(SPAN("192.0.2.9"), SPAN("h.test"),
		    SPAN("a-local-part-that-is-long-enough@example.test"), false,
		    &arena);
		if (s.result != rows[i].result)
			fail_msg("%s: %s", rows[i].record, spf_result_name(s.result));
		assert_string_equal(s.why ? s.why : "", rows[i].why ? rows[i].why : "");
	}
	arena_reset(&arena);
}

/* Octets of an address that no host name has are asked for, too. */
static void
test_odd_names(void **state)
{
	struct arena arena = {0};
	(void)state;
	zones.n = 0;
	zone("example.test", "TXT", "v=spf1 exists:%{l}._u.%{d} -all");
	zone("bounce+a=b.c._u.example.test", "A", "127.0.0.2");
	struct spf s = check(SPAN("192.0.2.9"), SPAN("h.test"),
	    SPAN("bounce+a=b.c@example.test"), false, &arena);
	assert_int_equal(s.result, SPF_PASS);
	s = check(SPAN("192.0.2.9"), SPAN("h.test"), SPAN("bounce-a=b.c@example.test"),
	    false, &arena);
	assert_int_equal(s.result, SPF_FAIL);
	arena_reset(&arena);
}

/* A reply is one printable line, whatever the sender's local part is. */
static void
test_explanations(void **state)
{
	static const struct {
		const char *text, *sender, *out;
	} rows[] = {
	    {"%{l} may not", "u@example.test", "u may not"},
	    {"%{l} may not", "\"a\r\n250 ok\"@example.test", ""},
	    {"%{l} may not", "b\xc3\xbc@example.test", ""},
	    {"%{L} may not", "b\xc3\xbc@example.test", "b%C3%BC may not"},
	    {"see %{p} %{c}", "u@example.test", "see unknown 192.0.2.9"},
	    {"%{s1}%", "u@example.test", ""},
	    {"%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}%{s}",
		"a-local-part-that-is-long-enough@example.test", ""},
	};
	struct arena arena = {0};
	(void)state;
	zones.n = 0;
	zone("why.test", "TXT", "");
	zone("example.test", "TXT", "v=spf1 -all exp=why.test");
	for (size_t i = 0; i < COUNT(rows); i++) {
		records[0].data = span_of(rows[i].text);
		struct spf s = check(SPAN("192.0.2.9"), SPAN("h.test"),
		    span_of(rows[i].sender), false, &arena);
		assert_int_equal(s.result, SPF_FAIL);
		if (!span_eqs(s.explanation, rows[i].out))
			fail_msg("%s: \"%.*s\"", rows[i].text, SPAN_ARG(s.explanation));
	}
	arena_reset(&arena);
}

/* As it stands in Authentication-Results. */
static void
test_said(void **state)
{
	struct arena arena = {0};
	struct authres results = {0};
	struct buf field = {0};
	(void)state;
	zones.n = 0;
	zone("example.test", "TXT", "v=spf1 ip4:192.0.2.1 -all");
	zone("helo.test", "TXT", "v=spf1 moo");
	struct spf s = check(SPAN("192.0.2.9"), SPAN("helo.test"),
	    SPAN("u@example.test"), false, &arena);
	spf_say(&s, &results);
	s = check(
	    SPAN("192.0.2.9"), SPAN("helo.test"), SPAN("u@example.test"), true, &arena);
	spf_say(&s, &results);
	authres_put(&results, SPAN("A:"), SPAN("mx"), &field);
	assert_string_equal(buf_cstr(&field),
	    "A: mx;\r\n\tspf=fail (-all of example.test) "
	    "smtp.mailfrom=u@example.test;\r\n"
	    "\tspf=permerror reason=\"a record with a mistake in "
	    "it\"\r\n\tsmtp.helo=helo.test\r\n");
	buf_free(&field);
	authres_done(&results);
	arena_reset(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_suite),
	    cmocka_unit_test(test_who_decided),
	    cmocka_unit_test(test_identities),
	    cmocka_unit_test(test_rounds),
	    cmocka_unit_test(test_errors),
	    cmocka_unit_test(test_odd_names),
	    cmocka_unit_test(test_explanations),
	    cmocka_unit_test(test_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
