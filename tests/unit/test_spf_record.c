/* SPDX-License-Identifier: ISC */
/* test_spf_record.c - terms of SPF records, and macros: grammar and expansion. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "net/dns.h"
#include "smtpd/policy/spf_macro.h"
#include "smtpd/policy/spf_record.h"

#define L32 "abcdefghijklmnopqrstuvwxyz012345"

/* A term as text: "-ip4 192.0.2.0/24", "+a example.test/24//64", "redirect example.test". */
static const char *
text_of(const struct spf_term *t)
{
	static struct buf b;
	struct ip a = {.n = t->kind == SPF_IP4 ? 4 : 16};
	buf_reset(&b);
	if (t->qualifier)
		buf_ch(&b, t->qualifier);
	buf_putf(&b, "%s", spf_kind_name(t->kind));
	if (t->kind == SPF_IP4 || t->kind == SPF_IP6) {
		memcpy(a.b, t->address, a.n);
		buf_ch(&b, ' ');
		ip_put(&a, &b);
		buf_putf(&b, "/%u", t->kind == SPF_IP4 ? t->bits4 : t->bits6);
	} else {
		buf_putf(&b, " %.*s", SPAN_ARG(t->domain));
	}
	if (t->kind == SPF_A || t->kind == SPF_MX)
		buf_putf(&b, "/%u//%u", t->bits4, t->bits6);
	return buf_cstr(&b);
}

static const struct {
	const char *in, *out; /* NULL: E_BAD */
} terms[] = {
    {"all", "+all "},
    {"-ALL", "-all "},
    {"all:example.test", NULL},
    {"all/8", NULL},
    {"-", NULL},
    {"++all", NULL},
    {"include:%{d}", "+include %{d}"},
    {"include", NULL},
    {"include:", NULL},
    {"include:example.test/24", NULL},
    {"?include:example.test", "?include example.test"},
    {"a", "+a /32//128"},
    {"a/24", "+a /24//128"},
    {"a//64", "+a /32//64"},
    {"a/24//64", "+a /24//64"},
    {"~a:example.test/0//0", "~a example.test/0//0"},
    {"a/024", NULL},
    {"a/00", NULL},
    {"a/33", NULL},
    {"a//129", NULL},
    {"a/", NULL},
    {"a//", NULL},
    {"a///24", NULL},
    {"a/24/64", NULL},
    {"a//64/24", NULL},
    {"a:", NULL},
    {"a:/24", NULL},
    {"a:example", NULL},
    {"a:example.", NULL},
    {"a:example.test.", "+a example.test./32//128"},
    {"a:example.123", NULL},
    {"a:example.1-3", "+a example.1-3/32//128"},
    {"a:example.-test", NULL},
    {"a:example.test-", NULL},
    {"a:a b.test", NULL},
    {"a:%{d}.%{i}", "+a %{d}.%{i}/32//128"},
    {"a:%{d}x", NULL},
    {"a:%{d}.x", "+a %{d}.x/32//128"},
    {"a:x}", NULL},
    {"a:%%", "+a %%/32//128"},
    {"a:%", NULL},
    {"a:%{d", NULL},
    {"a:%{z}", NULL},
    {"a:%{c}", NULL},
    {"a:%{d0}", NULL},
    {"a:%{d00003r+-}", "+a %{d00003r+-}/32//128"},
    {"a:%{dr3}", NULL},
    {"mx:%{l/}/24", "+mx %{l/}/24//128"},
    {"ptr", "+ptr "},
    {"ptr:example.test", "+ptr example.test"},
    {"ptr/24", NULL},
    {"ip4:192.0.2.1", "+ip4 192.0.2.1/32"},
    {"-ip4:192.0.2.0/24", "-ip4 192.0.2.0/24"},
    {"ip4", NULL},
    {"ip4:", NULL},
    {"ip4/24", NULL},
    {"ip4:192.0.2.01", NULL},
    {"ip4:192.0.2", NULL},
    {"ip4:192.0.2.0/", NULL},
    {"ip4:192.0.2.0/33", NULL},
    {"ip4:192.0.2.0//24", NULL},
    {"ip4:2001:db8::1", NULL},
    {"ip6:2001:db8::/32", "+ip6 2001:db8::/32"},
    {"ip6:192.0.2.1", NULL},
    {"ip6:2001:db8::/129", NULL},
    {"ip6:2001:db8::%1", NULL},
    {"exists:%{ir}.example.test", "+exists %{ir}.example.test"},
    {"exists", NULL},
    {"redirect=example.test", "redirect example.test"},
    {"REDIRECT=example.test", "redirect example.test"},
    {"+redirect=example.test", NULL},
    {"redirect:example.test", NULL},
    {"redirect=", NULL},
    {"exp=%{d}", "exp %{d}"},
    {"exp=%{c}", NULL},
    {"x-more=a/b:c=d", " "},
    {"x-more=", " "},
    {"x-more=%", NULL},
    {"=x", NULL},
    {"1x=y", NULL},
    {"moo", NULL},
    {"\x80", NULL},
    {"a\tmx", NULL},
};

static void
test_terms(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(terms); i++) {
		struct span in = span_of(terms[i].in);
		struct spf_term t;
		int err = spf_term_next(&in, &t);
		if (!terms[i].out != (err != E_OK))
			fail_msg("%s: %s", terms[i].in, err_name(err));
		else if (err == E_OK && strcmp(text_of(&t), terms[i].out) != 0)
			fail_msg("%s: %s", terms[i].in, text_of(&t));
		else if (err == E_OK)
			assert_int_equal(in.n, 0);
	}
}

