/* SPDX-License-Identifier: ISC */
/* test_rule.c - patterns; the rules of backoff and hold; what replies are about. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <unistd.h>

#include "conf/budget.h"
#include "conf/conf.h"
#include "proc/child.h"
#include "queue/backoff.h"
#include "queue/hold.h"

static void
test_patterns(void **state)
{
	(void)state;

	static const struct {
		const char *pattern, *text;
		bool fits;
	} rows[] = {{"*", "", true}, {"", "", true}, {"", "x", false},
	    {"a*", "A", true}, {"*a", "bA", true}, {"a?c", "abc", true},
	    {"a?c", "ac", false}, {"*ab*ab*", "xabyabz", true},
	    {"*ab*ab*", "xabyaz", false}, {"4?? *rate*", "450 4.2.0 the RATE is", true},
	    {"4?? *rate*", "550 rate", false}, {"*@example.org", "u@EXAMPLE.org", true},
	    {"*@example.org", "u@example.org.net", false}, {"**", "abc", true},
	    {"a**b", "axxb", true}, {"10.*", "100.1", false}};

	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(
		    rule_fits(span_of(rows[i].pattern), span_of(rows[i].text)),
		    rows[i].fits);
}

static void
test_rules(void **state)
{
	(void)state;
	struct backoff_rule b;
	struct hold_rule h;
	assert_int_equal(backoff_rule_parse(SPAN("rate=421 *=x"), &b), E_OK);
	assert_int_equal(b.class, BACKOFF_RATE);
	assert_true(span_eqs(b.pattern, "421 *=x"));
	assert_int_equal(backoff_rule_parse(SPAN("rate="), &b), E_BAD);
	assert_int_equal(backoff_rule_parse(SPAN("rate"), &b), E_BAD);
	assert_int_equal(backoff_rule_parse(SPAN("quick=x"), &b), E_BAD);
	assert_int_equal(
	    hold_rule_parse(SPAN("  client=10.*   sender=*@a.test"), &h), E_OK);
	assert_true(span_eqs(h.patterns[HOLD_CLIENT], "10.*") &&
		    span_eqs(h.patterns[HOLD_SENDER], "*@a.test"));
	assert_null(h.patterns[HOLD_RECIPIENT].p);
	assert_int_equal(hold_rule_parse(SPAN("sender=a sender=b"), &h), E_BAD);
	assert_int_equal(hold_rule_parse(SPAN("sender="), &h), E_BAD);
	assert_int_equal(hold_rule_parse(SPAN("size=1"), &h), E_BAD);
	assert_int_equal(hold_rule_parse(SPAN(" "), &h), E_BAD);
}

static void
test_replies(void **state)
{
	(void)state;

	static const struct {
		const char *reason;
		enum backoff class;
	} rows[] = {{"4.7.28 mx.test[192.0.2.1] said: 421 4.7.28 our system has "
		     "detected an unusual rate",
			BACKOFF_RATE},
	    {"4.7.0 mx.test said: 421 4.7.0 no", BACKOFF_RATE},
	    {"4.2.1 mx.test said: 450 4.2.1 rate limit of this user", BACKOFF_RATE},
	    {"4.3.2 mx.test said: 421 4.3.2 busy, please try again later",
		BACKOFF_RATE},
	    {"4.3.2 mx.test said: 451 4.3.2 too many connections", BACKOFF_RATE},
	    {"4.5.3 mx.test said: 452 4.5.3 too many recipients", BACKOFF_ALONE},
	    {"4.2.0 mx.test said: 450 4.2.0 <a@b.test>: Recipient address rejected: "
	     "Greylisted",
		BACKOFF_GREYLIST},
	    {"4.7.1 mx.test said: 451 4.7.1 come back in 5 minutes", BACKOFF_GREYLIST},
	    {"4.2.2 mx.test said: 452 4.2.2 the mailbox is full", BACKOFF_ALONE},
	    {"4.3.0 mx.test said: 451 4.3.0 not now", BACKOFF_ALONE},
	    {"4.4.2 rate.test did not answer in time", BACKOFF_ALONE},
	    {"5.7.1 mx.test said: 550 5.7.1 greylisted", BACKOFF_ALONE},
	    {"4.0.0 mx.test said: 451 special words", BACKOFF_RATE},
	    {"", BACKOFF_ALONE}};

	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(backoff_class(span_of(rows[i].reason)), rows[i].class);
}

static void
test_hold(void **state)
{
	(void)state;
	struct rcpt to[] = {
	    {.address = SPAN("x@good.test")}, {.address = SPAN("y@bad.test")}};
	struct envelope e = {.sender = SPAN("me@a.test"),
	    .client = SPAN("192.0.2.7"),
	    .account = SPAN(""),
	    .n_rcpts = 1,
	    .rcpts = to};
	assert_null(hold_rule_for(&e));
	e.n_rcpts = 2;
	assert_string_equal(hold_rule_for(&e), "recipient=*@BAD.test");
	e.n_rcpts = 1;
	e.sender = SPAN("me@b.test");
	assert_string_equal(hold_rule_for(&e), "sender=*@b.test client=192.0.2.*");
	e.client = SPAN("198.51.100.1");
	assert_null(hold_rule_for(&e));
}

static void
test_budgets(void **state)
{
	static const char *const bad[] = {"", "messages", "messages=", "messages=5",
	    "messages=5/", "messages=5/week", "messages=0/hour", "messages=-1/hour",
	    "messages=100000001/hour", "messages=None/hour", "message=5/hour",
	    "messages=5/hour ", " messages=5/hour", "=5/hour"};
	struct budget b = {0}, wide = {0};
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(budget_parse(span_of(bad[i]), &b), E_BAD);
	for (size_t i = 0; i < BUDGET_WHATS; i++)
		for (size_t w = 0; w < BUDGET_WINDOWS; w++)
			assert_int_equal(b.most[i][w], 0);
	assert_int_equal(budget_parse(SPAN("messages=5/hour"), &b), E_OK);
	assert_int_equal(budget_parse(SPAN("new=none/day"), &b), E_OK);
	assert_int_equal(budget_parse(SPAN("recipients=100000000/day"), &b), E_OK);
	assert_int_equal(b.most[BUDGET_MESSAGES][BUDGET_HOUR], 5);
	assert_int_equal(b.most[BUDGET_RECIPIENTS][BUDGET_DAY], 100000000);
	assert_int_equal(b.most[BUDGET_NEW][BUDGET_DAY], BUDGET_NONE);
	assert_int_equal(budget_parse(SPAN("messages=7/hour"), &wide), E_OK);
	assert_int_equal(budget_parse(SPAN("messages=8/day"), &wide), E_OK);
	assert_int_equal(budget_parse(SPAN("new=9/day"), &wide), E_OK);
	wide = budget_join(&b, &wide);
	assert_int_equal(wide.most[BUDGET_MESSAGES][BUDGET_HOUR], 5);
	assert_int_equal(wide.most[BUDGET_MESSAGES][BUDGET_DAY], 8);
	assert_int_equal(wide.most[BUDGET_NEW][BUDGET_DAY], 0);
	assert_int_equal(wide.most[BUDGET_NEW][BUDGET_HOUR], 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_patterns),
	    cmocka_unit_test(test_rules), cmocka_unit_test(test_budgets),
	    cmocka_unit_test(test_replies), cmocka_unit_test(test_hold)};
	static const char text[] =
	    "version = 1\nqueue {\n\tbackoff = {\"rate=451 special*\"}\n"
	    "\thold = {\"recipient=*@BAD.test\", \"sender=*@b.test "
	    "client=192.0.2.*\"}\n}\n";
	char path[] = "/tmp/test_rule.XXXXXX";
	struct buf errors = {0};
	struct conf *conf = NULL;
	int fd = mkstemp(path);
	if (fd < 0 || write(fd, text, sizeof text - 1) != (ssize_t)sizeof text - 1 ||
	    conf_load(path, &errors, &conf) != E_OK)
		return 1;
	close(fd);
	unlink(path);
	the_child.conf = conf;
	int failed = cmocka_run_group_tests_name("rule", tests, NULL, NULL);
	conf_free(&conf);
	buf_free(&errors);
	return failed;
}
