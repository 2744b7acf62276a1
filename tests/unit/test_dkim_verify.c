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

#define RSA_6376                                                                       \
	"v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQ"                                \
	"KBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYt"                               \
	"IxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v"                               \
	"/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhi"                               \
	"tdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB"
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rfc6376),
	    cmocka_unit_test(test_rfc8463),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