static void
test_records(void **state)
{
	static const struct {
		const char *txt;
		int err;
		const char *redirect, *exp;
	} rows[] = {
	    {"v=spf1", E_OK, "", ""},
	    {"v=spf1   ", E_OK, "", ""},
	    {"V=SPF1 a  mx -all", E_OK, "", ""},
	    {"v=spf1 exp=e.test a redirect=r.test x=y", E_OK, "r.test", "e.test"},
	    {"v=spf1 exp=e.test exp=e.test", E_BAD, "", ""},
	    {"v=spf1 redirect=e.test redirect=f.test", E_BAD, "", ""},
	    {"v=spf1 -all moo", E_BAD, "", ""},
	    {"v=spf1 x=1 x=2", E_OK, "", ""},
	};

	static const char *const others[] = {
	    "", "v=spf", "v=spf10", "v=spf1-", "v=spf2.0/pra a", " v=spf1", "v=spf1\t"};
	struct spf_record r;
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_true(spf_is_record(span_of(rows[i].txt)));
		assert_int_equal(
		    spf_record_parse(span_of(rows[i].txt), &r), rows[i].err);
		if (rows[i].err != E_OK)
			continue;
		assert_true(span_eqs(r.redirect, rows[i].redirect));
		assert_true(span_eqs(r.exp, rows[i].exp));
	}
	for (size_t i = 0; i < COUNT(others); i++)
		assert_false(spf_is_record(span_of(others[i])));
}

/* The examples of RFC 7208 7.4, and what they leave out. */
static const struct {
	const char *in, *out;
} expansions[] = {
    {"%{s}", "strong-bad@email.example.com"},
    {"%{o}", "email.example.com"},
    {"%{d}", "email.example.com"},
    {"%{d4}", "email.example.com"},
    {"%{d3}", "email.example.com"},
    {"%{d2}", "example.com"},
    {"%{d1}", "com"},
    {"%{dr}", "com.example.email"},
    {"%{d2r}", "example.email"},
    {"%{l}", "strong-bad"},
    {"%{l-}", "strong.bad"},
    {"%{lr}", "strong-bad"},
    {"%{lr-}", "bad.strong"},
    {"%{l1r-}", "strong"},
    {"%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"},
    {"%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"},
    {"%{lr-}.lp.%{ir}.%{v}._spf.%{d2}",
	"bad.strong.lp.3.2.0.192.in-addr._spf.example.com"},
    {"%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}",
	"3.2.0.192.in-addr.strong.lp._spf.example.com"},
    {"%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"},
    {"%{S}", "strong-bad%40email.example.com"},
    {"%{d129}", "email.example.com"},
    {"%{d99999999999999999999}", "email.example.com"},
    {"%{h}|%{p}|%{r}|%{c}|%{t}", "mx.example.org|unknown|here|192.0.2.3|7"},
    {"100%%%_%-%{D2R}", "100% %20example.email"},
    {"", ""},
};

static struct spf_values
values(const struct ip *client)
{
	return (struct spf_values){.sender = SPAN("strong-bad@email.example.com"),
	    .local = SPAN("strong-bad"),
	    .sender_domain = SPAN("email.example.com"),
	    .domain = SPAN("email.example.com"),
	    .helo = SPAN("mx.example.org"),
	    .receiver = SPAN("here"),
	    .validated = SPAN("unknown"),
	    .client = client,
	    .now_sec = 7};
}

static void
test_expansions(void **state)
{
	struct ip client;
	struct buf b = {0};
	(void)state;
	assert_int_equal(ip_parse(SPAN("192.0.2.3"), &client), E_OK);
	struct spf_values v = values(&client);
	for (size_t i = 0; i < COUNT(expansions); i++) {
		struct span in = span_of(expansions[i].in);
		buf_reset(&b);
		assert_true(spf_string_ok(in, SPF_IN_TEXT, NULL));
		assert_int_equal(spf_expand(in, SPF_IN_TEXT, &v, &b), E_OK);
		assert_string_equal(buf_cstr(&b), expansions[i].out);
	}
	assert_int_equal(ip_parse(SPAN("2001:db8::cb01"), &client), E_OK);
	buf_reset(&b);
	assert_int_equal(
	    spf_expand(SPAN("%{ir}.%{v}._spf.%{d2}"), SPF_IN_RECORD, &v, &b), E_OK);
	assert_string_equal(buf_cstr(&b),
	    "1.0.B.C.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
	    "8.B.D.0.1.0.0.2.ip6._spf.example.com");
	buf_free(&b);
}

/* 7.3: labels leave from the left; and how long it may become before. */
static void
test_long_names(void **state)
{
	struct ip client;
	struct buf b = {0}, spec = {0};
	(void)state;
	assert_int_equal(ip_parse(SPAN("192.0.2.3"), &client), E_OK);
	struct spf_values v = values(&client);
	v.local = SPAN(L32);
	for (unsigned i = 0; i < 8; i++)
		buf_str(&spec, "%{l}.");
	buf_str(&spec, "test");
	assert_int_equal(spf_target_name(buf_as_span(&spec), &v, &b), E_OK);
	assert_int_equal(b.len, 7 * 33 + 4);
	assert_true(dns_question_ok(buf_as_span(&b)));
	buf_reset(&b);
	assert_int_equal(spf_target_name(SPAN("%{o}.%_a."), &v, &b), E_OK);
	assert_string_equal(buf_cstr(&b), "email.example.com.\\032a");
	for (unsigned i = 0; i < SPF_EXPANDED_MAX / 33; i++)
		buf_str(&spec, ".%{l}");
	assert_int_equal(spf_target_name(buf_as_span(&spec), &v, &b), E_LIMIT);
	buf_free(&b);
	buf_free(&spec);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_terms),
	    cmocka_unit_test(test_records),
	    cmocka_unit_test(test_expansions),
	    cmocka_unit_test(test_long_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
