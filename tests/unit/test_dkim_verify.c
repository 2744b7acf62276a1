/* SPDX-License-Identifier: ISC */
/* test_dkim_verify.c - signed messages: the published examples, and what was done to them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dkim/verify.h"

/*
 * RFC 6376 A.2 and C; RFC 8463 A.  The first was signed with six blanks in each fold and one behind
 * "game.", which the RFC does not print so.
 */
static const char rfc6376_message[] =
    "DKIM-Signature: v=1; a=rsa-sha256; s=brisbane; d=example.com;\r\n"
    "      c=simple/simple; q=dns/txt; i=joe@football.example.com;\r\n"
    "      h=Received : From : To : Subject : Date : Message-ID;\r\n"
    "      bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
    "      b=AuUoFEfDxTDkHlLXSZEpZj79LICEps6eda7W3deTVFOk4yAUoqOB\r\n"
    "      4nujc7YopdG5dWLSdNg6xNAZpOPr+kHxt1IrE+NahM6L/LbvaHut\r\n"
    "      KVdkLLkpVaVVQPzeRDI009SO2Il5Lu7rDNH6mZckBdrIx0orEtZV\r\n"
    "      4bmp/YzhwvcubU4=;\r\n"
    "Received: from client1.football.example.com  [192.0.2.1]\r\n"
    "      by submitserver.example.com with SUBMISSION;\r\n"
    "      Fri, 11 Jul 2003 21:01:54 -0700 (PDT)\r\n"
    "From: Joe SixPack <joe@football.example.com>\r\n"
    "To: Suzie Q <suzie@shopping.example.net>\r\n"
    "Subject: Is dinner ready?\r\n"
    "Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"
    "Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n"
    "\r\n"
    "Hi.\r\n"
    "\r\n"
    "We lost the game. Are you hungry yet?\r\n"
    "\r\n"
    "Joe.\r\n";

static const char rfc8463_message[] =
    "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n"
    " d=football.example.com; i=@football.example.com;\r\n"
    " q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n"
    " subject : date : message-id : from : subject : date;\r\n"
    " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
    " b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r\n"
    " Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\r\n"
    "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n"
    " d=football.example.com; i=@football.example.com;\r\n"
    " q=dns/txt; s=test; t=1528637909; h=from : to : subject :\r\n"
    " date : message-id : from : subject : date;\r\n"
    " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
    " b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3\r\n"
    " DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz\r\n"
    " dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=\r\n"
    "From: Joe SixPack <joe@football.example.com>\r\n"
    "To: Suzie Q <suzie@shopping.example.net>\r\n"
    "Subject: Is dinner ready?\r\n"
    "Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"
    "Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n"
    "\r\n"
    "Hi.\r\n"
    "\r\n"
    "We lost the game.  Are you hungry yet?\r\n"
    "\r\n"
    "Joe.\r\n";

#define RSA_6376_P                                                                     \
	"p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJ"                 \
	"W3/DkMoGeLnQg1fWn7/zYtIxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBI"                 \
	"tLa7od+v/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhitdY9tf"                 \
	"6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB"
#define RSA_6376 "v=DKIM1; " RSA_6376_P
#define RSA_8463_P                                                                     \
	"p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWR"                         \
	"iGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutAC"        \
	"DfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3"        \
	"Ip3G+2kryOTIKT+l/K4w3QIDAQAB"
#define RSA_8463 "v=DKIM1; k=rsa; " RSA_8463_P
#define ED_8463_P "p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
#define ED_8463 "v=DKIM1; k=ed25519; " ED_8463_P

/* ---- a DNS of a few records ---- */

struct zone {
	const char *name;
	const char *txt; /* NULL: no such name; "!": SERVFAIL; "-": no TXT */
};

static const struct zone zone_6376[] = {
    {"brisbane._domainkey.example.com", RSA_6376}, {NULL, NULL}};
static const struct zone zone_8463[] = {
    {"test._domainkey.football.example.com", RSA_8463},
    {"brisbane._domainkey.football.example.com", ED_8463}, {NULL, NULL}};

static const char *
txt_of(const struct zone *zone, struct span name)
{
	for (; zone->name; zone++)
		if (span_ieqs(name, zone->name))
			return zone->txt;
	return NULL;
}

static void
answer(struct lookups *l, const struct zone *zone)
{
	const struct resolver_query *q;
	while ((q = lookups_wanted(l, 0)) != NULL) {
		const char *txt = txt_of(zone, q->name);
		struct dns_record *r = arena_get(&l->arena, sizeof *r);
		struct dns_answer a = {.status = DNS_NO_NAME};
		assert_int_equal(q->kind, DNS_TXT);
		if (txt && *txt == '!')
			a.status = DNS_TEMP;
		else if (txt && *txt == '-')
			a.status = DNS_NO_RECORD;
		else if (txt) {
			*r = (struct dns_record){.data = span_of(txt)};
			a = (struct dns_answer){
			    .status = DNS_FOUND, .records = r, .n_records = 1};
		}
		lookups_put(l, &a);
	}
}

/* The verdicts on a message; own. */
static struct dkim_check *
check(struct span message, const struct zone *zone, int64_t now_sec)
{
	struct lookups l;
	lookups_init(&l);
	struct dkim_check *c = dkim_check_new(message);
	for (int rounds = 0; dkim_check(c, &l, now_sec) == E_MORE; rounds++) {
		assert_true(rounds < 2);
		answer(&l, zone);
	}
	lookups_done(&l);
	return c;
}

static void
assert_verdict(const struct dkim_verdict *v, enum dkim_result result, const char *why)
{
	if (v->result != result || strcmp(v->why, why) != 0)
		fail_msg("%s (%s), not %s (%s)", dkim_result_name(v->result), v->why,
		    dkim_result_name(result), why);
}

static void
test_rfc6376(void **state)
{
	(void)state;
	struct dkim_check *c = check(span_of(rfc6376_message), zone_6376, 0);
	assert_int_equal(c->n, 1);
	assert_verdict(&c->verdicts[0], DKIM_PASS, "");
	assert_true(span_eqs(c->verdicts[0].domain, "example.com"));
	assert_true(span_eqs(c->verdicts[0].selector, "brisbane"));
	assert_true(span_eqs(c->verdicts[0].identity, "joe@football.example.com"));
	assert_true(span_eqs(c->verdicts[0].algorithm, "rsa-sha256"));
	assert_string_equal(c->verdicts[0].b, "AuUoFEfD");
	assert_int_equal(c->verdicts[0].bits, 1024);
	dkim_check_free(&c);
}

static void
test_rfc8463(void **state)
{
	(void)state;
	struct dkim_check *c = check(span_of(rfc8463_message), zone_8463, 0);
	assert_int_equal(c->n, 2);
	assert_verdict(&c->verdicts[0], DKIM_PASS, "");
	assert_verdict(&c->verdicts[1], DKIM_PASS, "");
	assert_true(span_eqs(c->verdicts[0].algorithm, "ed25519-sha256"));
	assert_int_equal(c->message.n_hashes, 1);
	assert_int_equal(dkim_check_result(c), DKIM_PASS);
	dkim_check_free(&c);
}

/* ---- what was done to a message, and to its keys ---- */

static void
replace(struct buf *out, struct span text, const char *from, const char *to)
{
	size_t at = span_search(text, span_of(from));
	if (at == text.n)
		fail_msg("no %s in it", from);
	buf_span(out, span_head(text, at));
	buf_str(out, to);
	buf_span(out, span_from(text, at + strlen(from)));
}

/* Of the second signature of RFC 8463's message, the one with RSA. */
static const struct {
	const char *from, *to;
	enum dkim_result result;
	const char *why;
} changes[] = {
    {"Is dinner ready?", "  Is  dinner\r\n\tready? ", DKIM_PASS, ""},
    {"Subject: ", "SUBJECT:", DKIM_PASS, ""},
    {"Joe.\r\n", "Joe. \t\r\n\r\n \r\n", DKIM_PASS, ""},
    {"From: Joe", "Received: x\r\nFrom: Joe", DKIM_PASS, ""},
    {"Is dinner ready?", "Is supper ready?", DKIM_FAIL,
	"the signature does not verify"},
    {"From: Joe", "From: Eve <eve@a.test>\r\nFrom: Joe", DKIM_FAIL,
	"the signature does not verify"},
    {"Subject: Is", "From: Eve <eve@a.test>\r\nSubject: Is", DKIM_FAIL,
	"the signature does not verify"},
    {"From: Joe", "Subject: Lost\r\nFrom: Joe", DKIM_FAIL,
	"the signature does not verify"},
    {"To: Suzie", "To: all\r\nTo: Suzie", DKIM_PASS, ""}, /* not signed once more */
    {"To: Suzie", "X: Suzie", DKIM_FAIL, "the signature does not verify"},
    {"From: Joe", "X: Joe", DKIM_PERMERROR, "the message has no From"},
    {"Hi.", "Ho.", DKIM_FAIL, "the body is another one"},
    {"\r\n\r\nHi.", "\r\n\r\n\r\nHi.", DKIM_FAIL, "the body is another one"},
    {"Joe.\r\n", "Joe.\r\nPS: send money\r\n", DKIM_FAIL, "the body is another one"},
    {"b=F45d", "b=F45e", DKIM_FAIL, "the signature does not verify"},
    {"b=F45d", "b=F4 5 d", DKIM_PASS, ""},
    {"b=F45d", "b=!", DKIM_NEUTRAL, "b= is no base64"},
    {"Y+8=", "Y+8", DKIM_NEUTRAL, "b= is no base64"},
    {"s=test; t=1528637909", "s=test; x=1528637908; t=1528637909", DKIM_NEUTRAL,
	"x= is before t="},
    {"s=test; t=1528637909", "s=test; x=1528637910; t=1528637909", DKIM_POLICY,
	"expired"},
    {"s=test; t=", "s=none; t=", DKIM_PERMERROR, "there is no key"},
    {"s=test; t=", "s=a..b; t=", DKIM_NEUTRAL, "s= is no selector"},
    {"a=rsa-sha256", "a=rsa-sha1", DKIM_POLICY, "rsa-sha1 is not taken"},
    {"a=rsa-sha256", "a=rsa-sha512", DKIM_NEUTRAL, "unknown algorithm"},
    {"a=rsa-sha256", "a=ed25519-sha256", DKIM_PERMERROR,
	"its key is for another algorithm"},
    {"DKIM-Signature: v=1; a=rsa", "DKIM-Signature: v=2; a=rsa", DKIM_NEUTRAL,
	"another version"},
    {"s=test; t=", "s=test; s=test; t=", DKIM_NEUTRAL, "no list of tags"},
    {"q=dns/txt; s=test", "q=http; s=test", DKIM_NEUTRAL, "unknown query method"},
    {"s=test; t=", "s=test; l=10; t=", DKIM_FAIL, "the body is another one"},
    {"s=test; t=", "s=test; l=9999; t=", DKIM_FAIL, "the body is shorter than l="},
};

static void
test_changes(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(changes); i++) {
		struct buf text = {0};
		struct span message = span_of(rfc8463_message);
		size_t second =
		    span_search(span_from(message, 1), SPAN("DKIM-Sig")) + 1;
		replace(
		    &text, span_from(message, second), changes[i].from, changes[i].to);
		struct dkim_check *c = check(buf_as_span(&text), zone_8463, 1600000000);
		assert_int_equal(c->n, 1);
		if (c->verdicts[0].result != changes[i].result)
			print_error("%s\n", changes[i].to);
		assert_verdict(&c->verdicts[0], changes[i].result, changes[i].why);
		dkim_check_free(&c);
		buf_free(&text);
	}
}

#define RSA_512                                                                        \
	"p=MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAOJ6TPog1L8Sydxf+2Za6Ef0Q23M"               \
	"JZE46e2tl6RPLruiiGYzW7axbXQl3IRqGK8JcKoGOIIAzyuZASW0qzexZn8CAwEAAQ=="

/* The key of the second signature is another one. */
static const struct {
	const char *txt;
	enum dkim_result result;
	const char *why;
} records[] = {
    {RSA_8463, DKIM_PASS, ""},
    {RSA_8463_P, DKIM_PASS, ""},
    {"v=DKIM1; t=y; " RSA_8463_P, DKIM_PASS, ""},
    {"v=DKIM1; t=s; h=sha1:sha256; s=email; " RSA_8463_P, DKIM_PASS, ""},
    {NULL, DKIM_PERMERROR, "there is no key"},
    {"-", DKIM_PERMERROR, "there is no key"},
    {"!", DKIM_TEMPERROR, "its key could not be looked up"},
    {"v=spf1 -all", DKIM_PERMERROR, "its key is no key record"},
    {"v=DKIM2; " RSA_8463_P, DKIM_PERMERROR, "its key is no key record"},
    {"v=DKIM1; p=", DKIM_PERMERROR, "its key is revoked"},
    {"v=DKIM1; s=tlsrpt; " RSA_8463_P, DKIM_PERMERROR, "its key is not for mail"},
    {"v=DKIM1; h=sha1; " RSA_8463_P, DKIM_PERMERROR,
	"its key is for another algorithm"},
    {ED_8463, DKIM_PERMERROR, "its key is for another algorithm"},
    {"v=DKIM1; k=rsa; " ED_8463_P, DKIM_PERMERROR, "its key cannot be read"},
    {"v=DKIM1; p=AAAA", DKIM_PERMERROR, "its key cannot be read"},
    {"v=DKIM1; p=A", DKIM_PERMERROR, "its key cannot be read"},
    {RSA_6376, DKIM_FAIL, "the signature does not verify"},
    {"t=y; " RSA_6376_P, DKIM_NEUTRAL, "the signature does not verify"},
    {RSA_512, DKIM_POLICY, "its key is too short"},
};

static void
test_records(void **state)
{
	struct span message = span_of(rfc8463_message);
	size_t second = span_search(span_from(message, 1), SPAN("DKIM-Sig")) + 1;
	(void)state;
	for (size_t i = 0; i < COUNT(records); i++) {
		const struct zone zone[] = {
		    {"test._domainkey.football.example.com", records[i].txt},
		    {NULL, NULL}};
		struct dkim_check *c = check(span_from(message, second), zone, 0);
		if (c->verdicts[0].result != records[i].result)
			print_error("%s\n", records[i].txt);
		assert_verdict(&c->verdicts[0], records[i].result, records[i].why);
		assert_int_equal(dkim_check_result(c), records[i].result);
		dkim_check_free(&c);
	}
}

/* t=s: i= may not be below d= (RFC 6376's message has joe@football.example.com). */
static void
test_subdomain(void **state)
{
	const struct zone zone[] = {
	    {"brisbane._domainkey.example.com", "t=s; " RSA_6376_P}, {NULL, NULL}};
	(void)state;
	struct dkim_check *c = check(span_of(rfc6376_message), zone, 0);
	assert_verdict(
	    &c->verdicts[0], DKIM_PERMERROR, "its key is not for subdomains");
	dkim_check_free(&c);
}

/* l= that covers all passes, one that leaves something does not. */
static void
test_unsigned_tail(void **state)
{
	struct span head =
	    SPAN("DKIM-Signature: v=1; a=rsa-sha256; d=a.test; s=s; h=from; "
		 "l=3; c=simple/simple; b=AAAA; bh=");
	unsigned char hash[SHA256_BYTES];
	struct buf text = {0};
	const struct zone zone[] = {{"s._domainkey.a.test", RSA_8463}, {NULL, NULL}};
	(void)state;
	sha256(SPAN("abc"), hash);
	buf_span(&text, head);
	buf_base64(&text, span_make(hash, sizeof hash));
	buf_str(&text, "\r\nFrom: a@a.test\r\n\r\nabc more\r\n");
	struct dkim_check *c = check(buf_as_span(&text), zone, 0);
	assert_verdict(
	    &c->verdicts[0], DKIM_POLICY, "l= leaves a part of the body unsigned");
	dkim_check_free(&c);
	buf_free(&text);
}

/* So many signatures and no more are looked at; all keys are asked for at once. */
static void
test_many(void **state)
{
	struct buf text = {0};
	struct lookups l;
	(void)state;
	for (unsigned i = 0; i < DKIM_SIGNATURES_MAX + 5; i++)
		buf_putf(&text,
		    "DKIM-Signature: v=1; a=rsa-sha256; d=a.test; s=s%u; h=from; "
		    "b=AAAA; bh=AAAA; l=%u\r\n",
		    i, i);
	buf_str(&text, "From: a@a.test\r\n\r\n");
	lookups_init(&l);
	struct dkim_check *c = dkim_check_new(buf_as_span(&text));
	assert_int_equal(c->n, DKIM_SIGNATURES_MAX);
	assert_true(c->is_cut);
	assert_int_equal(dkim_check(c, &l, 0), E_MORE);
	assert_non_null(lookups_wanted(&l, DKIM_SIGNATURES_MAX - 1));
	assert_null(lookups_wanted(&l, DKIM_SIGNATURES_MAX));
	answer(&l, zone_6376);
	assert_int_equal(dkim_check(c, &l, 0), E_OK);
	assert_verdict(&c->verdicts[0], DKIM_PERMERROR, "there is no key");
	dkim_check_free(&c);
	lookups_done(&l);
	buf_free(&text);
}

static void
test_unsigned(void **state)
{
	(void)state;
	static const char *const messages[] = {
	    "", "\r\n", "From: a@a.test\r\n\r\nDKIM-Signature: v=1\r\n"};
	for (size_t i = 0; i < COUNT(messages); i++) {
		struct dkim_check *c = check(span_of(messages[i]), zone_6376, 0);
		assert_int_equal(c->n, 0);
		assert_int_equal(dkim_check_result(c), DKIM_NONE);
		dkim_check_free(&c);
	}
	struct dkim_check *c = check(
	    SPAN("DKIM-Signature: v=1; a=rsa-sha256; d=a.test; s=s; h=to; b=A; bh=A\r\n"
		 "From: a@a.test\r\n\r\n"),
	    zone_6376, 0);
	assert_verdict(&c->verdicts[0], DKIM_PERMERROR, "From is not signed");
	assert_true(span_eqs(c->verdicts[0].domain, "a.test"));
	dkim_check_free(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rfc6376),
	    cmocka_unit_test(test_rfc8463),
	    cmocka_unit_test(test_changes),
	    cmocka_unit_test(test_records),
	    cmocka_unit_test(test_subdomain),
	    cmocka_unit_test(test_unsigned_tail),
	    cmocka_unit_test(test_many),
	    cmocka_unit_test(test_unsigned),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
